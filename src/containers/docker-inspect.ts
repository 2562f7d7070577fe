import type { ContainerMetadata, ContainerMount, ContainerPort } from "./container.ts";
import { splitImageName } from "./image-name.ts";
import { at, entriesOf, listOf, numberOf, textOf, textsOf } from "./json-value.ts";

/** An answer of `GET /containers/ID/json`. */
export interface InspectedContainer {
  readonly fullId: string;
  readonly running: boolean;
  readonly metadata: ContainerMetadata;
  /** The parent of its control group; empty for the daemon's own. */
  readonly cgroupParent: string;
}

/**
 * Reads Docker's or Podman's answer (Engine API 1.41, ContainerInspect). Missing keys become empty
 * values; nothing throws.
 */
export function parseInspect(json: unknown): InspectedContainer {
  const image = textOf(at(json, "Config", "Image"));
  const { repository, tag, digest } = splitImageName(image);
  const host = (key: string): boolean => textOf(at(json, "HostConfig", key)) === "host";
  const metadata: ContainerMetadata = {
    name: textOf(at(json, "Name")).replace(/^\//, ""),
    image,
    imageId: textOf(at(json, "Image")),
    imageRepository: repository,
    imageTag: tag,
    imageDigest: digest,
    privileged: at(json, "HostConfig", "Privileged") === true,
    labels: Object.fromEntries(
      entriesOf(at(json, "Config", "Labels")).map(([name, value]) => [name, textOf(value)]),
    ),
    env: textsOf(at(json, "Config", "Env")),
    command: commandOf(json),
    healthcheck: healthcheckOf(json),
    mounts: listOf(at(json, "Mounts")).map(mountOf),
    ports: portsOf(json),
    ip: addressOf(json),
    hostNetwork: host("NetworkMode"),
    hostPid: host("PidMode"),
    hostIpc: host("IpcMode"),
    pid: numberOf(at(json, "State", "Pid")),
    createdAt: nanoseconds(textOf(at(json, "Created"))),
    startedAt: nanoseconds(textOf(at(json, "State", "StartedAt"))),
  };
  return {
    fullId: textOf(at(json, "Id")),
    running: at(json, "State", "Running") === true,
    metadata,
    cgroupParent: textOf(at(json, "HostConfig", "CgroupParent")),
  };
}

/**
 * Completes what the container's own answer leaves open from `GET /images/ID/json`: the digest, and
 * the name of an image given by id.
 */
export function withImage(metadata: ContainerMetadata, json: unknown): ContainerMetadata {
  const named = splitImageName(textsOf(at(json, "RepoTags"))[0] ?? "");
  const digests = textsOf(at(json, "RepoDigests")).map(splitImageName);
  const repository = metadata.imageRepository || named.repository || digests[0]?.repository || "";
  const digest = digests.find((candidate) => candidate.repository === repository) ?? digests[0];
  return {
    ...metadata,
    imageRepository: repository,
    imageTag: metadata.imageTag || (metadata.imageRepository === "" ? named.tag : ""),
    imageDigest: metadata.imageDigest || (digest?.digest ?? ""),
  };
}

/**
 * Nanoseconds since the epoch of an RFC 3339 time with up to nine decimals; 0 for Go's zero time
 * and what is no time.
 */
export function nanoseconds(text: string): bigint {
  const [, seconds, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const milliseconds = seconds === undefined ? Number.NaN : Date.parse(`${seconds}${zone}`);
  if (!(milliseconds > 0)) return 0n;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/**
 * What the container starts: once it is made Docker says it as one command; else entrypoint and
 * arguments of the image.
 */
function commandOf(json: unknown): readonly string[] {
  const path = textOf(at(json, "Path"));
  return path === ""
    ? [...textsOf(at(json, "Config", "Entrypoint")), ...textsOf(at(json, "Config", "Cmd"))]
    : [path, ...textsOf(at(json, "Args"))];
}

/** `Config.Healthcheck.Test`: a word that says how the rest is to be run. */
function healthcheckOf(json: unknown): readonly string[] | undefined {
  const [how, ...rest] = textsOf(at(json, "Config", "Healthcheck", "Test"));
  if (how === "NONE") return [];
  if (how === "CMD" && rest.length > 0) return rest;
  if (how !== "CMD-SHELL" || rest.length === 0) return undefined;
  const shell = textsOf(at(json, "Config", "Shell"));
  return [...(shell.length === 0 ? ["/bin/sh", "-c"] : shell), ...rest];
}

function mountOf(mount: unknown): ContainerMount {
  return {
    source: textOf(at(mount, "Source")),
    destination: textOf(at(mount, "Destination")),
    mode: textOf(at(mount, "Mode")),
    writable: at(mount, "RW") === true,
    propagation: textOf(at(mount, "Propagation")),
  };
}

/**
 * What runs tells the real host ports; before the first start only the wishes are there, good where
 * they name a port.
 */
function portsOf(json: unknown): readonly ContainerPort[] {
  const actual = new Map(entriesOf(at(json, "NetworkSettings", "Ports")));
  const wished = new Map(entriesOf(at(json, "HostConfig", "PortBindings")));
  const exposed = entriesOf(at(json, "Config", "ExposedPorts")).map(([key]) => key);
  const keys = [...new Set([...actual.keys(), ...wished.keys(), ...exposed])];
  return keys.flatMap((key) => {
    const [, port = "", protocol = ""] = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(key) ?? [];
    if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") return [];
    const declared = { port: Number(port), protocol } as const;
    const bindings =
      [actual, wished]
        .map((source) => listOf(source.get(key)).flatMap(publishedOf))
        .find((list) => list.length > 0) ?? [];
    return bindings.length === 0
      ? [declared]
      : bindings.map((published) => ({ ...declared, published }));
  });
}

function publishedOf(binding: unknown): { address: string; port: number }[] {
  const port = Number(textOf(at(binding, "HostPort")));
  return port > 0 ? [{ address: textOf(at(binding, "HostIp")) || "0.0.0.0", port }] : [];
}

function addressOf(json: unknown): string {
  const networks = entriesOf(at(json, "NetworkSettings", "Networks")).map(([, network]) =>
    textOf(at(network, "IPAddress")),
  );
  return (
    textOf(at(json, "NetworkSettings", "IPAddress")) ||
    (networks.find((address) => address !== "") ?? "")
  );
}
