import assert from "node:assert/strict";
import { test } from "node:test";
import { podmanMissing, startPodman } from "../../test/fixtures/podman.ts";
import { runtimeContract } from "../../test/fixtures/runtime-contract.ts";
import { cgroupOfProcess } from "./cgroup-scan.ts";
import { dockerClient } from "./docker-client.ts";
import { podmanRuntime } from "./docker-runtime.ts";
import { filesRuntime } from "./layered-runtime.ts";
import { storageFiles } from "./storage-files.ts";

test("Podman, a real one", async (t) => {
  const missing = podmanMissing();
  if (missing !== undefined) return t.skip(missing);
  const podman = await startPodman();
  t.after(() => podman.stop());
  const files = storageFiles("podman", podman.roots);
  const runtime = podmanRuntime(dockerClient(`unix://${podman.socket}`), podman.roots);
  const remove = (id: string) => podman.podman("rm", "-f", "-t", "0", id).then(() => undefined);

  await t.test("by its files alone", (t) =>
    runtimeContract(t, { runtime: filesRuntime(files), run: podman.run, remove }),
  );

  await t.test("its files have name, image, command, control group", async () => {
    const id = await podman.run(
      "pweb",
      "--label",
      "team=red",
      "--env",
      "A=b",
      "-v",
      "/etc:/host:ro",
    );
    const known = (await runtime.inspect({ id })) ?? assert.fail();
    const { name, image, imageRepository, imageTag, imageId, mounts, command } = known.metadata;
    assert.deepEqual(
      [name, image, imageRepository, imageTag, command],
      ["pweb", "saker.test/box:1", "saker.test/box", "1", ["/bin/sleep", "1000000"]],
    );
    assert.match(imageId, /^[0-9a-f]{64}$/);
    assert.deepEqual(known.places, [cgroupOfProcess(known.metadata.pid)[0]]);
    const host = mounts.find(({ destination }) => destination === "/host");
    assert.deepEqual([host?.source, host?.writable], ["/etc", false]);
    assert.match((await runtime.status()).problem ?? "", /no such socket/);
  });

  await t.test("its API adds labels; what files and API say is one", async (t) => {
    await podman.serve();
    const id = await podman.podman("inspect", "--format", "{{.Id}}", "pweb");
    const known = (await runtime.inspect({ id })) ?? assert.fail();
    assert.equal(known.metadata.labels["team"], "red");
    assert.ok(known.metadata.startedAt > 0n);
    assert.equal(known.places.length, 1);
    assert.match((await runtime.status()).version ?? "", /^podman \d/);
    await runtimeContract(t, { runtime, run: podman.run, remove });
  });
});
