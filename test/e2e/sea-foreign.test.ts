import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
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
  const unreachable = pack(program);
  const skip = unreachable === undefined ? false : `npm reaches no registry: ${unreachable}`;
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

  it("is the same whenever it is made", { skip }, () => {
    const again = join(folder, "again");
    pack(again);
    assert.ok(readFileSync(again).equals(readFileSync(program)));
  });

  it("runs there: its version, the rules within, a port that is examined", (test) => {
    if (skip !== false) return test.skip(skip);
    if (spawnSync(QEMU, ["--version"]).status !== 0) return test.skip(`needs ${QEMU}`);
    if (!existsSync(join(LIBRARIES, "lib/libstdc++.so.6")))
      return test.skip(`needs libstdc++6-${OTHER.debian}-cross`);
    const run = (...args: readonly string[]) =>
      spawnSync(QEMU, ["-L", LIBRARIES, program, ...args], { encoding: "utf8" });
    assert.match(run("--version").stdout, /^\d+\.\d+\.\d+\n$/);
    assert.match(run("rules", "check").stdout, /\/saker\/rules\/saker_rules\.yaml: ok\n/);
    // Nothing listens there: what is to be seen is that it asks the kernel.
    const { status, stdout, stderr } = run("audit", "127.0.0.1:1");
    assert.match(stdout, /ECONNREFUSED/, stderr);
    assert.equal(status, 1, stderr);
  });
});

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
    const { stderr } = thrown as { readonly stderr: string };
    const [, reason] =
      /npm error code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT)/.exec(stderr) ?? [];
    if (reason === undefined) throw thrown;
    return reason;
  }
}
