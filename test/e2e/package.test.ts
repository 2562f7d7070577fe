import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { createServer } from "node:tls";
import { captureBytes } from "../fixtures/captures.ts";
import { derTime, makeCertificate, pemOf } from "../fixtures/made-certificate.ts";
import { type PackedSaker, installPacked } from "../fixtures/packed.ts";
import { THREADS } from "../../src/shipped/start-thread.ts";

const canWatch = process.getuid?.() === 0 && existsSync("/sys/kernel/btf/vmlinux");
const skipWatch = canWatch ? false : "needs root and BTF";
const CHECKOUT = join(import.meta.dirname, "../..");
const RULES = `- {rule: Shadow, desc: d, condition: "evt.type = openat and fd.name = /etc/shadow", output: o, priority: WARNING}
- {rule: Shells, desc: d, condition: "evt.type = execve and proc.pname = sh", output: o, priority: INFO}
`;
const SHIPPED = "node_modules/saker/rules/saker_rules.yaml";

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
      "dist/watch/main.js",
      "dist/program/LICENCES",
      `probe/saker.${process.arch}.bpf.o`,
      "rules/saker_rules.yaml",
      "rules/base/falco_names.yaml",
      "dist/ui/index.html",
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

  test("holds the threads that it starts", () => {
    const threads = THREADS.map((name) => `dist/${name}.js`);
    assert.deepEqual(
      threads.filter((thread) => !packed.files.includes(thread)),
      [],
    );
  });

  test("says its version", async () => {
    const { version } = JSON.parse(
      await readFile(join(packed.prefix, "node_modules/saker/package.json"), "utf8"),
    ) as { version: string };
    const said = await installed(packed, ["--version"]);
    assert.deepEqual(said, done(`${version}\n`));
  });

  test("checks the rules that it ships, and runs their tests", async () => {
    const check = await installed(packed, ["rules", "check"]);
    assert.deepEqual([check.code, check.err], [0, ""]);
    assert.match(check.out, /saker_rules\.yaml: ok\n\d+ rules\b.*\n$/);
    const tests = await installed(packed, ["rules", "test"]);
    assert.equal(tests.code, 0, tests.out + tests.err);
  });

  test("audits a port", async () => {
    const { code, out } = await installed(packed, ["audit", "--json", "127.0.0.1:1"]);
    const report = JSON.parse(out) as { readonly target: string; readonly errors: unknown[] };
    assert.deepEqual([code, report.target, report.errors.length > 0], [1, "127.0.0.1:1", true]);
  });

  test("watches this host", { skip: skipWatch }, async () => {
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

  test("has types for its doors: those of test/types, and the examples", async () => {
    const folder = join(packed.prefix, "consumer");
    await cp(join(CHECKOUT, "examples"), folder, { recursive: true });
    await cp(join(CHECKOUT, "test/types"), folder, { recursive: true });
    const compilerOptions = {
      target: "es2024",
      lib: ["es2024", "esnext.typedarrays", "esnext.collection", "esnext.iterator"],
      module: "nodenext",
      types: ["node"],
      typeRoots: [join(CHECKOUT, "node_modules/@types")],
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      // The declarations of the package are checked, too.
      skipLibCheck: false,
    };
    const project = join(folder, "tsconfig.json");
    await writeFile(project, JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const tsc = join(CHECKOUT, "node_modules/.bin/tsc");
    assert.deepEqual(await ended(process.execPath, [tsc, "-p", project]), done(""));
  });

  const example = async (name: string, ...args: readonly string[]) => {
    const path = join(packed.prefix, name);
    await copyFile(join(CHECKOUT, "examples", name), path);
    return ended(process.execPath, [path, ...args]);
  };

  test("saker/rules: examples/check-rules.ts finds what is wrong, with its place", async () => {
    const rules = join(packed.prefix, "mine.yaml");
    await writeFile(rules, "- rule: R\n  desc: d\n  condition: proc.nmae = x\n");
    const wrong = await example("check-rules.ts", rules);
    assert.equal(wrong.code, 1, wrong.err);
    assert.match(wrong.out, /mine\.yaml: \d errors\n.+mine\.yaml:\d+:\d+: error LOAD_ERR/s);
    assert.deepEqual(
      await example("check-rules.ts", join(packed.prefix, SHIPPED)),
      done(`${join(packed.prefix, SHIPPED)}: ok\n`),
    );
  });

  test("saker/rules: examples/replay-capture.ts runs rules over a capture", async () => {
    const [capture, rules] = [join(packed.prefix, "small.scap"), join(packed.prefix, "r.yaml")];
    await writeFile(capture, captureBytes());
    await writeFile(rules, RULES);
    assert.deepEqual(
      await example("replay-capture.ts", capture, rules),
      done("10 events\n1 Shadow\n1 Shells\n"),
    );
  });

  test("saker/audit: examples/expiry.ts says until when a certificate holds", async () => {
    const notAfter = new Date(Date.UTC(2040, 1, 2, 3, 4, 5));
    const { der, key } = makeCertificate({ notAfter: derTime(notAfter) });
    const pem = key.privateKey.export({ type: "pkcs8", format: "pem" });
    const server = createServer({ key: pem, cert: pemOf(der) }, (socket) => socket.end());
    server.on("tlsClientError", () => {});
    await once(server.listen(0, "127.0.0.1"), "listening");
    after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { code, out, err } = await example("expiry.ts", "127.0.0.1", String(port));
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(out, `holds until ${notAfter.toISOString()}\n`);
  });

  test("saker/watch: examples/opened-ports.ts watches", { skip: skipWatch }, async () => {
    const { code, err } = await example("opened-ports.ts", "1");
    assert.equal(code, 0, err);
    assert.match(err, /watching this host: eBPF/);
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
): Promise<Ended> {
  const path = [nodeFolder, process.env["PATH"]].join(delimiter);
  return ended(join(prefix, "node_modules/.bin/saker"), args, { PATH: path });
}

function ended(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(program, args, {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}

function done(out: string): Ended {
  return { code: 0, out, err: "" };
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
