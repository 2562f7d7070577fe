import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";

const HERE = import.meta.dirname;
const HOSTILE = "a\u001b[2Jb\u009b31mc\u202ed\u2028e\rf\u0000g\ud800";

/** What a program that imports print.ts, as `p`, leaves on both streams. */
function printed(program: string, env: NodeJS.ProcessEnv = { NO_COLOR: "1" }) {
  const script = `const p = await import(${JSON.stringify(join(HERE, "print.ts"))}); const hostile = ${JSON.stringify(HOSTILE)}; ${program}`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", script],
    { encoding: "utf8", env: { ...process.env, ...env } },
  );
  return { stdout, stderr };
}

/* oxlint-disable no-control-regex -- these are the ones that must not get through */
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029]/;

test("printLine, printAside and printJson let nothing unseen through, and JSON means the same", () => {
  const { stdout, stderr } = printed(
    `p.printLine(hostile, p.painted("bold", hostile)); p.printAside(hostile); p.printJson({ [hostile]: hostile });`,
  );
  assert.doesNotMatch(stdout + stderr, UNSEEN);
  const [line = "", json = ""] = stdout.split("\n");
  assert.ok(line.startsWith("a\\u001b[2Jb\\u009b31mc\\u202ed\\u2028e\\u000df\\u0000g"), line);
  assert.deepEqual(JSON.parse(json), { [HOSTILE]: HOSTILE });
});

test("printLine paints its own pieces where there are colours, and nobody else's words", () => {
  const { stdout } = printed(`p.printLine(p.painted("red", hostile));`, { FORCE_COLOR: "1" });
  assert.ok(stdout.startsWith("\u001b[31ma\\u001b[2Jb"), JSON.stringify(stdout));
  assert.ok(stdout.endsWith("\u001b[39m\n"));
});

test("nothing in cli writes to a terminal but what escapes", () => {
  const writers = globSync(join(HERE, "*.ts"))
    .filter((path) => !path.endsWith(".test.ts"))
    .filter((path) => /console\.\w|process\.std(?:out|err)\.write/.test(readFileSync(path, "utf8")))
    .map((path) => basename(path));
  // rules-lsp.ts writes JSON to an editor. Reports escape by themselves; exit.ts shows a fault of ours whole where SAKER_DEBUG asks for it.
  assert.deepEqual(writers.toSorted(), [
    "audit-output.ts",
    "exit.ts",
    "line-output.ts",
    "print.ts",
    "progress.ts",
    "rules-lsp.ts",
  ]);
});
