import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { whyNoRegistry } from "../../scripts/locked-packages.ts";
import { PROCESSORS } from "../../scripts/processors.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const [OWN, OTHER] =
  process.arch === "x64" ? [PROCESSORS.x64, PROCESSORS.arm64] : [PROCESSORS.arm64, PROCESSORS.x64];
/** e_machine, elf(5). */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
/** Where Debian's packages libc6-arm64-cross and its like have the libraries. */
const LIBRARIES = `/usr/${OTHER.triplet}`;
const QEMU = `qemu-${OTHER.triplet.split("-")[0]}-static`;

function whyNot(): string | false {
  if (spawnSync(`${OTHER.triplet}-strip`, ["--version"]).status !== 0)
    return `needs ${OTHER.triplet}-strip`;
  const pinned = readFileSync(join(CHECKOUT, "scripts/setup"), "utf8");
  return (
    !pinned.includes(`node_version=${process.versions.node}\n`) &&
    "needs the Node that scripts/setup names"
  );
}

describe(`the one file for ${OTHER.name}, made on ${OWN.name}`, { skip: whyNot() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-sea-foreign-"));
  const program = join(folder, "saker");
  const skip = pack(program) ?? false;
  after(() => rmSync(folder, { recursive: true, force: true }));

  it(
    "is a program of that processor, with its probe and its door to the C library",
    { skip },
    () => {
      const bytes = readFileSync(program);
      assert.equal(bytes.readUInt16LE(18), MACHINES[OTHER.name]);
      const koffi = `.tools/${OTHER.name}/node_modules/@koromix/koffi-linux-${OTHER.name}/linux_${OTHER.name}/koffi.node`;
      for (const part of [koffi, `probe/saker.${OTHER.name}.bpf.o`])
        assert.ok(bytes.includes(readFileSync(join(CHECKOUT, part))), part);
      assert.ok(!bytes.includes(readFileSync(join(CHECKOUT, `probe/saker.${OWN.name}.bpf.o`))));
    },
  );

  it("goes into a Debian package and an image of that processor", (test) => {
    if (skip !== false) return test.skip(skip);
    if (spawnSync("apt-get", ["--version"]).status !== 0) return test.skip("needs apt");
    const packed = (script: string, ...args: readonly string[]): void => {
      const path = join(CHECKOUT, "scripts", script);
      const named = ["--arch", OTHER.name, "--program", program, ...args];
      // The day of the commit, where git knows it.
      const env = { SOURCE_DATE_EPOCH: "1796000000", ...process.env };
      execFileSync(process.execPath, [path, ...named], { stdio: "ignore", env });
    };
    packed("pack-deb.ts", "--fast", folder);
    const [deb = ""] = globSync(join(folder, `saker_*_${OTHER.debian}.deb`));
    const field = execFileSync("dpkg-deb", ["--field", deb, "Architecture"], { encoding: "utf8" });
    assert.equal(field, `${OTHER.debian}\n`);

    const [image, root] = [join(folder, "image"), join(folder, "root")];
    packed("pack-image.ts", `${image}.tar`);
    for (const name of [image, root]) mkdirSync(name);
    execFileSync("tar", ["--extract", "--file", `${image}.tar`, "--directory", image]);
    const read = (name: string): string => readFileSync(join(image, name), "utf8");
    const [{ Config, Layers }] = JSON.parse(read("manifest.json")) as [ImageManifest];
    assert.match(read(Config), new RegExp(`"architecture":"${OTHER.debian}","os":"linux"`));
    execFileSync("tar", ["-xzf", join(image, Layers[0]), "--directory", root]);
    const machines = globSync(["**/*.so.*", "usr/bin/saker", "bin/busybox"], { cwd: root }).map(
      (name) => [name, readFileSync(join(root, name)).readUInt16LE(18)] as const,
    );
    // Loader, C and C++ library with what these take, program, and busybox.
    assert.ok(machines.length >= 9, machines.join(" "));
    for (const [name, machine] of machines) assert.equal(machine, MACHINES[OTHER.name], name);
    runs(root, join(root, "usr/bin/saker"), test);
  });

  it("is the same whenever it is made", { skip }, () => {
    const again = join(folder, "again");
    pack(again);
    assert.ok(readFileSync(again).equals(readFileSync(program)));
  });

  it("runs there: its version, the rules within, a port that is examined", (test) => {
    if (skip !== false) return test.skip(skip);
    if (!existsSync(join(LIBRARIES, "lib/libstdc++.so.6")))
      return test.skip(`needs libstdc++6-${OTHER.debian}-cross`);
    runs(LIBRARIES, program, test);
  });
});

interface ImageManifest {
  readonly Config: string;
  readonly Layers: readonly [string];
}

/** By a processor that a program plays, with the libraries below `root`. */
function runs(root: string, program: string, test: TestContext): void {
  if (spawnSync(QEMU, ["--version"]).status !== 0) return test.skip(`needs ${QEMU}`);
  const run = (...args: readonly string[]) =>
    spawnSync(QEMU, ["-L", root, program, ...args], { encoding: "utf8" });
  assert.match(run("--version").stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match(run("rules", "check").stdout, /\/saker\/rules\/saker_rules\.yaml: ok\n/);
  // Nothing listens there: what is to be seen is that it asks the kernel.
  const { status, stdout, stderr } = run("audit", "127.0.0.1:1");
  assert.match(stdout, /ECONNREFUSED/, stderr);
  assert.equal(status, 1, stderr);
}

/** Why npm cannot bring what it takes, if so. */
function pack(path: string): string | undefined {
  const script = join(CHECKOUT, "scripts/pack-sea.ts");
  try {
    execFileSync(process.execPath, [script, "--arch", OTHER.name, path], {
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
    });
    return undefined;
  } catch (thrown) {
    const reason = whyNoRegistry(thrown);
    if (reason === undefined) throw thrown;
    return reason;
  }
}
