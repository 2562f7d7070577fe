import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Containerd,
  containerdMissing,
  startContainerd,
} from "../../test/fixtures/containerd.ts";
import { runtimeContract } from "../../test/fixtures/runtime-contract.ts";
import { cgroupOfProcess, scanContainerCgroups } from "./cgroup-scan.ts";
import { ContainerRegistry } from "./container-registry.ts";
import { containerdRuntime } from "./containerd-runtime.ts";
import type { KnownContainer } from "./runtime.ts";

/** runc's own state is one for all daemons of a host: names must be this test's. */
const WEB = `web-${process.pid}`;

test("containerdRuntime with a real containerd", async (t) => {
  const missing = containerdMissing();
  if (missing !== undefined) return t.skip(missing);
  const containerd = await startContainerd();
  t.after(() => containerd.stop());
  const runtime = containerdRuntime(containerd.state);

  await runtimeContract(t, {
    runtime,
    run: (name) => run(containerd, "default", name),
    remove: async (id) => {
      await containerd.ctr("task", "rm", "-f", id);
      await containerd.ctr("container", "rm", id);
    },
  });

  await t.test("knows what ctr runs: labels, image, environment, control group", async () => {
    await run(containerd, "default", WEB, "--label", "team=blue", "--env", "A=b");
    const known = (await runtime.inspect({ id: WEB })) ?? assert.fail();
    assert.deepEqual(known.places, [`/default/${WEB}`]);
    assert.deepEqual(cgroupOfProcess(known.metadata.pid), [`/default/${WEB}`, `/default/${WEB}`]);
    const { image, imageTag, imageDigest, labels, env, privileged, hostPid } = known.metadata;
    assert.deepEqual(
      [image, imageTag, labels["team"], privileged, hostPid],
      ["saker.test/box:1", "1", "blue", false, false],
    );
    assert.match(imageDigest, /^sha256:[0-9a-f]{64}$/);
    assert.ok(env.includes("A=b"));
  });

  await t.test("tells two namespaces' containers of one name apart by their place", async () => {
    await run(containerd, "team", WEB, "--label", "team=red");
    const labelAt = async (directory: string): Promise<string | undefined> =>
      (await runtime.inspect({ id: WEB, directory }))?.metadata.labels["team"];
    assert.equal(await labelAt(`/team/${WEB}`), "red");
    assert.equal(await labelAt(`/default/${WEB}`), "blue");
  });

  await t.test(
    "ContainerRegistry takes ctr's containers for what they are, by their cgroup alone",
    async () => {
      const registry = new ContainerRegistry({ runtimes: [runtime] });
      t.after(() => registry.stop());
      const groups = scanContainerCgroups("/sys/fs/cgroup");
      const found = [`/default/${WEB}`, `/team/${WEB}`].map((path) => {
        const group = groups.find((one) => one.path === path) ?? assert.fail(path);
        registry.cgroupAppeared(group.id, path);
        return registry.byCgroup(group.id) ?? assert.fail(path);
      });
      for (const container of found) await registry.whenSettled(container, 30_000);
      assert.deepEqual(
        found.map(({ id, runtime, metadata }) => [id, runtime, metadata?.labels["team"]]),
        [
          [WEB.slice(0, 12), "containerd", "blue"],
          [WEB.slice(0, 12), "containerd", "red"],
        ],
      );
      registry.cgroupAppeared(1, "/default/other");
      const other = registry.byCgroup(1) ?? assert.fail();
      await registry.whenSettled(other, 30_000);
      assert.equal(registry.byCgroup(1), undefined);
    },
  );

  await t.test("knows pods: name, namespace, labels, sandbox, start", async () => {
    const { container, sandbox } = await containerd.pod("shop-0", { app: "shop" });
    const known = (await runtime.inspect({ id: container })) ?? assert.fail();
    const { name, image, pod, startedAt, pid, hostNetwork } = known.metadata;
    assert.deepEqual([name, image, hostNetwork], ["main", "saker.test/box:1", true]);
    assert.deepEqual(
      { ...pod, ip: "" },
      {
        name: "shop-0",
        namespace: "shop",
        uid: "uid-of-shop-0",
        sandboxId: sandbox,
        labels: { app: "shop" },
        ip: "",
      },
    );
    assert.ok(startedAt > 0n && pid > 0);
    const holder = (await runtime.inspect({ id: sandbox })) ?? assert.fail();
    assert.deepEqual([holder.metadata.name, holder.metadata.pod?.sandboxId], ["shop-0", sandbox]);
    assert.deepEqual(known.places, [cgroupOfProcess(pid)[0]]);
  });

  await t.test(
    "knows by its files alone while the daemon is away, and all again after",
    async () => {
      await containerd.halt();
      const away = (await runtime.inspect({ id: WEB })) ?? assert.fail();
      assert.deepEqual([away.metadata.name, away.metadata.image], [WEB, ""]);
      assert.match((await runtime.status()).problem ?? "", /nothing listens there|no such socket/);
      await containerd.start();
      let image = "";
      for (let left = 100; left > 0 && image === ""; left -= 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        image = (await runtime.inspect({ id: WEB }))?.metadata.image ?? "";
      }
      assert.equal(image, "saker.test/box:1");
    },
  );

  await t.test("has heard of an image before anybody asks for it", async () => {
    const watching = new AbortController();
    t.after(() => watching.abort());
    const silent = { onConnected: () => {}, onEvent: () => {}, onProblem: () => {} };
    const watch = runtime.watch(silent, watching.signal);
    let heard: KnownContainer | undefined;
    // The daemon does not say from when on it tells.
    for (let left = 20; left > 0 && !heard?.metadata.image; left -= 1) {
      const id = await run(containerd, "default", `told-${process.pid}-${left}`);
      heard = await new Promise((onFirst) => void runtime.inspect({ id, onFirst }));
    }
    const { image, imageRepository } = heard?.metadata ?? assert.fail();
    assert.deepEqual([image, imageRepository], ["saker.test/box:1", "saker.test/box"]);
    watching.abort();
    await watch;
  });
});

async function run(
  { ctr, image }: Containerd,
  namespace: string,
  name: string,
  ...flags: readonly string[]
): Promise<string> {
  await ctr("-n", namespace, "run", "-d", ...flags, image, name, "/bin/sleep", "1000000");
  return name;
}
