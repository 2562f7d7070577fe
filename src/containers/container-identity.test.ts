import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type FakeRuntime, fakeRuntime } from "../../test/fixtures/fake-runtime.ts";
import { runtimeContract } from "../../test/fixtures/runtime-contract.ts";
import { cgroupRoots } from "./cgroup-scan.ts";
import type { ContainerRuntime } from "./container.ts";
import { ContainerRegistry } from "./container-registry.ts";
import { metadataOf } from "./metadata.ts";
import type { Runtime } from "./runtime.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const HOST_PIDS = 1;
const OTHER_PIDS = 2;

test("a runtime of any kind keeps the contract", (t) => {
  const runtime = fakeRuntime("lxc");
  return runtimeContract(t, {
    runtime,
    run: async (name) => {
      runtime.run(name);
      return name;
    },
    remove: async (id) => runtime.remove(id),
  });
});

test("ContainerRegistry asks the runtimes that a control group's layout names, and no others", async () => {
  const [docker, podman, crio] = (["docker", "podman", "cri-o"] as const).map((kind) =>
    fakeRuntime(kind),
  ) as [FakeRuntime, FakeRuntime, FakeRuntime];
  const registry = registryOf(docker, podman, crio);
  docker.run(A, { metadata: metadataOf({ name: "web" }) });
  await settle(registry, 1, `/docker/${A}`);
  await settle(registry, 2, `/machine.slice/libpod-${B}.scope`);
  assert.deepEqual([docker.asked, podman.asked, crio.asked], [[A], [B], []]);
  const unknown = "c".repeat(64);
  await settle(registry, 3, `/kubepods/burstable/pod1/${unknown}`);
  assert.deepEqual(
    [docker.asked, podman.asked, crio.asked],
    [[A, unknown], [B, unknown], [unknown]],
  );
  assert.equal(registry.byCgroup(1)?.metadata?.name, "web");
});

test("ContainerRegistry: a control group named like another container's id is not that container", async () => {
  const docker = fakeRuntime("docker");
  const registry = registryOf(docker);
  docker.run(A, { places: [`/docker/${A}`], metadata: metadataOf({ name: "victim" }) });
  docker.run(B, { places: [`/docker/${B}`], metadata: metadataOf({ name: "attacker" }) });
  await registry.start();
  // Before its own control group, inside of another's, on the host.
  await settle(registry, 1, `/forged/${A}`);
  await settle(registry, 2, `/docker/${A}`);
  await settle(registry, 3, `/docker/${B}`);
  await settle(registry, 4, `/docker/${B}/${A}`);
  await settle(registry, 5, `/docker/${B}/docker/${A}`);
  await settle(registry, 6, `/forged/docker/${A}`);
  const names = [1, 2, 3, 4, 5, 6].map((id) => registry.byCgroup(id)?.metadata?.name);
  assert.deepEqual(names, [undefined, "victim", "attacker", "attacker", "attacker", undefined]);
  assert.equal(registry.byCgroup(1), undefined);
  registry.stop();
});

test("ContainerRegistry: where a runtime does not say the place, its process does", async (t) => {
  const root = cgroupRoots("/sys/fs/cgroup").unified;
  if (process.getuid?.() !== 0 || root === undefined) return t.skip("needs root and cgroup v2");
  const own = join(root, `saker-test-${process.pid}`);
  mkdirSync(own);
  const first = spawn("/bin/sleep", ["1000"]);
  const gone = new Promise((resolve) => first.once("exit", resolve));
  t.after(async () => {
    first.kill();
    await gone;
    rmdirSync(own);
  });
  writeFileSync(join(own, "cgroup.procs"), String(first.pid));
  const docker = fakeRuntime("docker");
  const registry = registryOf(docker);
  docker.run(A, { metadata: metadataOf({ name: "victim" }) });
  await registry.start();
  await settle(registry, 1, `/forged/${A}`);
  assert.equal(registry.byCgroup(1)?.metadata?.name, "victim");
  docker.run(A, { metadata: metadataOf({ name: "victim", pid: first.pid ?? 0 }) });
  for (let left = 200; left > 0 && registry.byCgroup(1) !== undefined; left -= 1) await sleep(10);
  assert.equal(registry.byCgroup(1), undefined);
  assert.equal(registry.byPath(`/saker-test-${process.pid}`)?.metadata?.name, "victim");
  registry.stop();
});

test("ContainerRegistry: two containers of one id are two", async () => {
  const [docker, podman] = [fakeRuntime("docker"), fakeRuntime("podman")];
  const registry = registryOf(docker, podman);
  docker.run(A, { places: [`/docker/${A}`], metadata: metadataOf({ name: "one" }) });
  podman.run(A, { places: [`/libpod_parent/libpod-${A}`], metadata: metadataOf({ name: "two" }) });
  await registry.start();
  await settle(registry, 1, `/docker/${A}`);
  await settle(registry, 2, `/libpod_parent/libpod-${A}`);
  const names = [1, 2].map((id) => registry.byCgroup(id)?.metadata?.name);
  assert.deepEqual(names, ["one", "two"]);
  registry.stop();
});

test("ContainerRegistry: what only a layout says holds for processes of another pid namespace", async () => {
  const registry = registryOf(fakeRuntime("docker"));
  const cases: [path: string, id: string, runtime: ContainerRuntime][] = [
    ["/lxc.payload.web/init.scope", "web", "lxc"],
    ["/lxc/db", "db", "lxc"],
    ["/machine.slice/machine-deb\\x2d12.scope/payload", "deb-12", "systemd-nspawn"],
    ["/machine.slice/systemd-nspawn@old.service/payload", "old", "systemd-nspawn"],
    ["/machine.slice/machine-lxc\\x2d4711\\x2dshop.scope/libvirt", "shop", "libvirt-lxc"],
    ["/machine/shop.libvirt-lxc", "shop", "libvirt-lxc"],
    ["/system.slice/runc-bpm-uaa.scope", "uaa", "bpm"],
    [`/docker/${B}`, B.slice(0, 12), "docker"],
  ];
  for (const [index, [path, id, runtime]] of cases.entries()) {
    await settle(registry, index, path);
    const found = registry.byCgroup(index, OTHER_PIDS) ?? assert.fail(path);
    assert.deepEqual([found.id, found.runtime], [id, runtime], path);
    assert.equal(registry.byCgroup(index, HOST_PIDS), undefined, path);
  }
});

test("ContainerRegistry: the host's own groups stay the host's", async () => {
  const registry = registryOf(fakeRuntime("containerd"));
  const paths = [
    "/",
    "/init.scope",
    "/system.slice/ssh.service",
    "/user.slice/user-1000.slice/session-1.scope",
    "/kubepods/burstable",
    "/default/nothing",
    "/lxc.monitor.web",
    "/lxc.monitor/web",
    "/machine.slice/machine-deb.scope/supervisor",
    "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/emulator",
    `/x/${"y".repeat(5000)}`,
    "",
  ];
  for (const [index, path] of paths.entries()) await settle(registry, index, path);
  for (const [index, path] of paths.entries())
    assert.equal(registry.byCgroup(index, OTHER_PIDS), undefined, path);
});

test("ContainerRegistry: a group is its container's however long its path", async () => {
  const docker = fakeRuntime("docker");
  docker.run(A, { places: [`/docker/${A}`] });
  const registry = registryOf(docker);
  await settle(registry, 1, `/docker/${A}`);
  registry.cgroupAppeared(2, `/docker/${A}${`/${"d".repeat(255)}`.repeat(40)}`);
  assert.equal(registry.byCgroup(2), registry.byCgroup(1));
});

test("ContainerRegistry: a container whose group had no name of one is found by its runtime", async () => {
  const containerd = fakeRuntime("containerd");
  const registry = registryOf(containerd);
  await registry.start();
  containerd.run("web", { places: ["/a/b/anything"], metadata: metadataOf({ name: "web" }) });
  await sleep(10);
  registry.cgroupAppeared(1, "/a/b/anything");
  registry.cgroupAppeared(2, "/a/b/anything/below");
  registry.cgroupAppeared(3, "/a/b/other");
  const names = [1, 2, 3].map((id) => registry.byCgroup(id)?.metadata?.name);
  assert.deepEqual(names, ["web", "web", undefined]);
  registry.stop();
});

test("ContainerRegistry: thousands of made-up groups delay nobody, and are asked for once", async () => {
  const docker = slow(fakeRuntime("docker"));
  const registry = registryOf(docker.runtime);
  docker.fake.run(A, { metadata: metadataOf({ name: "innocent" }) });
  for (let id = 0; id < 2000; id += 1)
    registry.cgroupAppeared(1000 + id, `/made-up/${id.toString(16).padStart(64, "0")}`);
  registry.cgroupAppeared(1, `/docker/${A}`);
  const innocent = registry.byCgroup(1) ?? assert.fail();
  await registry.whenSettled(innocent, 60_000);
  assert.equal(innocent.metadata?.name, "innocent");
  // It was asked for in its turn: not behind all the others.
  assert.ok(docker.fake.asked.length < 200, `${docker.fake.asked.length} were asked for before`);
  const { refused } = registry.stats();
  assert.ok(refused > 0 && refused < 2000, `${refused} were refused`);
  const again = registry.byCgroup(1000) ?? assert.fail();
  await registry.whenSettled(again, 60_000);
  registry.cgroupGone(1000);
  const before = docker.fake.asked.filter((id) => id === "0".repeat(64)).length;
  registry.cgroupAppeared(1000, `/made-up/${"0".repeat(64)}`);
  await sleep(50);
  assert.equal(docker.fake.asked.filter((id) => id === "0".repeat(64)).length, before);
});

test("ContainerRegistry: ten thousand containers that a runtime lists are all known", async () => {
  const docker = fakeRuntime("docker");
  const ids = Array.from({ length: 10_000 }, (_, index) => index.toString(16).padStart(64, "0"));
  for (const id of ids) docker.run(id, { places: [`/docker/${id}`] });
  const registry = registryOf(docker);
  await registry.start();
  assert.equal(registry.list().filter(({ state }) => state === "known").length, 10_000);
  assert.equal(registry.byPath(`/docker/${ids[77]}/below`)?.fullId, ids[77]);
  registry.stop();
});

test("ContainerRegistry: a runtime that hangs delays no other's containers", async () => {
  const [hanging, docker] = [fakeRuntime("podman"), fakeRuntime("docker")];
  hanging.hang(true);
  const registry = registryOf(hanging, docker);
  docker.run(A, { metadata: metadataOf({ name: "web" }) });
  for (let id = 0; id < 1000; id += 1)
    registry.cgroupAppeared(
      1000 + id,
      `/libpod_parent/libpod-${id.toString(16).padStart(64, "0")}`,
    );
  await settle(registry, 1, `/docker/${A}`);
  assert.equal(registry.byCgroup(1)?.metadata?.name, "web");
});

test("ContainerRegistry: what a runtime says at first takes nothing away of what is known", async () => {
  const fake = fakeRuntime("containerd");
  const part = { places: ["/default/web"], isComplete: false };
  let isLate = false;
  const runtime: Runtime = {
    ...fake,
    inspect: async (question) => {
      const known = await fake.inspect(question);
      if (known !== undefined) question.onFirst?.({ ...known, ...part });
      if (isLate) await new Promise(() => undefined);
      return known && { ...known, metadata: { ...known.metadata, image: "test/web:1" } };
    },
  };
  const registry = registryOf(runtime);
  fake.run("web", part);
  await settle(registry, 1, "/default/web");
  assert.equal(registry.byCgroup(1)?.metadata?.image, "test/web:1");
  isLate = true;
  await registry.refresh(registry.byCgroup(1) ?? assert.fail());
  assert.equal(registry.byCgroup(1)?.metadata?.image, "test/web:1");
});

function registryOf(...runtimes: readonly Runtime[]): ContainerRegistry {
  return new ContainerRegistry({
    runtimes,
    cgroupRoot: "/nonexistent",
    hostPidNamespace: HOST_PIDS,
  });
}

/** Takes some milliseconds for each answer. */
function slow(fake: FakeRuntime): { readonly fake: FakeRuntime; readonly runtime: Runtime } {
  const inspect: Runtime["inspect"] = async (question) => {
    const answer = await fake.inspect(question);
    await sleep(5);
    return answer;
  };
  return { fake, runtime: { ...fake, inspect } };
}

async function settle(registry: ContainerRegistry, id: number, path: string): Promise<void> {
  registry.cgroupAppeared(id, path);
  for (;;) {
    const container = registry.byCgroup(id);
    if (container === undefined || container.state !== "pending") return;
    await registry.whenSettled(container, 60_000);
    await Promise.resolve();
  }
}
