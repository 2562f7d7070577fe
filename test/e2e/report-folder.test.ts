import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { saker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const folder = mkdtempSync(join(tmpdir(), "saker-e2e-report-"));
after(() => rmSync(folder, { recursive: true }));

test("two watches of one report folder: the second says so, until the first was killed", async () => {
  const [alerts, report] = [join(folder, "alerts.json"), join(folder, "report")];
  writeFileSync(alerts, "");
  const watch = ["watch", "--source", `falco:${alerts}`, "--report", report];
  const first = startSaker(watch);
  await until("the first watch", () => first.err().includes("watching Falco's alerts"));
  const second = await saker(watch);
  assert.equal(second.code, 2);
  assert.match(second.err, /another saker watch writes there\n.*hint: end that one/);
  // Who reads and audits beside it is no second watch.
  const observer = await saker(["observe", alerts, "--report", report, "--duration", "100ms"]);
  assert.equal(observer.code, 0, observer.err);
  first.child.kill("SIGKILL");
  await first.ended();
  const third = await saker([...watch, "--duration", "100ms"]);
  assert.equal(third.code, 0, third.err);
});
