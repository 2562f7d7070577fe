import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerdMissing, startDockerd } from "../../test/fixtures/dockerd.ts";
import { runtimeContract } from "../../test/fixtures/runtime-contract.ts";
import { dockerClient } from "./docker-client.ts";
import { dockerFiles, dockerPlaces } from "./docker-files.ts";
import { dockerRuntime } from "./docker-runtime.ts";
import { filesRuntime } from "./layered-runtime.ts";

test("dockerPlaces knows a parent's groups, and that the daemon's own is not said", () => {
  assert.deepEqual(dockerPlaces("", "A"), []);
  assert.deepEqual(dockerPlaces("relative", "A"), []);
  assert.deepEqual(dockerPlaces("/mine", "A"), ["/mine/A"]);
  assert.deepEqual(dockerPlaces("a-b.slice", "A"), [
    "/a.slice/a-b.slice/docker-A.scope",
    "/a-b.slice:docker:A",
  ]);
});

test("Docker, a real one", async (t) => {
  const missing = dockerdMissing();
  if (missing !== undefined) return t.skip(missing);
  const dockerd = await startDockerd();
  t.after(() => dockerd.stop());
  const image = await dockerd.importImage({ reference: "registry:5000/saker/box:1.0" });
  const run = (name: string, ...flags: readonly string[]): Promise<string> =>
    dockerd.docker("run", "-d", "--init", "--name", name, ...flags, image, "sleep", "1000");
  const remove = (id: string) => dockerd.docker("rm", "-f", id).then(() => undefined);
  const files = filesRuntime(dockerFiles(() => [`${dockerd.root}/data`]));
  const runtime = dockerRuntime({ client: dockerClient(`unix://${dockerd.socket}`) });

  await t.test("by its files alone", (t) => runtimeContract(t, { runtime: files, run, remove }));
  await t.test("by files and API", (t) => runtimeContract(t, { runtime, run, remove }));

  await t.test("its files say what its API says of what a container is", async () => {
    const id = await run("web", "--label", "team=blue", "-e", "A=b", "-v", "/etc:/host:ro");
    const byFiles = (await files.inspect({ id })) ?? assert.fail();
    const byApi = await dockerClient(`unix://${dockerd.socket}`).inspect(id);
    assert.deepEqual(byFiles.metadata, byApi.metadata);
    assert.equal(byFiles.metadata.labels["team"], "blue");
  });

  await t.test("its files know a container before its first start", async () => {
    const id = await dockerd.docker(
      "create",
      "--name",
      "asleep",
      "--cgroup-parent",
      "/own",
      image,
      "true",
    );
    const known = (await files.inspect({ id })) ?? assert.fail();
    assert.deepEqual(
      [known.metadata.name, known.running, known.places, known.isComplete],
      ["asleep", false, [`/own/${id}`], true],
    );
  });
});
