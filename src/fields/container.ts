import type { Container, ContainerMetadata, ContainerMount } from "../containers/container.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Field, FieldValue } from "./field.ts";

const { plain, keyed, absent: absentOne } = fieldsOf("container");

/** `container.*`: the container that the process belongs to; on the host, id and name are `host`. */
export const CONTAINER_FIELDS: readonly Field[] = [
  plain("container.id", "CHARBUF", "First 12 characters of the container's id; `host` on the host", (scene) => scene.container?.id ?? "host", { suggested: true }),
  plain("container.full_id", "CHARBUF", "The container's whole id", (scene) => scene.container?.fullId),
  plain("container.name", "CHARBUF", "Name of the container; `host` on the host", (scene) => (scene.container === undefined ? "host" : metadata(scene)?.name), {
    suggested: true,
    metadata: true,
  }),
  plain("container.type", "CHARBUF", "Runtime: docker, podman, containerd, cri-o", (scene) => scene.container?.runtime),
  fromMetadata("container.image", "CHARBUF", "Image as it was named when the container was made, with its tag", (data) => data.image),
  fromMetadata("container.image.id", "CHARBUF", "Id of the image", (data) => data.imageId),
  fromMetadata("container.image.repository", "CHARBUF", "Image without tag and digest", (data) => data.imageRepository, { suggested: true }),
  fromMetadata("container.image.tag", "CHARBUF", "Tag of the image", (data) => data.imageTag, { suggested: true }),
  fromMetadata("container.image.digest", "CHARBUF", "Digest of the image", (data) => data.imageDigest),
  fromMetadata("container.privileged", "BOOL", "True for a privileged container", (data) => data.privileged),
  fromMetadata("container.ip", "CHARBUF", "First IPv4 address of the container", (data) => data.ip),
  fromMetadata("container.host_pid", "BOOL", "True when it shares the host's pid namespace", (data) => data.hostPid),
  fromMetadata("container.host_network", "BOOL", "True when it shares the host's network namespace", (data) => data.hostNetwork),
  fromMetadata("container.host_ipc", "BOOL", "True when it shares the host's ipc namespace", (data) => data.hostIpc),
  fromMetadata("container.start_ts", "ABSTIME", "When it was started, epoch nanoseconds", (data) => data.startedAt),
  plain("container.duration", "RELTIME", "Nanoseconds since it was started", (scene) => {
    const startedAt = metadata(scene)?.startedAt ?? 0n;
    return startedAt === 0n ? undefined : scene.event.timestamp - startedAt;
  }, { metadata: true }),
  fromMetadata("container.labels", "CHARBUF", "All labels as name:value, joined by commas", (data) =>
    Object.entries(data.labels).map(([name, value]) => `${name}:${value}`).join(", "),
  ),
  keyed("container.label", "CHARBUF", "One label", { kind: "key", required: true, metadata: true }, (argument) => {
    if (argument === undefined) return undefined;
    return (scene) => metadata(scene)?.labels[argument];
  }),
  fromMetadata("container.mounts", "CHARBUF", "All mounts as source:destination:mode:writable:propagation, joined by commas", (data) => data.mounts.map(mountText).join(",")),
  mountField("container.mount", "One mount, by number or by a glob of its source", "source", mountText),
  mountField("container.mount.source", "Source of a mount, by number or by a glob of its destination", "destination", (mount) => mount.source),
  mountField("container.mount.dest", "Destination of a mount, by number or by a glob of its source", "source", (mount) => mount.destination),
  mountField("container.mount.mode", "Mode of a mount, by number or by a glob of its source", "source", (mount) => mount.mode),
  mountField("container.mount.rdwr", "true when a mount is writable, by number or by a glob of its source", "source", (mount) => String(mount.writable)),
  mountField("container.mount.propagation", "Propagation of a mount, by number or by a glob of its source", "source", (mount) => mount.propagation),
  ...["healthcheck", "liveness_probe", "readiness_probe"].map((name) => absentOne(`container.${name}`, "CHARBUF", `Command of the container's ${name.replace("_", " ")}`)),
  ...["healthcheck", "liveness_probe", "readiness_probe"].map((name) =>
    absentOne(`proc.is_container_${name}`, "BOOL", `True for a process that the container's ${name.replace("_", " ")} started`),
  ),
  absentOne("container.cni.json", "CHARBUF", "What the network plugin said of the container, as JSON"),
  ...kubernetesFields(),
];

function metadata(scene: Scene): ContainerMetadata | undefined {
  return scene.container?.metadata;
}

function fromMetadata(name: string, type: Field["type"], doc: string, read: (data: ContainerMetadata) => FieldValue, marks: { suggested?: true } = {}): Field {
  return plain(name, type, doc, (scene) => {
    const data = metadata(scene);
    return data === undefined ? undefined : present(read(data));
  }, { ...marks, metadata: true });
}

/** The runtime's empty text means that it has none. */
function present(value: FieldValue): FieldValue | undefined {
  return value === "" ? undefined : value;
}

function mountText(mount: ContainerMount): string {
  return `${mount.source}:${mount.destination}:${mount.mode}:${mount.writable}:${mount.propagation}`;
}

function mountField(name: string, doc: string, key: "source" | "destination", read: (mount: ContainerMount) => string): Field {
  return keyed(name, "CHARBUF", doc, { kind: "index|key", required: true, metadata: true }, (argument) => {
    if (argument === undefined) return undefined;
    const matches = /^\d+$/.test(argument)
      ? (_: ContainerMount, index: number) => index === Number(argument)
      : (mount: ContainerMount) => globMatches(argument, mount[key]);
    return (scene) => {
      if (scene.container === undefined) return undefined;
      const mount = metadata(scene)?.mounts.find(matches);
      return mount === undefined ? "N/A" : read(mount);
    };
  });
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

/** Labels that every Kubernetes runtime puts on its containers. */
function kubernetesFields(): Field[] {
  const { plain: k8s, absent, keyed: k8sKeyed } = fieldsOf("k8s");
  const label = (container: Container | undefined, name: string): string | undefined => container?.metadata?.labels[name];
  const byLabel = (name: string, doc: string, labelName: string, suggested?: true): Field =>
    k8s(name, "CHARBUF", doc, (scene) => label(scene.container, labelName), suggested ? { metadata: true, suggested } : { metadata: true });
  return [
    byLabel("k8s.pod.name", "Name of the pod", "io.kubernetes.pod.name", true),
    byLabel("k8s.ns.name", "Namespace of the pod", "io.kubernetes.pod.namespace", true),
    byLabel("k8s.pod.uid", "Uid of the pod", "io.kubernetes.pod.uid"),
    byLabel("k8s.pod.id", "Uid of the pod (old name)", "io.kubernetes.pod.uid"),
    k8sKeyed("k8s.pod.label", "CHARBUF", "One label of the pod", { kind: "key", required: true, metadata: true }, (argument) =>
      argument === undefined ? undefined : (scene) => label(scene.container, argument)),
    absent("k8s.pod.labels", "CHARBUF", "All labels of the pod", { metadata: true }),
    absent("k8s.pod.ip", "CHARBUF", "Address of the pod", { metadata: true }),
    absent("k8s.pod.sandbox_id", "CHARBUF", "First 12 characters of the sandbox's id", { metadata: true }),
    absent("k8s.pod.full_sandbox_id", "CHARBUF", "The sandbox's whole id", { metadata: true }),
    absent("k8s.pod.cni.json", "CHARBUF", "What the network plugin said of the pod, as JSON", { metadata: true }),
    absent("k8s.ns.id", "CHARBUF", "Id of the namespace: no container runtime tells it"),
    ...labelsOf("ns", "namespace"),
    ...[["rc", "replication controller"], ["svc", "service"], ["rs", "replica set"], ["deployment", "deployment"]].flatMap(([key = "", what = ""]) => [
      absent(`k8s.${key}.name`, "CHARBUF", `Name of the ${what}: no container runtime tells it`),
      absent(`k8s.${key}.id`, "CHARBUF", `Id of the ${what}: no container runtime tells it`),
      ...labelsOf(key, what),
    ]),
  ];

  function labelsOf(key: string, what: string): Field[] {
    return [
      absent(`k8s.${key}.label`, "CHARBUF", `One label of the ${what}: no container runtime tells it`, { argument: { kind: "key", required: true } }),
      absent(`k8s.${key}.labels`, "CHARBUF", `All labels of the ${what}: no container runtime tells them`),
    ];
  }
}
