import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { type PackedSaker, installPacked } from "../fixtures/packed.ts";

const canWatch = process.getuid?.() === 0 && existsSync("/sys/kernel/btf/vmlinux");

describe("the package that npm pack makes", async () => {
  const packed = await installPacked();
  if (typeof packed === "string")
    return void test("runs where npm can install it", { skip: packed });
  after(() => packed.remove());

  test("holds what runs and its assets, and no program of a test", () => {
    const { files } = packed;
    for (const name of [
      "bin/saker",
      "scripts/node24",
      "dist/cli/main.js",
      "dist/cli/watch.js",
      "dist/engine/heartbeat-thread.js",
      "dist/untrusted/reader-thread.js",
      `probe/saker.${process.arch}.bpf.o`,
      "rules/saker_rules.yaml",
      "rules/base/falco_names.yaml",
    ])
      assert.ok(files.includes(name), `${name} is missing`);
    const strange = files.filter((name) =>
      /(?:^|\/)(?:test|bench)\/|\.test\.|actor|\.ts$/.test(name),
    );
    assert.deepEqual(
      strange.filter((name) => !/^dist\/.+\.d\.ts$|^rules\/.+\.yaml$/.test(name)),
      [],
    );
  });

  test("says its version", async () => {
    const { version } = JSON.parse(
      await readFile(join(packed.prefix, "node_modules/saker/package.json"), "utf8"),
    ) as { version: string };
    const said = await installed(packed, ["--version"]);
    assert.deepEqual(said, { code: 0, out: `${version}\n`, err: "" });
  });

  test("checks the rules that it ships, and runs their tests", async () => {
    const check = await installed(packed, ["rules", "check"]);
    assert.deepEqual([check.code, check.err], [0, ""]);
    assert.match(check.out, /saker_rules\.yaml: ok\n\d+ rules\n$/);
    const tests = await installed(packed, ["rules", "test"]);
    assert.equal(tests.code, 0, tests.out + tests.err);
  });

  test("audits a port", async () => {
    const { code, out } = await installed(packed, ["audit", "--json", "127.0.0.1:1"]);
    const report = JSON.parse(out) as { readonly target: string; readonly errors: unknown[] };
    assert.deepEqual([code, report.target, report.errors.length > 0], [1, "127.0.0.1:1", true]);
  });

  test("watches this host", { skip: canWatch ? false : "needs root and BTF" }, async () => {
    const report = join(packed.prefix, "report");
    const { code, err } = await installed(packed, [
      "watch",
      "--duration",
      "1s",
      "--report",
      report,
    ]);
    assert.equal(code, 0, err);
    assert.match(err, /watching this host: eBPF/);
    assert.match(err, /^saker: \d+ events, /m);
  });

  test("says in one line that Node is too old, and in one what to do", async () => {
    const old = join(packed.prefix, "old");
    await mkdir(old);
    const node = join(old, "node");
    await writeFile(node, '#!/bin/sh\ncase "$1" in -p) echo 20 ;; -v) echo v20.20.2 ;; esac\n');
    await chmod(node, 0o755);
    for (const args of [["--version"], ["watch"], ["rules", "check"]])
      assert.deepEqual(await installed(packed, args, old), {
        code: 2,
        out: "",
        err: "saker: error: Cannot run: Node 24 is not installed (found: v20.20.2)\nsaker: hint: install Node 24 or newer and put it first in PATH\n",
      });
  });
});

/** Runs the installed command as a shell finds it; `node` is the one in `nodeFolder`. */
function installed(
  { prefix }: PackedSaker,
  args: readonly string[],
  nodeFolder = dirname(process.execPath),
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const path = [nodeFolder, process.env["PATH"]].join(delimiter);
  const child = spawn(join(prefix, "node_modules/.bin/saker"), args, {
    cwd: prefix,
    env: { ...process.env, PATH: path, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}
