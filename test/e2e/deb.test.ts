import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

const CHECKOUT = join(import.meta.dirname, "../..");
const BUSYBOX = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path));

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return "needs root (dpkg --root)";
  if (spawnSync("dpkg-deb", ["--version"]).status !== 0) return "needs dpkg-deb";
  return BUSYBOX === undefined && "needs busybox-static";
}

describe("the Debian package", { skip: whyNot() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-deb-test-"));
  const root = join(folder, "root");
  after(() => rmSync(folder, { recursive: true, force: true }));
  makeRoot(root);
  const first = pack(folder);
  const second = renamed(first, "99.0");

  const dpkg = (...args: readonly string[]): string =>
    execFileSync(
      "dpkg",
      // No library is installed there, and nothing need be safe from a power failure.
      [`--root=${root}`, "--force-depends", "--force-unsafe-io", "--force-confold", ...args],
      { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
    );
  const there = (path: string): boolean => existsSync(join(root, path));
  const text = (path: string): string => readFileSync(join(root, path), "utf8");

  it("is the same whenever it is made", () => {
    const again = join(folder, "again");
    assert.ok(readFileSync(pack(again)).equals(readFileSync(first)));
  });

  it("installs program, unit, configuration, pages and completions, and enables nothing", () => {
    dpkg("--install", first);
    for (const path of [
      "usr/bin/saker",
      "usr/lib/systemd/system/saker.service",
      "etc/saker/saker.yaml",
      "etc/saker/rules.d",
      "etc/logrotate.d/saker",
      "usr/share/man/man1/saker-watch.1.gz",
      "usr/share/bash-completion/completions/saker",
      "usr/share/zsh/vendor-completions/_saker",
      "usr/share/fish/vendor_completions.d/saker.fish",
      "usr/share/doc/saker/changelog.gz",
    ])
      assert.ok(there(path), path);
    assert.ok(!there("etc/systemd/system/multi-user.target.wants/saker.service"));
    assert.match(text("usr/share/doc/saker/copyright"), /\nNode\.js \(.*\nkoffi \(MIT\)\n/s);
    assert.equal(dpkg("--verify", "saker"), "");
  });

  it("keeps what an administrator has changed when it is upgraded", () => {
    appendFileSync(join(root, "etc/saker/saker.yaml"), "# mine\n");
    dpkg("--install", second);
    assert.match(text("etc/saker/saker.yaml"), /# mine\n$/);
  });

  it("leaves configuration and reports when it is removed, and nothing when it is purged", () => {
    for (const name of ["lib", "log"]) {
      mkdirSync(join(root, "var", name, "saker"), { recursive: true });
      writeFileSync(join(root, "var", name, "saker/kept"), "");
    }
    dpkg("--remove", "saker");
    assert.deepEqual(["usr/bin/saker", "etc/saker/saker.yaml", "var/log/saker/kept"].map(there), [
      false,
      true,
      true,
    ]);
    dpkg("--purge", "saker");
    assert.deepEqual(["etc/saker", "var/log/saker", "var/lib/saker"].map(there), [
      false,
      false,
      false,
    ]);
  });
});

/** A root in which dpkg works: its own records, and a shell for the package's scripts. */
function makeRoot(root: string): void {
  for (const name of ["bin", "var/lib/dpkg/info", "var/lib/dpkg/updates"])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ["status", "available"]) writeFileSync(join(root, "var/lib/dpkg", name), "");
  copyFileSync(BUSYBOX ?? "", join(root, "bin/busybox"));
  for (const name of ["sh", "rm"]) symlinkSync("busybox", join(root, "bin", name));
}

/** Of a small program: what is packed is tried in sea.test.ts. */
function pack(to: string): string {
  const script = join(CHECKOUT, "scripts/pack-deb.ts");
  const args = [script, "--program", BUSYBOX ?? "", "--fast", to];
  // The day of the commit, where git knows it.
  const env = { SOURCE_DATE_EPOCH: "1796000000", ...process.env };
  return execFileSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env,
  }).trim();
}

/** The same package as another version. */
function renamed(path: string, version: string): string {
  const [contents, to] = [`${path}.d`, `${path}.${version}.deb`];
  execFileSync("dpkg-deb", ["--raw-extract", path, contents]);
  const control = join(contents, "DEBIAN/control");
  writeFileSync(
    control,
    readFileSync(control, "utf8").replace(/^Version: .*$/m, `Version: ${version}`),
  );
  execFileSync("dpkg-deb", ["-Zgzip", "-z1", "--build", contents, to], { stdio: "ignore" });
  return to;
}
