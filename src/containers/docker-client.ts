import { existsSync } from "node:fs";
import { hostPath } from "../lib/host-root.ts";
import type { ContainerMetadata } from "./container.ts";
import { dockerHttp } from "./docker-http.ts";
import { type InspectedContainer, parseInspect, withImage } from "./docker-inspect.ts";
import { at, listOf, textOf } from "./json-value.ts";

/**
 * Docker's Engine API, or Podman's which speaks the same. All methods throw what `DockerHttp`
 * throws.
 */
export interface DockerClient {
  readonly endpoint: string;
  version(): Promise<DockerVersion>;
  /** The daemon's data-root, a path of its host; empty where it does not say. */
  dataRoot(): Promise<string>;
  /** Full ids of the containers that run now. */
  running(): Promise<readonly string[]>;
  /**
   * By id, by the beginning of an id, or by name. `PEER_DOCKER_NOT_FOUND` when there is none. Waits
   * while Docker starts the container.
   */
  inspect(idOrName: string): Promise<InspectedContainer>;
  /**
   * Calls `onEvent` for what happens to containers from `opened` on; resolves when the daemon ends
   * the stream or `signal` aborts.
   */
  events(options: {
    readonly signal: AbortSignal;
    readonly opened: () => void;
    readonly onEvent: (event: DockerEvent) => void;
  }): Promise<void>;
}

/**
 * The daemon's answer to `GET /version`; `podman` where one of its components is named so. Texts
 * are empty where it does not say.
 */
export interface DockerVersion {
  readonly runtime: "docker" | "podman";
  readonly version: string;
  readonly apiVersion: string;
}

/** Something happened to a container; others than these are left out. */
export interface DockerEvent {
  readonly action: "create" | "start" | "rename" | "die" | "destroy";
  readonly fullId: string;
  readonly name: string;
}

/** Docker's address: `dockerHost` (the value of DOCKER_HOST) where it is set, else its socket. */
export function dockerEndpoint(dockerHost: string | undefined): string {
  const isGiven = dockerHost !== undefined && dockerHost !== "";
  return isGiven ? dockerHost : `unix://${socketOnHost("/var/run/docker.sock")}`;
}

/** A socket of the host: in a container, it may have been mounted at its own place. */
export function socketOnHost(path: string): string {
  return [hostPath(path), path].find((one) => existsSync(one)) ?? hostPath(path);
}

/**
 * `timeoutMs` is for one answer, default 10 s: Docker keeps an inspect waiting while the container
 * starts. Throws `CONFIG_DOCKER_HOST`.
 */
export function dockerClient(
  endpoint: string,
  { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
): DockerClient {
  const http = dockerHttp(endpoint, timeoutMs);
  const images = new Map<string, unknown>();
  const image = async (id: string): Promise<unknown> => {
    if (images.has(id)) return images.get(id);
    const json = await http
      .get(`/images/${encodeURIComponent(id)}/json`, ANSWER_BYTES)
      .catch(() => undefined);
    if (images.size >= IMAGES_MAX) images.clear();
    images.set(id, { RepoTags: at(json, "RepoTags"), RepoDigests: at(json, "RepoDigests") });
    return images.get(id);
  };
  const complete = async (metadata: ContainerMetadata): Promise<ContainerMetadata> =>
    metadata.imageId === "" || metadata.imageDigest !== ""
      ? metadata
      : withImage(metadata, await image(metadata.imageId));
  return {
    endpoint,
    version: async () => versionOf(await http.get("/version", ANSWER_BYTES)),
    dataRoot: async () => textOf(at(await http.get("/info", ANSWER_BYTES), "DockerRootDir")),
    running: async () =>
      listOf(await http.get("/containers/json", LIST_BYTES))
        .map((item) => textOf(at(item, "Id")))
        .filter((id) => id !== ""),
    inspect: async (idOrName) => {
      const inspected = parseInspect(
        await http.get(`/containers/${encodeURIComponent(idOrName)}/json`, ANSWER_BYTES),
      );
      return { ...inspected, metadata: await complete(inspected.metadata) };
    },
    events: ({ signal, opened, onEvent }) => {
      const onLine = (line: unknown): void => {
        const event = eventOf(line);
        if (event !== undefined) onEvent(event);
      };
      return http.follow(`/events?filters=${encodeURIComponent('{"type":["container"]}')}`, {
        signal,
        opened,
        onLine,
      });
    },
  };
}

function versionOf(json: unknown): DockerVersion {
  const podman = listOf(at(json, "Components")).some((component) =>
    textOf(at(component, "Name")).startsWith("Podman"),
  );
  return {
    runtime: podman ? "podman" : "docker",
    version: textOf(at(json, "Version")),
    apiVersion: textOf(at(json, "ApiVersion")),
  };
}

function eventOf(line: unknown): DockerEvent | undefined {
  const action = ACTIONS[textOf(at(line, "Action"))];
  const fullId = textOf(at(line, "Actor", "ID"));
  if (action === undefined || fullId === "") return undefined;
  return {
    action,
    fullId,
    name: textOf(at(line, "Actor", "Attributes", "name")).replace(/^\//, ""),
  };
}

/** Podman says `died` and `remove` where Docker says `die` and `destroy`. */
const ACTIONS: Readonly<Record<string, DockerEvent["action"]>> = {
  create: "create",
  start: "start",
  rename: "rename",
  die: "die",
  died: "die",
  destroy: "destroy",
  remove: "destroy",
};

const ANSWER_BYTES = 8 * 1024 * 1024;
const LIST_BYTES = 64 * 1024 * 1024;
const IMAGES_MAX = 1024;
