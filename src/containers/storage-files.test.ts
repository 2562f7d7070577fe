import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, truncateSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { crioRuntime } from "./crio-runtime.ts";
import { storageFiles, type StorageRoots } from "./storage-files.ts";

const SANDBOX = "5".repeat(64);
const WEB = "a".repeat(64);

/** As CRI-O 1.28 writes them (its pkg/annotations and container config), the parts that count. */
const CRIO_SANDBOX = {
  ociVersion: "1.1.0",
  annotations: {
    "io.container.manager": "cri-o",
    "io.kubernetes.cri-o.ContainerType": "sandbox",
    "io.kubernetes.cri-o.KubeName": "shop-0",
    "io.kubernetes.cri-o.Namespace": "shop",
    "io.kubernetes.cri-o.SandboxID": SANDBOX,
    "io.kubernetes.pod.uid": "u-1",
    "io.kubernetes.cri-o.Labels": '{"app":"shop","canary":""}',
    "io.kubernetes.cri-o.IP.0": "10.1.2.3",
  },
  linux: {
    cgroupsPath: `kubepods-besteffort-podu_1.slice:crio:${SANDBOX}`,
    namespaces: [{ type: "ipc" }, { type: "mount" }, { type: "network" }],
  },
};
const CRIO_WEB = {
  ociVersion: "1.1.0",
  process: { args: ["/bin/web", "-v"], env: ["A=b"] },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid"] },
    { destination: "/data", type: "bind", source: "/srv", options: ["rbind", "rprivate", "ro"] },
  ],
  annotations: {
    "io.container.manager": "cri-o",
    "io.kubernetes.cri-o.ContainerType": "container",
    "io.kubernetes.cri-o.ContainerName": "k8s_web_shop-0_shop_u-1_0",
    "io.kubernetes.cri-o.SandboxID": SANDBOX,
    "io.kubernetes.cri-o.ImageName": "quay.io/shop/web:2",
    "io.kubernetes.cri-o.Created": "2026-01-02T03:04:05Z",
    "io.kubernetes.cri-o.Labels": '{"io.kubernetes.container.name":"web"}',
    "io.kubernetes.container.name": "web",
    "io.kubernetes.pod.name": "shop-0",
    "io.kubernetes.pod.namespace": "shop",
    "io.kubernetes.pod.uid": "u-1",
  },
  linux: {
    cgroupsPath: `kubepods-besteffort-podu_1.slice:crio:${WEB}`,
    namespaces: [{ type: "pid" }, { type: "network", path: "/var/run/netns/x" }],
  },
};

test("crioRuntime knows a pod's container by files that CRI-O wrote", async (t) => {
  const roots = await store(t, {
    [`root/overlay-containers/containers.json`]: JSON.stringify([
      { id: WEB, names: ["k8s_web_shop-0_shop_u-1_0"], image: "1".repeat(64) },
    ]),
    [`run/overlay-containers/${SANDBOX}/userdata/config.json`]: JSON.stringify(CRIO_SANDBOX),
    [`run/overlay-containers/${WEB}/userdata/config.json`]: JSON.stringify(CRIO_WEB),
    [`run/overlay-containers/${WEB}/userdata/pidfile`]: String(process.pid),
  });
  const runtime = crioRuntime(join(roots.root, "no.sock"), roots);
  const known = (await runtime.inspect({ id: WEB })) ?? assert.fail();
  const { name, image, imageTag, pod, mounts, labels, hostNetwork, hostPid, pid } = known.metadata;
  assert.deepEqual(
    { name, image, imageTag, hostNetwork, hostPid, pid, labels },
    {
      name: "web",
      image: "quay.io/shop/web:2",
      imageTag: "2",
      hostNetwork: false,
      hostPid: false,
      pid: process.pid,
      labels: { "io.kubernetes.container.name": "web" },
    },
  );
  assert.deepEqual(pod, {
    name: "shop-0",
    namespace: "shop",
    uid: "u-1",
    sandboxId: SANDBOX,
    labels: { app: "shop", canary: "" },
    ip: "10.1.2.3",
  });
  assert.deepEqual(
    mounts.map(({ source, destination, writable }) => [source, destination, writable]),
    [["/srv", "/data", false]],
  );
  assert.equal(
    known.places[0],
    `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podu_1.slice/crio-${WEB}.scope`,
  );
  assert.deepEqual(await runtime.list(), [WEB]);
  // Podman keeps its own in the same folder, and says nothing of these.
  assert.equal(await storageFiles("podman", roots).inspect({ id: WEB }), undefined);
});

for (const list of [
  "root/overlay-containers/containers.json",
  // Podman 4.4's of `run --rm`, and of a transient store.
  "root/overlay-containers/volatile-containers.json",
  "run/overlay-containers/volatile-containers.json",
]) {
  test(`storageFiles takes name and image of Podman's container from ${list}`, async (t) => {
    const annotations = { "io.container.manager": "libpod" };
    const metadata = JSON.stringify({ "image-name": "quay.io/shop/web:2" });
    const roots = await store(t, {
      "root/overlay-containers/containers.json": "[]",
      [list]: JSON.stringify([{ id: WEB, names: ["shop"], image: "1".repeat(64), metadata }]),
      [`root/overlay-containers/${WEB}/userdata/config.json`]: JSON.stringify({
        ...CRIO_WEB,
        annotations,
      }),
    });
    const known = await storageFiles("podman", roots).inspect({ id: WEB });
    assert.deepEqual([known?.metadata.name, known?.metadata.image], ["shop", "quay.io/shop/web:2"]);
  });
}

test("storageFiles goes on beside files that are cut, huge, links, FIFOs or no JSON", async (t) => {
  const bad = ["0", "1", "2", "3", "4", "5"].map((digit) => digit.repeat(64));
  const config = (id = "") => `run/overlay-containers/${id}/userdata/config.json`;
  const podman = JSON.stringify({ ...CRIO_WEB, annotations: { "io.container.manager": "libpod" } });
  const roots = await store(t, {
    "root/overlay-containers/containers.json": '[{"id":',
    "target.json": podman,
    [config(bad[0])]: podman.slice(0, 100),
    [config(bad[1])]: "",
    [config(bad[2])]: '"text"',
    [config(bad[5])]: "[[[[",
    [config(WEB)]: podman,
    [`run/overlay-containers/${bad[3]}/userdata/x`]: "",
    [`run/overlay-containers/${bad[4]}/userdata/x`]: "",
    [`run/overlay-containers/${WEB}/userdata/pidfile`]: "1".repeat(40),
  });
  const top = dirname(roots.root);
  truncateSync(join(top, config(bad[1])), 64 * 1024 * 1024);
  await symlink(join(top, "target.json"), join(top, config(bad[3])));
  execFileSync("mkfifo", [join(top, config(bad[4]))]);
  const files = storageFiles("podman", roots);
  for (const id of bad) assert.equal(await files.inspect({ id }), undefined, id);
  assert.equal((await files.inspect({ id: WEB }))?.metadata.name, "");
});

test("storageFiles believes a user nothing about others' control groups or processes", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to give files away");
  const user = 4711;
  const config = (cgroupsPath: string) =>
    JSON.stringify({
      ociVersion: "1.1.0",
      annotations: { "io.container.manager": "libpod" },
      linux: { cgroupsPath },
    });
  const [liar, honest, foreign] = ["1", "2", "3"].map((digit) => digit.repeat(64));
  const folder = (id = "") => `run/overlay-containers/${id}/userdata`;
  const roots = await store(t, {
    "root/overlay-containers/containers.json": JSON.stringify([{ id: honest, names: ["mine"] }]),
    [`${folder(liar)}/config.json`]: config(`/docker/${WEB}`),
    [`${folder(liar)}/pidfile`]: String(process.pid),
    [`${folder(honest)}/config.json`]: config(`user.slice:libpod:${honest}`),
    [`${folder(honest)}/pidfile`]: String(process.pid),
    [`${folder(foreign)}/config.json`]: config(`user.slice:libpod:${foreign}`),
  });
  const top = dirname(roots.root);
  for (const file of [
    "root/overlay-containers/containers.json",
    ...[liar, honest].flatMap((id) =>
      ["config.json", "pidfile"].map((one) => `${folder(id)}/${one}`),
    ),
  ])
    chownSync(join(top, file), user, user);
  const files = storageFiles("podman", { ...roots, user });
  assert.equal(await files.inspect({ id: liar ?? "" }), undefined);
  // Root's file in a user's folder, as a link to one would be.
  assert.equal(await files.inspect({ id: foreign ?? "" }), undefined);
  const known = (await files.inspect({ id: honest ?? "" })) ?? assert.fail();
  assert.deepEqual(
    [known.metadata.name, known.metadata.pid, known.running, known.places],
    [
      "mine",
      0,
      false,
      [`/user.slice/user-${user}.slice/user@${user}.service/user.slice/libpod-${honest}.scope`],
    ],
  );
});

async function store(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), "saker-store-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await mkdir(join(folder, "root", "overlay-containers"), { recursive: true });
  return { root: join(folder, "root"), runRoot: join(folder, "run") };
}

test("storageFiles tells whose containers there are in a place that Podman and CRI-O share", async (t) => {
  const usedBy = async (roots: StorageRoots): Promise<readonly unknown[]> =>
    Promise.all([
      storageFiles("podman", roots).isUsed?.(),
      storageFiles("cri-o", roots).isUsed?.(),
    ]);
  const config = `root/overlay-containers/${WEB}/userdata/config.json`;
  const annotations = { "io.container.manager": "libpod" };
  assert.deepEqual(await usedBy(await store(t, { [config]: JSON.stringify(CRIO_WEB) })), [
    false,
    true,
  ]);
  const podman = await store(t, { [config]: JSON.stringify({ ...CRIO_WEB, annotations }) });
  assert.deepEqual(await usedBy(podman), [true, existsSync("/var/lib/crio")]);
  // Nothing runs yet.
  const fresh = await store(t, {
    "root/overlay-containers/containers.json": "[]",
    "root/libpod/tmp": "",
  });
  assert.deepEqual(await usedBy(fresh), [true, existsSync("/var/lib/crio")]);
});
