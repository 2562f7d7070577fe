import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, it } from "node:test";
import { createServer } from "node:tls";
import { putProgram } from "../../scripts/image-files.ts";
import { derTime, makeCertificate, pemOf } from "../fixtures/made-certificate.ts";
import { until } from "../fixtures/until.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const isRoot = process.getuid?.() === 0;
const hasStrip = (process.env["PATH"] ?? "")
  .split(":")
  .some((folder) => existsSync(join(folder, "strip")));
const skip = !isRoot && "needs root (chroot)";
/** A root with nothing but the program, its libraries and what the kernel shows. */
const IN_ROOT = `mount -t proc proc "$0/proc" && mount -t sysfs sys "$0/sys" &&
  mount -t tmpfs tmp "$0/tmp" && exec chroot "$0" /saker "$@"`;

describe("the one file that npm run pack:sea makes", { skip: !hasStrip && "needs strip" }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-sea-"));
  const root = join(folder, "root");
  const program = join(folder, "saker");
  pack(program);
  for (const name of ["proc", "sys", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  putProgram(root, program, "/saker");
  after(() => rmSync(folder, { recursive: true, force: true }));

  const start = (...args: readonly string[]) =>
    spawn("unshare", ["--mount", "sh", "-c", IN_ROOT, root, ...args], {
      env: { NO_COLOR: "1", NODE_OPTIONS: "--require=/none.js" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const ended = async (...args: readonly string[]) => {
    const child = start(...args);
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    return { code, out, err };
  };

  it("is the same whenever it is made", () => {
    const again = join(folder, "again");
    pack(again);
    assert.ok(readFileSync(again).equals(readFileSync(program)));
  });

  it(
    "says its version, and takes no options of Node's from the environment",
    { skip },
    async () => {
      const { version } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8")) as {
        readonly version: string;
      };
      assert.deepEqual(await ended("--version"), { code: 0, out: `${version}\n`, err: "" });
    },
  );

  it("has the rules within: all of them, or named as if it were a folder", { skip }, async () => {
    for (const paths of [[], ["/saker/rules"], ["/saker/rules/saker_rules.yaml"]]) {
      const { code, out } = await ended("rules", "check", ...paths);
      assert.equal(code, 0);
      assert.match(out, /^\/saker\/rules\/saker_rules\.yaml: ok\n/);
    }
    const absent = await ended("rules", "check", "/saker/rules/none.yaml");
    assert.equal(absent.code, 2);
    assert.match(absent.err, /Cannot load rules from "\/saker\/rules\/none\.yaml": ENOENT/);
    const tests = await ended("rules", "test");
    assert.match(tests.out, /^\d+ passed, 0 failed$/m);
  });

  it("audits a port", { skip }, async () => {
    const { der, key } = makeCertificate({ notAfter: derTime(new Date(Date.UTC(2040, 1))) });
    const pem = key.privateKey.export({ type: "pkcs8", format: "pem" });
    const server = createServer({ key: pem, cert: pemOf(der) }, (socket) => socket.end());
    server.on("tlsClientError", () => {});
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const { out, err } = await ended("audit", `127.0.0.1:${port}`);
    server.close();
    assert.match(out, /TLSv1\.3, grade /, err);
  });

  const canWatch = isRoot && existsSync("/sys/kernel/btf/vmlinux");
  it(
    "watches by its probe, with its threads and its page",
    { skip: !canWatch && "needs root and BTF" },
    async () => {
      const child = start("watch", "--report", "/tmp/report", "--host-ports", "-o", "web.port=0");
      let said = "";
      child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
      const page = await until("the page", () => /page: (http:\S+?\/)login/.exec(said)?.[1], {
        seen: () => said,
      });
      const answer = await fetch(page);
      assert.match(await answer.text(), /<script .*src="\/assets\/main-/);
      // The child is the watch itself: unshare, sh and chroot gave it their place.
      child.kill("SIGTERM");
      const [code] = await once(child, "close");
      assert.equal(code, 0, said);
      assert.match(said, /watching this host: eBPF/);
      assert.doesNotMatch(said, /has ended/);
      assert.match(said, /\d+ events, 0 dropped/);
    },
  );
});

function pack(path: string): void {
  const script = join(CHECKOUT, "scripts/pack-sea.ts");
  execFileSync(process.execPath, [script, path], { stdio: ["ignore", "ignore", "inherit"] });
}
