import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runtimeContract } from "../../test/fixtures/runtime-contract.ts";
import { filesRuntime } from "./layered-runtime.ts";
import { machineFiles } from "./machine-files.ts";

/** As systemd-machined 252 writes it (src/machine/machine.c, machine_save). */
const machine = (
  name: string,
  leader: number,
  kind: string,
): string => `# This is private data. Do not parse.
NAME=${name}
SCOPE=machine-${name}.scope
SERVICE=${kind}
ROOT=/var/lib/machines/${name}
ID=0123456789abcdef0123456789abcdef
LEADER=${leader}
CLASS=${kind === "qemu" ? "vm" : "container"}
REALTIME=1700000000123456
MONOTONIC=4711
`;

test("machineFiles knows systemd's and libvirt's containers, no virtual machines", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "saker-machines-"));
  t.after(() => rm(folder, { recursive: true }));
  const sleeper = spawn("/bin/sleep", ["1000"]);
  t.after(() => sleeper.kill());
  const files = machineFiles(folder);
  await writeFile(join(folder, "deb"), machine("deb", sleeper.pid ?? 0, "nspawn"));
  await writeFile(join(folder, "shop"), machine("shop", 0, "libvirt-lxc"));
  await writeFile(join(folder, "vm"), machine("vm", 1, "qemu"));
  await writeFile(join(folder, "unit:machine-deb.scope"), "");
  await writeFile(join(folder, "empty"), "");
  await writeFile(join(folder, "huge"), "NAME=huge\n".repeat(10_000));
  const deb = (await files.inspect({ id: "deb" })) ?? assert.fail();
  assert.deepEqual(
    [deb.runtime, deb.places, deb.metadata.pid, deb.metadata.startedAt],
    [
      "systemd-nspawn",
      ["/machine.slice/machine-deb.scope"],
      sleeper.pid,
      1_700_000_000_123_456_000n,
    ],
  );
  assert.equal((await files.inspect({ id: "shop" }))?.runtime, "libvirt-lxc");
  for (const id of ["vm", "empty", "huge", "unit:machine-deb.scope"])
    assert.equal(await files.inspect({ id }), undefined, id);
  assert.deepEqual((await files.list()).toSorted(), ["deb", "shop"]);
  await runtimeContract(t, {
    runtime: filesRuntime(files),
    run: async (name) => {
      await writeFile(join(folder, name), machine(name, 0, "nspawn"));
      return name;
    },
    remove: (id) => rm(join(folder, id)),
  });
});
