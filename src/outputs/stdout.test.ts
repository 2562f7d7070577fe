import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WRITER = fileURLToPath(new URL("../../test/fixtures/stdout-writer.ts", import.meta.url));

/** Writes alerts to standard output, which the shell command reads; returns what it and stderr had. */
async function writtenTo(reader: string, ...words: readonly string[]) {
  const shell = spawn("sh", ["-c", `"$@" | ${reader}`, "sh", process.execPath, WRITER, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr)]);
  return { out, result: JSON.parse(err) };
}

test("stdout_output writes Falco's lines, one alert a line whatever stands in it", async () => {
  const { out, result } = await writtenTo(
    "cat",
    "2",
    JSON.stringify("a\nb\u202e\u0085\u2028\u0000\"c'"),
  );
  assert.equal(
    out.split("\n")[0],
    "08:23:00.580354112: Warning a\\nb\\u202e\\u0085\\u2028\\u0000\\\"c'",
  );
  assert.equal(out.split("\n").length, 3);
  assert.equal(result.counts.delivered, 2);
  assert.deepEqual(result.said, []);
});

test("stdout_output ends when its reader goes away, says so once, and counts", async () => {
  const { out, result } = await writtenTo("head -n 1", "5000", JSON.stringify("x".repeat(1000)));
  assert.equal(out.split("\n").length, 2);
  assert.deepEqual(result.said, [
    "Writing to standard output ends: its reader went away; the watch goes on",
  ]);
  const { delivered, dropped } = result.counts;
  assert.equal(delivered + dropped["its reader went away"], 5000);
  assert.ok(dropped["its reader went away"] > 0);
  assert.equal(result.turns, true, "the event loop went on");
});

test("stdout_output does not hold the process while its reader does not read", async () => {
  const { out, result } = await writtenTo(
    "(sleep 0.5; wc -l)",
    "3000",
    JSON.stringify("x".repeat(1000)),
  );
  assert.equal(out.trim(), "3000");
  assert.equal(result.counts.delivered, 3000);
  assert.equal(result.turns, true);
});
