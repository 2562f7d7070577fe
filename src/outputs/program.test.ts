import assert from "node:assert/strict";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { FileClaims } from "./file-claims.ts";
import { PROGRAM_OUTPUT } from "./program.ts";

/** A program output in a folder of its own, which is `$D` for the program. */
function programOutput(
  t: { after(fn: () => void): void },
  program: string,
  { keepAlive = false, abortMs = 60_000, slowMs = 60_000 } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "saker-program-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const problems: string[] = [];
  const onProblem = (text: string): void => void problems.push(text);
  const log = openSync(join(folder, "printed"), "w");
  const destination = PROGRAM_OUTPUT.open(
    { enabled: true, program, keepAlive },
    {
      format: { isoTime: false, utcOffsetMinutes: () => 0 },
      json: true,
      stdout: { stream: new PassThrough() },
      environment: { D: folder, PATH: "/usr/bin:/bin" },
      programStdio: [log, log],
      claims: new FileClaims(),
      onProblem,
      onNote: onProblem,
    },
  );
  const delivery = new Delivery(destination, {
    abortMs,
    slowMs,
    firstPauseMs: 1,
    onProblem,
    onNote: onProblem,
  });
  const take = (...rules: readonly string[]): void => {
    for (const rule of rules) delivery.take(alertNews({ rule }));
  };
  const read = (name: string): string =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  const rules = (name: string): string[] =>
    read(name)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line).rule);
  return { delivery, take, read, rules, folder, problems };
}

test("program_output starts a program for each alert, in order, with the line on its input", async (t) => {
  const { delivery, take, rules, read, problems } = programOutput(
    t,
    'echo started; cat /dev/stdin >> "$D/got"; exit 3',
  );
  take("a", "b\nc\u0000\u202e'\"$(touch $D/x)");
  const counts = await delivery.close(60_000);
  assert.deepEqual(rules("got"), ["a", "b\nc\u0000\u202e'\"$(touch $D/x)"]);
  assert.equal(read("printed"), "started\nstarted\n");
  assert.equal(counts.delivered, 2);
  assert.deepEqual(problems, []);
});

test("program_output with keep_alive feeds one program, which reads to the end", async (t) => {
  const { delivery, take, rules, read } = programOutput(
    t,
    'echo started; while read -r line; do echo "$line" >> "$D/got"; done; echo ended',
    { keepAlive: true },
  );
  take("a", "b");
  await until("both are read", () => rules("got").length === 2);
  take("c");
  assert.equal((await delivery.close(60_000)).delivered, 3);
  assert.deepEqual(rules("got"), ["a", "b", "c"]);
  assert.equal(read("printed"), "started\nended\n");
});

test("program_output with keep_alive runs the seed's kind of event handler", async (t) => {
  const { delivery, take, rules } = programOutput(
    t,
    'while read -r line; do case "$line" in *open_port*) echo "$line" >> "$D/openport.txt";; esac; done',
    { keepAlive: true },
  );
  take("a");
  delivery.take(alertNews({ rule: "other", tags: [] }));
  take("b");
  await delivery.close(60_000);
  assert.deepEqual(rules("openport.txt"), ["a", "b"]);
});

test("program_output with keep_alive starts a program that died anew, and loses no line", async (t) => {
  const { delivery, take, rules, problems } = programOutput(
    t,
    'read -r line; echo "$line" >> "$D/got"; kill -9 $$',
    { keepAlive: true },
  );
  take("a", "b", "c", "d");
  await until("all are delivered", () => delivery.counts().delivered === 4);
  assert.deepEqual(rules("got"), ["a", "b", "c", "d"]);
  assert.deepEqual((await delivery.close(60_000)).refused, {});
  for (const text of problems) assert.match(text, /was ended by SIGKILL|works again/);
});

test("program_output counts alerts that a program did not read, and says so once", async (t) => {
  const { delivery, take, problems } = programOutput(t, "/nonexistent/handler.sh");
  take("a", "b");
  await until("both are settled", () => delivery.counts().waiting === 0);
  assert.deepEqual((await delivery.close()).refused, {
    "it ended with status 127 without reading the alert": 2,
  });
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /program "\/nonexistent\/handler.sh": it ended with status 127/);
});

test("program_output ends a program that hangs, with all that it started", async (t) => {
  const { delivery, take, problems, read } = programOutput(
    t,
    'read -r line; echo $$ >> "$D/pids"; sleep 1000 | sleep 1000',
    { abortMs: 200, slowMs: 20 },
  );
  take("a");
  await until("it is ended", () => delivery.counts().waiting === 0);
  const counts = await delivery.close();
  assert.deepEqual(counts.refused, { "it did not end after it had read the alert": 1 });
  assert.match(problems[0] ?? "", /has not taken an alert for 20 ms/);
  const pid = Number(read("pids"));
  await until("the shell is gone", () => !existsSync(`/proc/${pid}`));
});

test("program_output waits for a program that reads slowly, with more than a pipe holds", async (t) => {
  const { delivery, folder } = programOutput(
    t,
    'while [ ! -e "$D/go" ]; do sleep 0.02; done; cat > "$D/got"',
    { keepAlive: true },
  );
  const message = "x".repeat(200_000);
  delivery.take(alertNews({ message }));
  writeFileSync(join(folder, "go"), "");
  const counts = await delivery.close(60_000);
  assert.equal(counts.delivered, 1);
  assert.ok(JSON.parse(readFileSync(join(folder, "got"), "utf8")).output.endsWith(message));
});

test("program_output.reopen() lets the program end and starts it anew", async (t) => {
  const { delivery, take, read } = programOutput(t, 'echo started; cat >> "$D/got"', {
    keepAlive: true,
  });
  take("a");
  await until("it is delivered", () => delivery.counts().delivered === 1);
  delivery.reopen();
  take("b");
  assert.equal((await delivery.close(60_000)).delivered, 2);
  assert.equal(read("printed"), "started\nstarted\n");
});
