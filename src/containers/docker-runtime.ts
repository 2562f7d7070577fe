import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../lib/errors.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { DockerClient, DockerEvent } from "./docker-client.ts";
import { dockerFiles, dockerPlaces } from "./docker-files.ts";
import type { InspectedContainer } from "./docker-inspect.ts";
import { watchDocker } from "./docker-watch.ts";
import { layeredRuntime } from "./layered-runtime.ts";
import type {
  KnownContainer,
  Runtime,
  RuntimeApi,
  RuntimeEvent,
  RuntimeListener,
} from "./runtime.ts";
import { isPathName } from "./state-file.ts";
import { type StorageRoots, storageFiles } from "./storage-files.ts";

/** The client that `dockerRuntime` asks, and where it reads the daemon's files. */
export interface DockerRuntimeOptions {
  readonly client: DockerClient;
  /**
   * Where the daemon keeps its containers, a path of this host, until it says it itself; undefined
   * where that is not known, or on another host.
   */
  readonly dataRoot?: string | undefined;
}

/** Docker: its files for what a container is, its API for what runs, its addresses and ports. */
export function dockerRuntime({ client, dataRoot }: DockerRuntimeOptions): Runtime {
  const isLocal = client.endpoint.startsWith("unix://");
  let root = dataRoot;
  const api = dockerApi(client, {
    adds: "addresses and published ports",
    onConnected: async () => {
      if (isLocal) root = (await client.dataRoot().catch(() => "")) || root;
    },
  });
  const files = dockerFiles(() => (root === undefined ? [] : [root]));
  // What answers there may be Podman, which speaks the same.
  return layeredRuntime({ name: api.name, kinds: ["docker", "podman"], files, api });
}

/** Podman of root, whose API is Docker's; it may be asleep until it is asked. */
export function podmanRuntime(client: DockerClient, roots: StorageRoots): Runtime {
  return layeredRuntime({
    name: `Podman at ${client.endpoint}`,
    kinds: ["podman"],
    files: storageFiles("podman", roots),
    api: dockerApi(client, { adds: "labels, addresses and ports" }),
  });
}

/** The API alone; `adds` is for people. `onConnected` runs before its containers are reported. */
export function dockerApi(
  client: DockerClient,
  { adds, onConnected }: { readonly adds: string; readonly onConnected?: () => Promise<void> },
): RuntimeApi {
  const breaker = new CircuitBreaker(client.endpoint, () => performance.now());
  let runtime: "docker" | "podman" = "docker";
  const inspect = async (id: string): Promise<KnownContainer | undefined> => {
    try {
      const inspected = await breaker.call(() => client.inspect(id), isNotFound);
      return inspected.fullId === "" ? undefined : known(inspected, runtime);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    name: `Docker at ${client.endpoint}`,
    adds,
    version: async () => {
      const answer = await client.version();
      return `${answer.runtime} ${answer.version}`;
    },
    list: () => client.running(),
    inspect: async ({ id, directory }) => {
      if (!isPathName(id)) return undefined;
      const found = await inspect(id);
      if (found !== undefined || directory === undefined) return found;
      // It may make the control group before it admits the container.
      await sleep(AGAIN_MS);
      return inspect(id);
    },
    watch: (listener, signal) =>
      watchDocker(
        client,
        {
          onConnected: (_, version, running) => {
            runtime = version.runtime;
            breaker.close();
            void (onConnected?.() ?? Promise.resolve()).then(() => listener.onConnected(running));
          },
          onEvent: (_, event) => report(listener, event),
          onProblem: (_, message) => listener.onProblem(message),
        },
        signal,
      ),
  };
}

function known(
  { fullId, running, metadata, cgroupParent }: InspectedContainer,
  runtime: "docker" | "podman",
): KnownContainer {
  const places = runtime === "docker" ? dockerPlaces(cgroupParent, fullId) : [];
  return { fullId, runtime, running, metadata, places, isComplete: true };
}

function report(listener: RuntimeListener, { action, fullId, name }: DockerEvent): void {
  listener.onEvent({ action: ACTIONS[action], fullId, name });
}

function isNotFound(error: unknown): boolean {
  return error instanceof AppError && error.code === "PEER_DOCKER_NOT_FOUND";
}

const ACTIONS: Readonly<Record<DockerEvent["action"], RuntimeEvent["action"]>> = {
  create: "created",
  start: "started",
  rename: "renamed",
  die: "ended",
  destroy: "ended",
};
const AGAIN_MS = 150;
