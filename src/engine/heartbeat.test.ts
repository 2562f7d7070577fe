import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "../../test/fixtures/until.ts";

/** A process under a heartbeat of half a second that does what the script says. */
function startUnderWatch(
  t: TestContext,
  script: string,
): { child: ChildProcess; err: () => string } {
  const from = JSON.stringify(fileURLToPath(new URL("./heartbeat.ts", import.meta.url)));
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `const { startHeartbeat } = await import(${from});
       const heartbeat = startHeartbeat({ silenceMs: 500, onProblem: console.error });
       const { openSync } = await import("node:fs");
       await new Promise((resolve) => setTimeout(resolve, 1500));
       console.error("begin");
       ${script}
       setInterval(() => {}, 1000);`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  t.after(() => child.kill("SIGKILL"));
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return { child, err: () => err };
}

test("startHeartbeat() reports a thread that waits, for what, and that it runs again", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-beat-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pipe = join(folder, "pipe");
  execFileSync("/usr/bin/mkfifo", [pipe]);
  const { err } = startUnderWatch(t, `openSync(${JSON.stringify(pipe)}, "r");`);
  await until("the word", () => /has not run/.test(err()), { seen: err });
  assert.match(
    err(),
    /begin\nsaker: warning: The thread that reads events has not run for 0\.\d s: it waits in the kernel( \(\w+\))?, state S\n$/,
  );
  writeFileSync(pipe, "");
  await until("the end of it", () => /runs again after \d+\.\d s/.test(err()), { seen: err });
});

test("startHeartbeat() reports a thread that is busy, unless that one says that it lives", async (t) => {
  const busy = (act: string): string =>
    `for (const end = Date.now() + 3000; Date.now() < end;) ${act}; console.error("done");`;
  const silent = startUnderWatch(t, busy("{}"));
  const alive = startUnderWatch(t, busy("heartbeat.beat()"));
  await until("both", () => [silent, alive].every(({ err }) => /done/.test(err())), {
    seen: () => silent.err() + alive.err(),
    timeoutMs: 60_000,
  });
  assert.match(silent.err(), /has not run for 0\.\d s: it is busy/);
  assert.doesNotMatch(alive.err(), /has not run/);
});

test("startHeartbeat() says nothing of a process that was stopped as a whole", async (t) => {
  const { child, err } = startUnderWatch(t, "");
  await until("the beginning", () => /begin/.test(err()), { seen: err });
  child.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 2000));
  child.kill("SIGCONT");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(err(), "begin\n");
});

for (const end of ["heartbeat.close();", "", "process.exit(3);"])
  test(`startHeartbeat() keeps no process that ends with '${end}'`, async (t) => {
    const { child, err } = startUnderWatch(t, `globalThis.setInterval = () => {}; ${end}`);
    await until("its end", () => child.exitCode !== null, { seen: err });
    assert.equal(child.exitCode, end.includes("exit") ? 3 : 0);
    assert.equal(err(), "begin\n");
  });
