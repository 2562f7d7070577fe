import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hostPath } from "../lib/host-root.ts";
import { placesOf } from "./cgroup-place.ts";
import type { ContainerMetadata } from "./container.ts";
import { parseInspect, withImage } from "./docker-inspect.ts";
import { watchFolders } from "./folder-watch.ts";
import { at, entriesOf, textOf } from "./json-value.ts";
import type { KnownContainer, RuntimeFiles } from "./runtime.ts";
import { isPathName, readStateJson } from "./state-file.ts";

/**
 * What dockerd keeps of its containers below its data-root, written when a container is created:
 * all but what its start brings (process, address, host's ports). `roots`: paths of the host, of
 * which the first that has containers counts.
 */
export function dockerFiles(roots: () => readonly string[]): RuntimeFiles {
  const rootNow = async (): Promise<string | undefined> => {
    for (const root of roots()) {
      const found = await stat(hostPath(join(root, CONTAINERS))).catch(() => undefined);
      if (found?.isDirectory() === true) return root;
    }
    return undefined;
  };
  const inspect = async ({ id }: { readonly id: string }): Promise<KnownContainer | undefined> => {
    const root = isPathName(id) ? await rootNow() : undefined;
    return root === undefined ? undefined : read(root, id);
  };
  const list = async (): Promise<readonly string[]> => {
    const root = await rootNow();
    if (root === undefined) return [];
    const running: string[] = [];
    for (const id of await entriesIn(root))
      if ((await read(root, id))?.running === true) running.push(id);
    return running;
  };
  return {
    name: `Docker's files in ${roots().join(", ")}`,
    kinds: ["docker"],
    isThere: async () => (await rootNow()) !== undefined,
    list,
    inspect,
    watch: (listener, signal) =>
      watchFolders(
        {
          folders: async () => {
            const root = await rootNow();
            return root === undefined ? [] : [join(root, CONTAINERS)];
          },
          list,
          namesOf: (entry) => (isPathName(entry) ? entry : undefined),
        },
        listener,
        signal,
      ),
  };
}

async function entriesIn(root: string): Promise<readonly string[]> {
  const names = await readdir(hostPath(join(root, CONTAINERS))).catch(() => []);
  return names.filter(isPathName);
}

async function read(root: string, id: string): Promise<KnownContainer | undefined> {
  const folder = hostPath(join(root, CONTAINERS, id));
  const [config, host] = await Promise.all(
    ["config.v2.json", "hostconfig.json"].map((name) => readStateJson(join(folder, name))),
  );
  if (config === undefined || textOf(at(config.json, "ID")) !== id) return undefined;
  const inspected = parseInspect(asAnswer(config.json, host?.json));
  const { running, metadata, cgroupParent } = inspected;
  return {
    fullId: id,
    runtime: "docker",
    running,
    // What its last run had is left out: it has no process, address and ports before it runs.
    metadata: await imageNamed(root, running ? metadata : { ...metadata, pid: 0, ip: "" }),
    places: dockerPlaces(cgroupParent, id),
    isComplete: true,
  };
}

/**
 * Where Docker makes a container's control group; empty for the daemon's own parent, which it says
 * nowhere.
 */
export function dockerPlaces(parent: string, id: string): readonly string[] {
  if (parent.endsWith(".slice")) return placesOf(`${parent}:docker:${id}`);
  // What is no path from the root lies below the daemon's own group.
  return parent.startsWith("/") ? placesOf(`${parent}/${id}`) : [];
}

/** The file has the API's words at other places. */
function asAnswer(config: unknown, host: unknown): unknown {
  return {
    ...Object.fromEntries(entriesOf(config)),
    Id: at(config, "ID"),
    HostConfig: host,
    Mounts: entriesOf(at(config, "MountPoints")).map(([, mount]) => ({
      ...Object.fromEntries(entriesOf(mount)),
      Mode: at(mount, "Relabel"),
    })),
  };
}

/** Digests and names of images stand in one file for each storage driver. */
async function imageNamed(root: string, metadata: ContainerMetadata): Promise<ContainerMetadata> {
  const folder = hostPath(join(root, "image"));
  for (const driver of (await readdir(folder).catch(() => [])).slice(0, DRIVERS_MAX)) {
    const file = await readStateJson(join(folder, driver, "repositories.json"));
    const references = entriesOf(at(file?.json, "Repositories"))
      .flatMap(([, names]) => entriesOf(names))
      .filter(([, imageId]) => imageId === metadata.imageId)
      .map(([name]) => name);
    if (references.length > 0)
      return withImage(metadata, {
        RepoTags: references.filter((name) => !name.includes("@")),
        RepoDigests: references.filter((name) => name.includes("@")),
      });
  }
  return metadata;
}

const CONTAINERS = "containers";
const DRIVERS_MAX = 8;
