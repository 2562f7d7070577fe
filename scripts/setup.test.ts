import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";

const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|npm: not found/;

/** A checkout of nothing but the set-up, on a machine whose Node is old. */
function setUp(t: TestContext, change: (script: string) => string) {
  const root = mkdtempSync(join(tmpdir(), "saker-setup-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ["scripts", "node_modules"]) mkdirSync(join(root, folder));
  const script = readFileSync(join(import.meta.dirname, "setup"), "utf8");
  writeFileSync(join(root, "scripts/setup"), change(script));
  cpSync(join(import.meta.dirname, "node24"), join(root, "scripts/node24"));
  writeFileSync(join(root, "package.json"), '{"name":"x","version":"1.0.0"}');
  const lock = { name: "x", version: "1.0.0", lockfileVersion: 3, packages: {} };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
  const old = join(root, "old");
  mkdirSync(old);
  // What npm runs by is the Node that there is; only who asks its version gets another.
  writeFileSync(
    join(old, "node"),
    `#!/bin/sh\ncase "$1" in -p) echo 20 ;; -v) echo v20.20.2 ;; *) exec "${process.execPath}" "$@" ;; esac\n`,
  );
  chmodSync(join(old, "node"), 0o755);
  const { status, stderr } = spawnSync("sh", ["scripts/setup"], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH: `${old}:${process.env["PATH"] ?? ""}:${dirname("/usr/bin/npm")}` },
  });
  const node = join(root, ".tools/node_modules/.bin/node");
  return { root, status, stderr, node };
}

test("scripts/setup fetches the Node that it names, where the machine's is old", (t) => {
  const { status, stderr, node } = setUp(t, (script) => script);
  if (UNREACHABLE.test(stderr)) return t.skip("npm reaches no registry");
  assert.equal(status, 0, stderr);
  const version = /^node_version=(\S+)$/m.exec(
    readFileSync(join(import.meta.dirname, "setup"), "utf8"),
  )?.[1];
  const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  assert.equal(stdout, `v${version}\n`);
});

test("scripts/setup takes no Node whose digest is another", (t) => {
  const { status, stderr, node } = setUp(t, (script) =>
    script.replace(/_integrity=sha512-.{8}/g, "_integrity=sha512-AAAAAAAA"),
  );
  if (UNREACHABLE.test(stderr)) return t.skip("npm reaches no registry");
  assert.deepEqual([status, existsSync(node)], [2, false], stderr);
  assert.match(stderr, /npm error code EINTEGRITY/);
  assert.match(stderr, /^saker: error: Cannot fetch Node 24\.[\d.]+: /m);
});
