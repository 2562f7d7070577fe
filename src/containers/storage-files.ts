import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hostPath } from "../lib/host-root.ts";
import { cgroupOfProcess } from "./cgroup-scan.ts";
import { placesOf } from "./cgroup-place.ts";
import type { ContainerMetadata, ContainerRuntime } from "./container.ts";
import { nanoseconds } from "./docker-inspect.ts";
import { watchFolders } from "./folder-watch.ts";
import { at, listOf, textOf, textsOf } from "./json-value.ts";
import { mergedMetadata, metadataOf } from "./metadata.ts";
import { type OciSpec, parseOciSpec } from "./oci-spec.ts";
import type { KnownContainer, RuntimeFiles } from "./runtime.ts";
import { isPathName, readStateFile, readStateJson } from "./state-file.ts";

/** Where containers/storage keeps what Podman and CRI-O run; paths of the host. */
export interface StorageRoots {
  /** What outlives a boot: /var/lib/containers/storage. */
  readonly root: string;
  /** What does not: /run/containers/storage. */
  readonly runRoot: string;
  /** The user whose containers they are; absent for root's. */
  readonly user?: number;
}

/**
 * What Podman and CRI-O keep of their containers: names and images in one list for each storage
 * driver, then a folder for each. `kind` decides which of the two is meant: they share the place.
 */
export function storageFiles(kind: "podman" | "cri-o", roots: StorageRoots): RuntimeFiles {
  const find = async ({ id }: { readonly id: string }): Promise<KnownContainer | undefined> => {
    if (!isPathName(id)) return undefined;
    for (const driver of await driversIn(roots.root)) {
      const spec = await specOf(roots, driver, id);
      if (spec !== undefined && managerOf(spec) === kind)
        return ofUser(roots.user, await known(kind, roots, { driver, id, spec }));
    }
    return undefined;
  };
  const list = async (): Promise<readonly string[]> => {
    const ids: string[] = [];
    for (const driver of await driversIn(roots.runRoot)) {
      const names = await readdir(hostPath(join(roots.runRoot, driver))).catch(() => []);
      for (const id of names.filter(isPathName))
        if ((await pidOf(roots, driver, id)) > 0) ids.push(id);
    }
    return ids;
  };
  return {
    name: `${kind === "podman" ? "Podman" : "CRI-O"}'s files in ${roots.root}`,
    kinds: [kind],
    isThere: async () => (await driversIn(roots.root)).length > 0,
    isUsed: async () => (await hasOwnFolder(kind, roots)) || (await hasAny(kind, roots)),
    list,
    inspect: find,
    watch: (listener, signal) =>
      watchFolders(
        {
          folders: async () =>
            (await driversIn(roots.root)).map((driver) => join(roots.root, driver)),
          parent: roots.root,
          list,
          namesOf: (entry) => (/^[0-9a-f]{64}$/.test(entry) ? entry : undefined),
        },
        listener,
        signal,
      ),
  };
}

/** Each has a folder of its own from its first start on; CRI-O's may not be mounted here. */
async function hasOwnFolder(kind: "podman" | "cri-o", { root }: StorageRoots): Promise<boolean> {
  const own = kind === "podman" ? join(root, "libpod") : "/var/lib/crio";
  return (await stat(hostPath(own)).catch(() => undefined))?.isDirectory() === true;
}

/** Whether one of the containers is of this kind, as far as a few tell. */
async function hasAny(kind: "podman" | "cri-o", roots: StorageRoots): Promise<boolean> {
  for (const driver of await driversIn(roots.root)) {
    const names = await readdir(hostPath(join(roots.root, driver))).catch(() => []);
    for (const id of names.filter(isPathName).slice(0, TOLD_BY)) {
      const spec = await specOf(roots, driver, id);
      if (spec !== undefined && managerOf(spec) === kind) return true;
    }
  }
  return false;
}

interface Found {
  readonly driver: string;
  readonly id: string;
  readonly spec: OciSpec;
}

async function known(
  kind: "podman" | "cri-o",
  roots: StorageRoots,
  { driver, id, spec }: Found,
): Promise<KnownContainer> {
  const { user } = roots;
  const named = await listed(roots, driver, id);
  const pid = await pidOf(roots, driver, id);
  return {
    fullId: id,
    runtime: kind,
    running: pid > 0,
    metadata: {
      ...(named === undefined ? spec.metadata : mergedMetadata(spec.metadata, named)),
      name: (kind === "cri-o" && spec.metadata.name) || (named?.name ?? ""),
      createdAt: named?.createdAt || spec.metadata.createdAt,
      pid,
      ...(await ofSandbox(roots, { driver, id, spec })),
    },
    places: placesOf(spec.cgroupsPath, user === undefined ? "" : managerGroup(user)),
    // Podman keeps labels in a data base of its own.
    isComplete: kind === "cri-o" || user !== undefined,
  };
}

/**
 * What a user says of his containers counts below his own control groups alone: he could name any
 * other's, or its process.
 */
function ofUser(user: number | undefined, container: KnownContainer): KnownContainer | undefined {
  if (user === undefined) return container;
  const isOwn = (path: string): boolean => path.startsWith(`/user.slice/user-${user}.slice/`);
  const places = container.places.filter(isOwn);
  if (places.length === 0) return undefined;
  const { pid } = container.metadata;
  const isOwnProcess = pid > 0 && cgroupOfProcess(pid).some(isOwn);
  return {
    ...container,
    places,
    running: isOwnProcess,
    metadata: { ...container.metadata, pid: isOwnProcess ? pid : 0 },
  };
}

/** The pod's labels and address, and whose namespaces it has, stand with its sandbox. */
async function ofSandbox(
  roots: StorageRoots,
  { driver, id, spec }: Found,
): Promise<Partial<ContainerMetadata>> {
  const { pod } = spec.metadata;
  if (pod === undefined || pod.sandboxId === "" || pod.sandboxId === id) return { pod };
  const sandbox = (await specOf(roots, driver, pod.sandboxId))?.metadata;
  if (sandbox === undefined) return { pod };
  const { hostNetwork, hostIpc } = sandbox;
  const { labels, ip = "" } = sandbox.pod ?? {};
  return { hostNetwork, hostIpc, pod: { ...pod, labels, ip } };
}

/**
 * What the lists of containers say of this one. That of volatile ones (`podman run --rm`, CRI-O's)
 * lies beside the other one, or in the run root with a transient store.
 */
async function listed(
  { root, runRoot, user }: StorageRoots,
  driver: string,
  id: string,
): Promise<ContainerMetadata | undefined> {
  const volatile = [root, runRoot].map((place) => join(place, driver, "volatile-containers.json"));
  for (const path of [join(root, driver, "containers.json"), ...volatile]) {
    const file = await readStateJson(hostPath(path), { owner: user, limit: LIST_BYTES });
    const entry = listOf(file?.json).find((one) => at(one, "id") === id);
    if (entry !== undefined) return listedAs(entry);
  }
  return undefined;
}

function listedAs(entry: unknown): ContainerMetadata {
  const more = jsonOf(textOf(at(entry, "metadata")));
  return metadataOf({
    name: textsOf(at(entry, "names"))[0] ?? "",
    image: textOf(at(more, "image-name")),
    imageId: textOf(at(entry, "image")),
    createdAt: nanoseconds(textOf(at(entry, "created"))),
  });
}

async function specOf(
  { root, runRoot, user }: StorageRoots,
  driver: string,
  id: string,
): Promise<OciSpec | undefined> {
  if (!isPathName(id)) return undefined;
  for (const place of [runRoot, root]) {
    const path = hostPath(join(place, driver, id, "userdata", "config.json"));
    const spec = parseOciSpec((await readStateJson(path, { owner: user }))?.json);
    if (spec !== undefined) return spec;
  }
  return undefined;
}

/** 0 while it does not run. */
async function pidOf({ runRoot, user }: StorageRoots, driver: string, id: string): Promise<number> {
  const path = hostPath(join(runRoot, driver, id, "userdata", "pidfile"));
  const pid = Number((await readStateFile(path, { owner: user, limit: 32 }))?.text ?? 0);
  if (!Number.isInteger(pid) || pid <= 0) return 0;
  return (await stat(hostPath(`/proc/${pid}`)).catch(() => undefined)) === undefined ? 0 : pid;
}

/** Where systemd keeps the control groups of a user's own manager. */
function managerGroup(user: number): string {
  return `/user.slice/user-${user}.slice/user@${user}.service`;
}

function managerOf({ annotations }: OciSpec): ContainerRuntime {
  const manager = annotations.get("io.container.manager");
  if (manager === "libpod") return "podman";
  return annotations.has("io.kubernetes.cri-o.ContainerType") ? "cri-o" : "podman";
}

/** `overlay-containers`, `vfs-containers`. */
async function driversIn(root: string): Promise<readonly string[]> {
  const names = await readdir(hostPath(root)).catch(() => []);
  return names.filter((name) => name.endsWith("-containers")).slice(0, DRIVERS_MAX);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const LIST_BYTES = 16 * 1024 * 1024;
const DRIVERS_MAX = 8;
const TOLD_BY = 256;
