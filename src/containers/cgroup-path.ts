import type { ContainerRuntime } from "./container.ts";

/** Longer paths no runtime makes, and no call that names a file takes. */
export const PATH_MAX = 4095;

/** What a cgroup's path says of a container that it may belong to. */
export interface CgroupContainer {
  /** 64 hexadecimal digits, or the name where the runtime's containers have no other id. */
  readonly fullId: string;
  /** `unknown` where only the id is in the path, as below kubepods with the cgroupfs driver. */
  readonly runtime: ContainerRuntime;
}

/** A container that a cgroup's path names, as long as nobody has confirmed it. */
export interface CgroupClaim extends CgroupContainer {
  /** The container's own cgroup: the path up to and with its name. */
  readonly directory: string;
  /**
   * False where many other groups have the same layout, as `/default/web` of containerd: then it is
   * a container only if a runtime says so.
   */
  readonly isDistinct: boolean;
}

/**
 * The container of a cgroup path (absolute, or only its last names); the deepest match wins, so a
 * container inside a container is the inner one, as in Falco. Undefined on the host, for layouts
 * that are not distinct, and for the monitors that run beside a container (conmon).
 */
export function containerOfCgroup(path: string): CgroupContainer | undefined {
  const claim = claimsOf(path).findLast(({ isDistinct }) => isDistinct);
  return claim === undefined ? undefined : { fullId: claim.fullId, runtime: claim.runtime };
}

/**
 * All containers that a path names, the outermost first; of a path over PATH_MAX characters those
 * that its beginning names.
 */
export function claimsOf(path: string): readonly CgroupClaim[] {
  if (HOST_GROUP.test(path)) return [];
  const names = path.slice(0, PATH_MAX).split("/");
  const claims: CgroupClaim[] = [];
  for (const [depth, name] of names.entries()) {
    const found = containerOfName(name, names[depth - 1]);
    if (found !== undefined)
      claims.push({ ...found, directory: names.slice(0, depth + 1).join("/"), isDistinct: true });
  }
  if (claims.length > 0) return claims;
  const [, namespace, fullId] = PLAIN.exec(path) ?? [];
  if (namespace === undefined || fullId === undefined) return [];
  const directory = `/${namespace}/${fullId}`;
  return [{ fullId, runtime: "containerd", directory, isDistinct: false }];
}

/** The first 12 characters: what users and Falco's `container.id` call a container. */
export function shortId(fullId: string): string {
  return fullId.slice(0, 12);
}

/** Falco's `container.id`: 12 characters of an id, the whole of a name that stands for an id. */
export function reportedId({ fullId, runtime }: CgroupContainer): string {
  return NAMED.has(runtime) ? fullId : shortId(fullId);
}

/**
 * A path that says the same to whoever reads it elsewhere, Falco included: its own may say nothing,
 * as a path that was chosen by hand.
 */
export function portablePath({ fullId, runtime }: CgroupContainer): string {
  return PORTABLE[runtime]?.(fullId) ?? `/${runtime}/${fullId}`;
}

function containerOfName(name: string, parent: string | undefined): CgroupContainer | undefined {
  if (name.length >= 64) {
    const found = containerOfHexName(name, parent);
    if (found !== undefined) return found;
  }
  for (const [pattern, runtime, ofParent] of NAME_LAYOUTS) {
    const [, fullId] = pattern.exec(name) ?? [];
    if (fullId !== undefined && (ofParent === undefined || ofParent.test(parent ?? "")))
      return { fullId: unescapeUnit(fullId), runtime };
  }
  return undefined;
}

function containerOfHexName(name: string, parent: string | undefined): CgroupContainer | undefined {
  const [, prefix, fullId] = HEX_NAME.exec(name) ?? [];
  if (prefix === undefined || fullId === undefined) return undefined;
  if (prefix === "") return { fullId, runtime: RUNTIME_OF_PARENT[parent ?? ""] ?? "unknown" };
  if (prefix.endsWith("conmon-")) return undefined;
  const runtime = RUNTIME_OF_PREFIX[prefix];
  // containerd with the systemd driver, where systemd itself does not run: SLICE:cri-containerd:ID
  if (runtime === undefined && prefix.endsWith(":cri-containerd:"))
    return { fullId, runtime: "containerd" };
  return { fullId, runtime: runtime ?? "unknown" };
}

/** What systemd makes of a name in a unit's: `\x2d` is `-` (systemd.unit(5)). */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The host's own processes beside a container, and virtual machines. */
const HOST_GROUP =
  /\/(?:lxc\.monitor[/.]|machine\.slice\/(?:[^/]+\/supervisor(?:\/|$)|machine-qemu))/;

/** `docker-ID.scope`, `crio-ID`, `ID`. */
const HEX_NAME = /^(|.*[-:])([0-9a-f]{64})(?:\.scope)?$/;

/** `/NAMESPACE/NAME` of containerd's own clients, as `ctr`; a unit of systemd is none. */
const PLAIN =
  /^\/([A-Za-z0-9][A-Za-z0-9._-]{0,75})(?<!\.(?:service|slice|scope))\/([A-Za-z0-9][A-Za-z0-9._-]{0,75})(?<!\.(?:service|slice|scope|socket|mount|swap))(?:\/|$)/;

type NameLayout = readonly [pattern: RegExp, runtime: ContainerRuntime, parent?: RegExp];

/** Containers whose name is their id, in the order in which they are tried. */
const NAME_LAYOUTS: readonly NameLayout[] = [
  [/^lxc\.payload\.(.+)$/, "lxc"],
  [/^(?!lxc\.)(.+)$/, "lxc", /^(?:lxc|lxc\.payload)$/],
  [/^(.+)\.libvirt-lxc$/, "libvirt-lxc"],
  [/^machine-lxc\\x2d(?:\d+\\x2d)?(.+)\.scope$/, "libvirt-lxc"],
  [/^systemd-nspawn@(.+)\.service$/, "systemd-nspawn", /^machine\.slice$/],
  [/^machine-(.+)\.scope$/, "systemd-nspawn", /^machine\.slice$/],
  [/^(?:runc-)?bpm-([A-Za-z0-9._-]+?)(?:\.scope)?$/, "bpm"],
  // `nomad.slice/share.slice/ALLOCATION.TASK.scope`, without systemd's drivers `nomad/ALLOCATION.TASK`.
  [/^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\..+?)(?:\.scope)?$/, "nomad"],
];

/** Of these the reported id is the whole name. */
const NAMED: ReadonlySet<ContainerRuntime> = new Set([
  "lxc",
  "libvirt-lxc",
  "systemd-nspawn",
  "bpm",
]);

const PORTABLE: Readonly<Partial<Record<ContainerRuntime, (id: string) => string>>> = {
  lxc: (id) => `/lxc/${id}`,
  "libvirt-lxc": (id) => `/machine/${id}.libvirt-lxc`,
  "systemd-nspawn": (id) => `/machine.slice/systemd-nspawn@${id}.service`,
  bpm: (id) => `/bpm-${id}`,
  containerd: (id) => (/^[0-9a-f]{64}$/.test(id) ? `/containerd/${id}` : `/default/${id}`),
};

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
