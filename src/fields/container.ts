import type { ContainerMetadata, ContainerMount } from "../containers/container.ts";
import type { Process } from "../state/process.ts";
import type { Scene } from "../state/scene.ts";
import { MAX_ANCESTORS } from "./_ancestors.ts";
import { fieldsOf } from "./_define.ts";
import type { Field, FieldValue } from "./field.ts";
import { namespaceStart } from "./resources.ts";

const { plain, keyed, absent: absentOne } = fieldsOf("container");

/**
 * `container.*`: the container that the process belongs to; on the host, id and name are `host`.
 */
export const CONTAINER_FIELDS: readonly Field[] = [
  plain(
    "container.id",
    "CHARBUF",
    "First 12 characters of the container's id; `host` on the host",
    (scene) => scene.container?.id ?? "host",
    { suggested: true },
  ),
  plain(
    "container.full_id",
    "CHARBUF",
    "The container's whole id",
    (scene) => scene.container?.fullId,
  ),
  plain(
    "container.name",
    "CHARBUF",
    "Name of the container; `host` on the host",
    (scene) => (scene.container === undefined ? "host" : metadata(scene)?.name),
    { suggested: true, metadata: true },
  ),
  plain(
    "container.type",
    "CHARBUF",
    "Runtime: docker, podman, containerd, cri-o; `host` on the host",
    (scene) => (scene.container === undefined ? "host" : scene.container.runtime),
  ),
  fromMetadata(
    "container.image",
    "CHARBUF",
    "Image as it was named when the container was made, with its tag",
    (data) => data.image,
    { onHost: "" },
  ),
  fromMetadata("container.image.id", "CHARBUF", "Id of the image", (data) => data.imageId, {
    onHost: "",
  }),
  fromMetadata(
    "container.image.repository",
    "CHARBUF",
    "Image without tag and digest",
    (data) => data.imageRepository,
    { suggested: true, onHost: "" },
  ),
  fromMetadata("container.image.tag", "CHARBUF", "Tag of the image", (data) => data.imageTag, {
    suggested: true,
    onHost: "",
  }),
  fromMetadata(
    "container.image.digest",
    "CHARBUF",
    "Digest of the image",
    (data) => data.imageDigest,
    { onHost: "" },
  ),
  fromMetadata(
    "container.privileged",
    "BOOL",
    "True for a privileged container",
    (data) => data.privileged,
    { onHost: false },
  ),
  fromMetadata("container.ip", "CHARBUF", "First IPv4 address of the container", (data) => data.ip),
  fromMetadata(
    "container.host_pid",
    "BOOL",
    "True when it shares the host's pid namespace",
    (data) => data.hostPid,
  ),
  fromMetadata(
    "container.host_network",
    "BOOL",
    "True when it shares the host's network namespace",
    (data) => data.hostNetwork,
  ),
  fromMetadata(
    "container.host_ipc",
    "BOOL",
    "True when it shares the host's ipc namespace",
    (data) => data.hostIpc,
  ),
  plain(
    "container.start_ts",
    "ABSTIME",
    "When it was started, epoch nanoseconds: when its pid namespace began",
    startOf,
    { metadata: true },
  ),
  plain(
    "container.duration",
    "RELTIME",
    "Nanoseconds since it was started",
    (scene) => {
      const start = startOf(scene);
      return start === undefined ? undefined : scene.event.timestamp - start;
    },
    { metadata: true },
  ),
  fromMetadata(
    "container.labels",
    "CHARBUF",
    "All labels as name:value, joined by commas",
    (data) =>
      Object.entries(data.labels)
        .map(([name, value]) => `${name}:${value}`)
        .join(", "),
  ),
  keyed(
    "container.label",
    "CHARBUF",
    "One label",
    { kind: "key", required: true, metadata: true },
    (argument) => {
      if (argument === undefined) return undefined;
      return (scene) => metadata(scene)?.labels[argument];
    },
  ),
  fromMetadata(
    "container.mounts",
    "CHARBUF",
    "All mounts as source:destination:mode:writable:propagation, joined by commas",
    (data) => data.mounts.map(mountText).join(","),
    { onHost: "" },
  ),
  mountField(
    "container.mount",
    "One mount, by number or by a glob of its source",
    "source",
    mountText,
  ),
  mountField(
    "container.mount.source",
    "Source of a mount, by number or by a glob of its destination",
    "destination",
    (mount) => mount.source,
  ),
  mountField(
    "container.mount.dest",
    "Destination of a mount, by number or by a glob of its source",
    "source",
    (mount) => mount.destination,
  ),
  mountField(
    "container.mount.mode",
    "Mode of a mount, by number or by a glob of its source",
    "source",
    (mount) => mount.mode,
  ),
  mountField(
    "container.mount.rdwr",
    "true when a mount is writable, by number or by a glob of its source",
    "source",
    (mount) => String(mount.writable),
  ),
  mountField(
    "container.mount.propagation",
    "Propagation of a mount, by number or by a glob of its source",
    "source",
    (mount) => mount.propagation,
  ),
  plain(
    "container.healthcheck",
    "CHARBUF",
    "Command of the container's health check, NONE where it is turned off; missing without one",
    (scene) => {
      const command = metadata(scene)?.healthcheck;
      return command === undefined ? undefined : command.length === 0 ? "NONE" : command.join(" ");
    },
    { metadata: true },
  ),
  plain(
    "proc.is_container_healthcheck",
    "BOOL",
    "True for a process that the container's health check started",
    isHealthcheck,
    { metadata: true },
  ),
  ...["liveness_probe", "readiness_probe"].flatMap((name) => [
    absentOne(
      `container.${name}`,
      "CHARBUF",
      `Command of the container's ${name.replace("_", " ")}`,
    ),
    absentOne(
      `proc.is_container_${name}`,
      "BOOL",
      `True for a process that the container's ${name.replace("_", " ")} started`,
    ),
  ]),
  absentOne(
    "container.cni.json",
    "CHARBUF",
    "What the network plugin said of the container, as JSON",
  ),
];

function metadata(scene: Scene): ContainerMetadata | undefined {
  return scene.container?.metadata;
}

/**
 * The runtime says when it has started a container, if at all, some time after the kernel has. What
 * shares the host's namespace has the runtime's word alone; a namespace that began later is one
 * inside of the container.
 */
function startOf(scene: Scene): bigint | undefined {
  if (scene.container === undefined) return undefined;
  const { startedAt = 0n, hostPid = false } = metadata(scene) ?? {};
  const began = hostPid ? undefined : namespaceStart(scene);
  if (began === undefined) return startedAt === 0n ? undefined : startedAt;
  return startedAt !== 0n && startedAt < began ? startedAt : began;
}

/**
 * The runtime starts a check from outside: what leads up to the process within its pid namespace
 * begins with the check's command, not with the container's.
 */
function isHealthcheck(scene: Scene): boolean | undefined {
  if (scene.container === undefined) return false;
  const data = metadata(scene);
  if (data === undefined || scene.process === undefined) return undefined;
  const command = data.healthcheck ?? [];
  const top = topOfNamespace(scene, scene.process);
  return (
    command.length > 0 &&
    top.vpid !== 1 &&
    top.exe === command[0] &&
    top.args.length === command.length - 1 &&
    top.args.every((arg, index) => arg === command[index + 1])
  );
}

function topOfNamespace(scene: Scene, process: Process): Process {
  let top = process;
  for (let step = 0; step < MAX_ANCESTORS; step += 1) {
    const parent = scene.processes.get(top.ppid);
    if (
      parent === undefined ||
      parent.pid === top.pid ||
      parent.pidNamespace !== process.pidNamespace
    )
      break;
    top = parent;
  }
  return top;
}

function fromMetadata(
  name: string,
  type: Field["type"],
  doc: string,
  read: (data: ContainerMetadata) => FieldValue,
  { onHost, ...marks }: { suggested?: true; onHost?: FieldValue } = {},
): Field {
  return plain(
    name,
    type,
    doc,
    (scene) => {
      if (scene.container === undefined) return onHost;
      const data = metadata(scene);
      const value = data === undefined ? undefined : read(data);
      // Where the host has a text, the runtime's empty text is one, too.
      return onHost === undefined && value === "" ? undefined : value;
    },
    { ...marks, metadata: true },
  );
}

function mountText(mount: ContainerMount): string {
  return `${mount.source}:${mount.destination}:${mount.mode}:${mount.writable}:${mount.propagation}`;
}

function mountField(
  name: string,
  doc: string,
  key: "source" | "destination",
  read: (mount: ContainerMount) => string,
): Field {
  return keyed(
    name,
    "CHARBUF",
    doc,
    { kind: "index|key", required: true, metadata: true },
    (argument) => {
      if (argument === undefined) return undefined;
      const matches = /^\d+$/.test(argument)
        ? (_: ContainerMount, index: number) => index === Number(argument)
        : (mount: ContainerMount) => globMatches(argument, mount[key]);
      return (scene) => {
        if (scene.container === undefined) return undefined;
        const mount = metadata(scene)?.mounts.find(matches);
        return mount === undefined ? "N/A" : read(mount);
      };
    },
  );
}

/** A glob whose only signs are `*` and `?`, in linear space and O(n·m) time. */
function globMatches(glob: string, text: string): boolean {
  let [at, position, star, mark] = [0, 0, -1, 0];
  while (position < text.length) {
    if (at < glob.length && (glob[at] === "?" || glob[at] === text[position]) && glob[at] !== "*") {
      at += 1;
      position += 1;
    } else if (glob[at] === "*") {
      star = at;
      mark = position;
      at += 1;
    } else if (star >= 0) {
      at = star + 1;
      mark += 1;
      position = mark;
    } else {
      return false;
    }
  }
  while (glob[at] === "*") at += 1;
  return at === glob.length;
}
