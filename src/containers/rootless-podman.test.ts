import assert from "node:assert/strict";
import { chownSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fuseMissing, mountSilentFileSystem } from "../../test/fixtures/silent-file-system.ts";
import { rootlessPodman } from "./rootless-podman.ts";

const ANN = 4711;
const ID = "a".repeat(64);
const PLACE = `/user.slice/user-${ANN}.slice/user@${ANN}.service/user.slice/libpod-${ID}.scope`;

test("rootlessPodman knows a user's container by his files", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to give files away");
  const { runFolder, home } = await userWithContainer(t);
  const podman = rootlessPodman({ runFolder, homeOf: async () => home });
  assert.equal(await podman.isThere(), true);
  for (const question of [{ id: ID, directory: PLACE }, { id: ID }]) {
    const known = (await podman.inspect(question)) ?? assert.fail();
    assert.deepEqual(
      [known.metadata.name, known.metadata.image, known.places],
      ["web", "docker.io/library/busybox:latest", [PLACE]],
    );
  }
  assert.equal(await podman.inspect({ id: "b".repeat(64), directory: PLACE }), undefined);
});

test("a home that does not answer is not an empty one, and holds up nobody else", async (t) => {
  const missing = fuseMissing();
  if (missing !== undefined) return t.skip(missing);
  const { runFolder } = await userWithContainer(t);
  const home = await mountSilentFileSystem([import.meta.filename]);
  t.after(() => home.release());
  home.fallSilent();
  const podman = rootlessPodman({ runFolder, homeOf: async () => home.point });
  const answer = assert.rejects(podman.inspect({ id: ID, directory: PLACE }), {
    code: "PEER_PAUSED",
  });
  const ofRoot = await podman.inspect({ id: ID, directory: `/machine.slice/libpod-${ID}.scope` });
  assert.equal(ofRoot, undefined);
  await answer;
  // Nobody waits for it a second time.
  await assert.rejects(podman.inspect({ id: ID, directory: PLACE }), {
    code: "PEER_PAUSED",
    message: /did not answer lately/,
  });
  assert.deepEqual(await podman.list(), []);
});

async function userWithContainer(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "saker-rootless-"));
  t.after(() => rm(folder, { recursive: true }));
  const [runFolder, home] = [join(folder, "run"), join(folder, "home")];
  const list = [
    {
      id: ID,
      names: ["web"],
      metadata: JSON.stringify({ "image-name": "docker.io/library/busybox:latest" }),
    },
  ];
  const spec = {
    ociVersion: "1.1.0",
    annotations: { "io.container.manager": "libpod" },
    linux: { cgroupsPath: `user.slice:libpod:${ID}` },
  };
  const storage = join(home, ".local/share/containers/storage/vfs-containers");
  const files = {
    [join(storage, "containers.json")]: JSON.stringify(list),
    [join(storage, ID, "userdata/config.json")]: JSON.stringify(spec),
    [join(runFolder, String(ANN), "containers/lock")]: "",
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    if (process.getuid?.() === 0) chownSync(path, ANN, ANN);
  }
  return { runFolder, home };
}
