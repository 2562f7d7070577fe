import type { ContainerRuntime } from "./container.ts";

/** What a cgroup's path tells of the container it belongs to. */
export interface CgroupContainer {
  /** 64 hexadecimal digits. */
  readonly fullId: string;
  /** `unknown` where only the id is in the path, as below kubepods with the cgroupfs driver. */
  readonly runtime: ContainerRuntime;
}

/**
 * The container of a cgroup path (absolute, or only its last names); the deepest match wins, so a
 * container inside a container is the inner one. Undefined on the host, and for the monitors that
 * run beside a container (conmon).
 */
export function containerOfCgroup(path: string): CgroupContainer | undefined {
  const names = path.split("/");
  for (let depth = names.length - 1; depth >= 0; depth -= 1) {
    const found = containerOfName(names[depth] ?? "", names[depth - 1]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first 12 characters: what users and Falco's `container.id` call a container. */
export function shortId(fullId: string): string {
  return fullId.slice(0, 12);
}

function containerOfName(name: string, parent: string | undefined): CgroupContainer | undefined {
  if (name.length < 64) return undefined;
  const [, prefix, fullId] = NAME.exec(name) ?? [];
  if (prefix === undefined || fullId === undefined) return undefined;
  if (prefix === "") return { fullId, runtime: RUNTIME_OF_PARENT[parent ?? ""] ?? "unknown" };
  if (prefix.endsWith("conmon-")) return undefined;
  const runtime = RUNTIME_OF_PREFIX[prefix];
  // containerd with the systemd driver, where systemd itself does not run: SLICE:cri-containerd:ID
  if (runtime === undefined && prefix.endsWith(":cri-containerd:"))
    return { fullId, runtime: "containerd" };
  return { fullId, runtime: runtime ?? "unknown" };
}

/** `docker-ID.scope`, `crio-ID`, `ID`. */
const NAME = /^(|.*[-:])([0-9a-f]{64})(?:\.scope)?$/;

const RUNTIME_OF_PREFIX: Readonly<Record<string, ContainerRuntime>> = {
  "docker-": "docker",
  "cri-containerd-": "containerd",
  "nerdctl-": "containerd",
  "crio-": "cri-o",
  "libpod-": "podman",
  "libpod-payload-": "podman",
};

/** Parents that a runtime makes itself, with the cgroupfs driver. */
const RUNTIME_OF_PARENT: Readonly<Record<string, ContainerRuntime>> = {
  docker: "docker",
  libpod_parent: "podman",
  "k8s.io": "containerd",
};
