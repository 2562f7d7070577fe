import type { Container, ContainerMount, ContainerPort, ContainerRuntime } from "./container.ts";
import { reportedId } from "./cgroup-path.ts";
import { at, entriesOf, listOf, numberOf, textOf, textsOf } from "./json-value.ts";
import { splitImageName } from "./image-name.ts";

/** `sinsp_container_type` of the real engine. */
const RUNTIMES: Readonly<Record<number, ContainerRuntime>> = {
  0: "docker",
  1: "lxc",
  2: "libvirt-lxc",
  6: "containerd",
  7: "containerd",
  8: "cri-o",
  9: "bpm",
  11: "podman",
};

/** A type that the engine has no name for. */
const CUSTOM = 5;

/**
 * What a capture's `container` event tells (the real engine's own JSON); undefined when it is no
 * such JSON or names no container. Nothing throws.
 */
export function parseContainerEvent(text: string): Container | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const of = at(json, "container") ?? json;
  const id = textOf(at(of, "id"));
  // While the engine was still asking, it wrote this.
  if (id === "" || textOf(at(of, "image")) === "incomplete") return undefined;
  const image = textOf(at(of, "image"));
  const named = splitImageName(image);
  const fullId = textOf(at(of, "full_id")) || id;
  const runtime = RUNTIMES[numberOf(at(of, "type"))] ?? "unknown";
  const flag = (name: string): boolean => at(of, name) === true;
  return {
    fullId,
    id: reportedId({ fullId, runtime }),
    runtime,
    state: "known",
    metadata: {
      name: textOf(at(of, "name")),
      image,
      imageId: textOf(at(of, "imageid")),
      imageRepository: textOf(at(of, "imagerepo")) || named.repository,
      imageTag: textOf(at(of, "imagetag")) || named.tag,
      imageDigest: textOf(at(of, "imagedigest")),
      privileged: flag("privileged"),
      labels: Object.fromEntries(
        entriesOf(at(of, "labels")).map(([name, value]) => [name, textOf(value)]),
      ),
      env: textsOf(at(of, "env")),
      command: [],
      healthcheck: undefined,
      mounts: listOf(at(of, "Mounts")).map(mountOf),
      ports: listOf(at(of, "port_mappings")).map(portOf),
      ip: textOf(at(of, "ip")),
      hostNetwork: flag("host_network"),
      hostPid: flag("host_pid"),
      hostIpc: flag("host_ipc"),
      pid: 0,
      createdAt: BigInt(Math.trunc(numberOf(at(of, "created_time")))) * 1_000_000_000n,
      startedAt: 0n,
    },
  };
}

/** The same JSON of a container of this host, for a capture. */
export function containerEventJson({ fullId, id, runtime, metadata }: Container): string {
  const known = Object.entries(RUNTIMES).find(([, name]) => name === runtime)?.[0];
  const type = Number(known ?? (runtime === "unknown" ? 0 : CUSTOM));
  return JSON.stringify({
    container: {
      id,
      full_id: fullId,
      type,
      name: metadata?.name ?? "",
      image: metadata?.image ?? "",
      imageid: metadata?.imageId ?? "",
      imagerepo: metadata?.imageRepository ?? "",
      imagetag: metadata?.imageTag ?? "",
      imagedigest: metadata?.imageDigest ?? "",
      ip: metadata?.ip ?? "",
      privileged: metadata?.privileged ?? false,
      labels: metadata?.labels ?? {},
      env: metadata?.env ?? [],
      Mounts: (metadata?.mounts ?? []).map((mount) => ({
        Source: mount.source,
        Destination: mount.destination,
        Mode: mount.mode,
        RW: mount.writable,
        Propagation: mount.propagation,
      })),
      port_mappings: (metadata?.ports ?? []).flatMap(({ port, published }) =>
        published === undefined
          ? []
          : [
              {
                HostIp: addressNumber(published.address),
                HostPort: published.port,
                ContainerPort: port,
              },
            ],
      ),
      host_network: metadata?.hostNetwork ?? false,
      host_pid: metadata?.hostPid ?? false,
      host_ipc: metadata?.hostIpc ?? false,
      created_time: Number((metadata?.createdAt ?? 0n) / 1_000_000_000n),
    },
  });
}

/** An IPv4 address as the engine's JSON has it, 0 for another. */
function addressNumber(address: string): number {
  const bytes = address.split(".").map(Number);
  return bytes.length === 4 ? bytes.reduce((sum, byte) => sum * 256 + byte, 0) : 0;
}

function mountOf(json: unknown): ContainerMount {
  return {
    source: textOf(at(json, "Source")),
    destination: textOf(at(json, "Destination")),
    mode: textOf(at(json, "Mode")),
    writable: at(json, "RW") === true,
    propagation: textOf(at(json, "Propagation")),
  };
}

function portOf(json: unknown): ContainerPort {
  const address = numberOf(at(json, "HostIp"));
  const bytes = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff);
  return {
    port: numberOf(at(json, "ContainerPort")),
    protocol: "tcp",
    published: { address: bytes.join("."), port: numberOf(at(json, "HostPort")) },
  };
}
