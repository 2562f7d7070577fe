import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dockerd, dockerdMissing, startDockerd } from "../../test/fixtures/dockerd.ts";
import { scanContainerCgroups } from "./cgroup-scan.ts";
import type { Container } from "./container.ts";
import { ContainerRegistry } from "./container-registry.ts";
import { dockerClient } from "./docker-client.ts";
import { dockerRuntime } from "./docker-runtime.ts";

const A = "5a98e8412b6c3fea18b9944a8ab378d1213f008cac119cc0d70c5ff412d50447";
const B = "fca1d6c9106fa73328425fde9154b63f0d909ce761d0d268854656b51deac9e5";
const NOWHERE = { cgroupRoot: "/nonexistent" };

test("ContainerRegistry maps cgroups to containers, and keeps a gone one for late events", () => {
  const stopped: string[] = [];
  const registry = new ContainerRegistry({
    runtimes: [],
    onStopped: (container) => stopped.push(container.id),
    ...NOWHERE,
  });
  registry.cgroupAppeared(7, "/system.slice/ssh.service");
  registry.cgroupAppeared(8, `/docker/${A}`);
  registry.cgroupAppeared(9, `/docker/${A}/inner`);
  assert.equal(registry.byCgroup(7), undefined);
  const container = registry.byCgroup(8);
  assert.equal(container, registry.byCgroup(9));
  assert.equal(container?.id, "5a98e8412b6c");
  assert.deepEqual(registry.list(), [container]);
  for (const id of [A, "5a98e8412b6c", "5a98"]) assert.equal(registry.byId(id), container);
  assert.equal(registry.byId("5a9"), undefined);
  registry.cgroupGone(9);
  assert.deepEqual(stopped, []);
  registry.cgroupGone(8);
  assert.deepEqual(stopped, ["5a98e8412b6c"]);
  assert.equal(registry.byCgroup(8), container);
  assert.deepEqual(registry.list(), []);
});

test("ContainerRegistry takes the newest path of a cgroup id", () => {
  const registry = new ContainerRegistry({ runtimes: [], ...NOWHERE });
  registry.cgroupAppeared(8, `/docker/${A}`);
  registry.cgroupAppeared(8, `/docker/${B}`);
  assert.equal(registry.byCgroup(8)?.fullId, B);
  registry.cgroupAppeared(8, "/system.slice");
  assert.equal(registry.byCgroup(8), undefined);
});

test("ContainerRegistry forgets the oldest of many stopped containers", () => {
  const registry = new ContainerRegistry({ runtimes: [], ...NOWHERE });
  for (let id = 0; id < 5000; id += 1) {
    registry.cgroupAppeared(id, `/docker/${id.toString(16).padStart(64, "0")}`);
    registry.cgroupGone(id);
  }
  assert.equal(registry.byCgroup(0), undefined);
  assert.equal(registry.byCgroup(4999)?.fullId, (4999).toString(16).padStart(64, "0"));
});

test("whenSettled fails a container with the reason when nobody can be asked", async () => {
  const problems: string[] = [];
  const endpoint = "unix:///tmp/saker-no-such.sock";
  const registry = new ContainerRegistry({
    runtimes: [dockerRuntime({ client: dockerClient(endpoint) })],
    onProblem: (message) => problems.push(message),
    ...NOWHERE,
  });
  await registry.start();
  const cases: [string, string][] = [
    [`/docker/${A}`, `Cannot reach Docker at "${endpoint}": no such socket`],
    [
      `/kubepods.slice/cri-containerd-${B}.scope`,
      "no container runtime that could be asked is configured",
    ],
  ];
  for (const [index, [path, failure]] of cases.entries()) {
    registry.cgroupAppeared(index, path);
    const container = await registry.whenSettled(registry.byCgroup(index) ?? assert.fail(), 1000);
    assert.deepEqual([container.state, container.failure], ["failed", failure]);
  }
  assert.deepEqual(problems, [`Cannot reach Docker at "${endpoint}": no such socket`]);
  registry.stop();
});

test("ContainerRegistry with a real dockerd", async (t) => {
  const missing = dockerdMissing();
  if (missing !== undefined) return t.skip(missing);
  const dockerd = await startDockerd();
  t.after(() => dockerd.stop());
  const image = await dockerd.importImage({ reference: "registry:5000/saker/box:1.0" });
  await dockerd.docker(
    "run",
    "-d",
    "--init",
    "--name",
    "early",
    "--label",
    "team=blue",
    "-p",
    "127.0.0.1::80",
    image,
    "sleep",
    "1000",
  );
  const { registry, stopped, problems } = await following(dockerd);
  t.after(() => registry.stop());

  await t.test("lists what runs already, with metadata and cgroup", async () => {
    const early = registry.byName("early") ?? assert.fail("early is not known");
    assert.equal(early.state, "known");
    assert.equal(early.metadata?.imageRepository, "registry:5000/saker/box");
    assert.equal(early.metadata?.labels["team"], "blue");
    assert.match(String(early.metadata?.ports[0]?.published?.address), /^127\.0\.0\.1$/);
    registry.scanCgroups();
    const group =
      scanContainerCgroups("/sys/fs/cgroup").find(({ path }) => path.includes(early.fullId)) ??
      assert.fail();
    assert.equal(registry.byCgroup(group.id), early);
  });

  await t.test("knows a container that lives a few milliseconds by its create event", async () => {
    const fullId = await dockerd.docker("create", "--name", "brief", image, "true");
    const created = await eventually(() => registry.byName("brief"));
    assert.deepEqual([created.fullId, created.state], [fullId, "known"]);
    await dockerd.docker("start", "-a", "brief");
    await dockerd.docker("rm", "brief");
    await eventually(() => (stopped.includes("brief") ? true : undefined));
    assert.equal(registry.byId(fullId), created);
    assert.equal(created.metadata?.name, "brief");
    assert.notEqual(created.metadata?.startedAt, 0n);
  });

  await t.test("refresh asks again, and keeps what is known when nobody answers", async () => {
    const alone = new ContainerRegistry({
      runtimes: [dockerRuntime({ client: dockerClient(`unix://${dockerd.socket}`) })],
      ...NOWHERE,
    });
    const first = (await alone.lookUp("early")) ?? assert.fail();
    const fullId = first.fullId;
    await dockerd.docker("rename", "early", "renamed");
    assert.equal(first.metadata?.name, "early");
    assert.equal(await alone.refresh(first), first);
    assert.equal(first.metadata?.name, "renamed");
    await dockerd.docker("rename", "renamed", "early");
    const nobody = new ContainerRegistry({ runtimes: [], ...NOWHERE });
    nobody.cgroupAppeared(1, `/docker/${fullId}`);
    const unnamed = nobody.byCgroup(1) ?? assert.fail();
    assert.equal((await nobody.refresh(unnamed)).state, "failed");
  });

  await t.test("the kernel's word alone is enough, and the object held gets its name", async () => {
    const alone = new ContainerRegistry({
      runtimes: [dockerRuntime({ client: dockerClient(`unix://${dockerd.socket}`) })],
      ...NOWHERE,
    });
    const fullId = registry.byName("early")?.fullId ?? assert.fail();
    alone.cgroupAppeared(1, `/docker/${fullId}`);
    const held = alone.byCgroup(1) ?? assert.fail();
    assert.equal(held.state, "pending");
    assert.equal(await alone.whenSettled(held, 3000), held);
    assert.equal(held.metadata?.name, "early");
    alone.cgroupAppeared(2, `/docker/${B}`);
    const ghost = await alone.whenSettled(alone.byCgroup(2) ?? assert.fail(), 3000);
    assert.deepEqual(
      [ghost.state, ghost.failure],
      ["failed", "no runtime that was asked knows this container"],
    );
    assert.equal((await alone.lookUp("early"))?.fullId, fullId);
    assert.equal(await alone.lookUp("nobody"), undefined);
  });

  await t.test("lookUpAnew() finds what has the name now, and what has changed since", async () => {
    const alone = new ContainerRegistry({
      runtimes: [dockerRuntime({ client: dockerClient(`unix://${dockerd.socket}`) })],
      ...NOWHERE,
    });
    const first = await dockerd.docker("create", "--init", "--name", "twice", image, "sleep", "9");
    const created = await alone.lookUpAnew("twice");
    assert.deepEqual([created?.fullId, created?.metadata?.pid], [first, 0]);
    await dockerd.docker("start", "twice");
    assert.equal((await alone.lookUp("twice"))?.metadata?.pid, 0);
    assert.notEqual((await alone.lookUpAnew("twice"))?.metadata?.pid, 0);
    await dockerd.docker("rm", "-f", "twice");
    assert.equal(await alone.lookUpAnew("twice"), undefined);
    const second = await dockerd.docker("create", "--name", "twice", image, "true");
    assert.equal((await alone.lookUp("twice"))?.fullId, first);
    assert.equal((await alone.lookUpAnew("twice"))?.fullId, second);
    await dockerd.docker("rm", "twice");
  });

  await t.test(
    "follows a new name, and what starts through a network mode of the host",
    async () => {
      await dockerd.docker("rename", "early", "late");
      await eventually(() => registry.byName("late"));
      await dockerd.docker(
        "run",
        "-d",
        "--init",
        "--name",
        "hostnet",
        "--network",
        "host",
        "--pid",
        "host",
        image,
        "sleep",
        "1000",
      );
      const { metadata } = await eventually(() =>
        registry.byName("hostnet")?.metadata?.pid ? registry.byName("hostnet") : undefined,
      );
      assert.deepEqual([metadata?.hostNetwork, metadata?.hostPid], [true, true]);
      // Others on this machine may run containers too, whose cgroups were scanned.
      assert.deepEqual(
        registry
          .list()
          .flatMap((container) => container.metadata?.name ?? [])
          .toSorted(),
        ["hostnet", "late"],
      );
    },
  );
  assert.deepEqual(problems, []);
});

async function following(
  dockerd: Dockerd,
): Promise<{ registry: ContainerRegistry; stopped: string[]; problems: string[] }> {
  const [stopped, problems]: [string[], string[]] = [[], []];
  const registry = new ContainerRegistry({
    runtimes: [dockerRuntime({ client: dockerClient(`unix://${dockerd.socket}`) })],
    onProblem: (message) => problems.push(message),
    onStopped: (container: Container) => stopped.push(container.metadata?.name ?? ""),
  });
  await registry.start();
  return { registry, stopped, problems };
}

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (let left = 100; left > 0; left -= 1) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(30);
  }
  return assert.fail("did not happen within 3 s");
}
