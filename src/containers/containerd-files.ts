import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hostPath } from "../lib/host-root.ts";
import { placesOf } from "./cgroup-place.ts";
import type { ContainerMetadata } from "./container.ts";
import { watchFolders } from "./folder-watch.ts";
import { parseOciSpec } from "./oci-spec.ts";
import type { KnownContainer, RuntimeFiles, RuntimeQuestion } from "./runtime.ts";
import { isInMemory, isPathName, readStateFile, readStateJson } from "./state-file.ts";

/**
 * What containerd keeps of the containers that it runs, below `state` (a path of the host, such as
 * /run/containerd): a folder each, written before the container's control group is made. Names and
 * images are there for Kubernetes (CRI) and nerdctl; other clients' must be asked for.
 */
export function containerdFiles(state: string): RuntimeFiles {
  const tasks = join(state, TASKS);
  const folder = (namespace: string, id: string): string => hostPath(join(tasks, namespace, id));
  const find = async ({ id, directory }: RuntimeQuestion): Promise<KnownContainer | undefined> => {
    if (!isPathName(id)) return undefined;
    const inMemory = isInMemory(hostPath(tasks));
    const readIn = (namespace: string): Promise<KnownContainer | undefined> =>
      read(folder(namespace, id), { fullId: id, namespace, inMemory });
    // In `/NAMESPACE/NAME` the namespace is likely the one that is meant.
    const likely = directory?.split("/").at(-2) ?? "";
    const meant = isNamespace(likely) ? await readIn(likely) : undefined;
    if (meant !== undefined) return meant;
    for (const namespace of await namespacesIn(tasks)) {
      const found = namespace === likely ? undefined : await readIn(namespace);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const list = async (): Promise<readonly string[]> => {
    const all = await namespacesIn(tasks);
    const ids = await Promise.all(
      all.map((namespace) => namesIn(hostPath(join(tasks, namespace)))),
    );
    return ids.flat();
  };
  return {
    name: `containerd's files in ${tasks}`,
    kinds: ["containerd", "nomad"],
    list,
    isThere: async () => (await stat(hostPath(tasks)).catch(() => undefined)) !== undefined,
    inspect: find,
    watch: (listener, signal) =>
      watchFolders(
        {
          folders: async () => (await namespacesIn(tasks)).map((name) => join(tasks, name)),
          parent: tasks,
          list,
          namesOf: (entry) => (isPathName(entry) ? entry : undefined),
        },
        listener,
        signal,
      ),
  };
}

interface Task {
  readonly fullId: string;
  readonly namespace: string;
  readonly inMemory: boolean;
}

async function read(
  folder: string,
  { fullId, namespace, inMemory }: Task,
): Promise<KnownContainer | undefined> {
  const file = await readStateJson(join(folder, "config.json"), { inMemory });
  const spec = parseOciSpec(file?.json);
  if (file === undefined || spec === undefined) return undefined;
  const first = await readStateFile(join(folder, "init.pid"), { limit: 32, inMemory });
  const pid = Number(first?.text ?? 0);
  const { metadata } = spec;
  const isSandbox = spec.annotations.get("io.kubernetes.cri.container-type") === "sandbox";
  const { pod } = metadata;
  return {
    fullId,
    runtime: "containerd",
    running: true,
    metadata: {
      ...metadata,
      ...(await sharedWithSandbox(folder, pod?.sandboxId ?? "")),
      pod: pod !== undefined && isSandbox ? { ...pod, sandboxId: fullId } : pod,
      name: metadata.name || (namespace === KUBERNETES ? "" : fullId),
      pid: Number.isInteger(pid) && pid > 0 ? pid : 0,
      createdAt: metadata.createdAt || file.modifiedAt,
    },
    places: placesOf(spec.cgroupsPath),
    isComplete: false,
    namespace,
  };
}

/** A container joins its sandbox's namespaces, whosesoever they are. */
async function sharedWithSandbox(
  folder: string,
  sandboxId: string,
): Promise<Partial<Pick<ContainerMetadata, "hostNetwork" | "hostIpc">>> {
  if (!isPathName(sandboxId)) return {};
  const file = await readStateJson(join(folder, "..", sandboxId, "config.json"));
  const sandbox = parseOciSpec(file?.json)?.metadata;
  return sandbox === undefined
    ? {}
    : { hostNetwork: sandbox.hostNetwork, hostIpc: sandbox.hostIpc };
}

/** Docker's own namespace is left out: Docker says more of its containers. */
async function namespacesIn(tasks: string): Promise<readonly string[]> {
  return (await namesIn(hostPath(tasks))).filter(isNamespace);
}

function isNamespace(name: string): boolean {
  return name !== "moby" && isPathName(name);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

const TASKS = "io.containerd.runtime.v2.task";
const KUBERNETES = "k8s.io";
