import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startSaker } from "../../test/fixtures/saker.ts";
import { until } from "../../test/fixtures/until.ts";

test("SIGUSR1 has a watch open its files and programs anew, and starts no debugger", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-reopen-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "falco.yaml");
  const got = join(folder, "got");
  writeFileSync(
    config,
    `program_output: {enabled: true, keep_alive: true, program: "echo started >> ${got}; cat >> ${got}"}`,
  );
  const args = ["--config", config, "--report", folder, "--no-audit"];
  const running = startSaker(["watch", "--source", "falco:-", ...args]);
  t.after(() => running.child.kill("SIGKILL"));
  const report = join(folder, "falco_report.txt");
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const alert = (rule: string): void =>
    void running.child.stdin?.write(
      `${JSON.stringify({ rule, output: rule, priority: "Notice" })}\n`,
    );
  alert("first");
  await until("the first is written", () => /first/.test(read(report)) && /first/.test(read(got)));
  renameSync(report, `${report}.1`);
  running.child.kill("SIGUSR1");
  // The signal and the lines come by different ways: lines until one starts the program anew.
  await until("the program is started anew", () => {
    alert("second");
    return read(got).split("started").length === 3;
  });
  await until("the second is written", () => /second/.test(read(report)));
  assert.doesNotMatch(read(report), /first/);
  const { code } = await running.stop();
  assert.equal(code, 0, running.err());
  assert.doesNotMatch(running.err(), /Debugger/);
});
