import type { Container } from "../containers/container.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Field } from "./field.ts";

const { plain, keyed, absent } = fieldsOf("k8s");

/**
 * `k8s.*`: the pod of the container, from the labels that Kubernetes puts on containers, and from
 * the pod's sandbox container.
 */
export const K8S_FIELDS: readonly Field[] = [
  ofContainer("k8s.pod.name", "Name of the pod", "io.kubernetes.pod.name", true),
  ofContainer("k8s.ns.name", "Namespace of the pod", "io.kubernetes.pod.namespace", true),
  ofContainer("k8s.pod.uid", "Uid of the pod", "io.kubernetes.pod.uid"),
  ofContainer("k8s.pod.id", "Uid of the pod (old name)", "io.kubernetes.pod.uid"),
  keyed(
    "k8s.pod.label",
    "CHARBUF",
    "One label of the pod",
    { kind: "key", required: true, metadata: true },
    (argument) =>
      argument === undefined ? undefined : (scene) => label(sandboxOf(scene), argument),
  ),
  plain(
    "k8s.pod.labels",
    "CHARBUF",
    "All labels of the pod as name:value, joined by commas",
    (scene) => labelsText(sandboxOf(scene)),
    { metadata: true },
  ),
  plain(
    "k8s.pod.ip",
    "CHARBUF",
    "IPv4 address of the pod",
    (scene) => sandboxOf(scene)?.metadata?.ip || undefined,
    { metadata: true },
  ),
  plain(
    "k8s.pod.sandbox_id",
    "CHARBUF",
    "First 12 characters of the sandbox's id",
    (scene) => sandboxId(scene.container)?.slice(0, 12),
    { metadata: true },
  ),
  plain(
    "k8s.pod.full_sandbox_id",
    "CHARBUF",
    "The sandbox's whole id",
    (scene) => sandboxId(scene.container),
    { metadata: true },
  ),
  absent("k8s.pod.cni.json", "CHARBUF", "What the network plugin said of the pod, as JSON", {
    metadata: true,
  }),
  absent("k8s.ns.id", "CHARBUF", "Id of the namespace: no container runtime tells it"),
  ...labelsOf("ns", "namespace"),
  ...[
    ["rc", "replication controller"],
    ["svc", "service"],
    ["rs", "replica set"],
    ["deployment", "deployment"],
  ].flatMap(([key = "", what = ""]) => [
    absent(`k8s.${key}.name`, "CHARBUF", `Name of the ${what}: no container runtime tells it`),
    absent(`k8s.${key}.id`, "CHARBUF", `Id of the ${what}: no container runtime tells it`),
    ...labelsOf(key, what),
  ]),
];

function ofContainer(name: string, doc: string, labelName: string, suggested?: true): Field {
  return plain(
    name,
    "CHARBUF",
    doc,
    (scene) => label(scene.container, labelName),
    suggested ? { metadata: true, suggested } : { metadata: true },
  );
}

function labelsOf(key: string, what: string): Field[] {
  return [
    absent(
      `k8s.${key}.label`,
      "CHARBUF",
      `One label of the ${what}: no container runtime tells it`,
      { argument: { kind: "key", required: true } },
    ),
    absent(
      `k8s.${key}.labels`,
      "CHARBUF",
      `All labels of the ${what}: no container runtime tells them`,
    ),
  ];
}

function label(container: Container | undefined, name: string): string | undefined {
  const labels = container?.metadata?.labels;
  return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : undefined;
}

/**
 * The container that holds the pod's network, whose labels are the pod's own (cri-dockerd puts them
 * there, the others name it).
 */
function sandboxOf(scene: Scene): Container | undefined {
  const { container } = scene;
  if (container === undefined || isSandbox(container)) return container;
  const id = sandboxId(container);
  return id === undefined ? undefined : scene.containerById(id);
}

function sandboxId(container: Container | undefined): string | undefined {
  if (container === undefined) return undefined;
  return isSandbox(container) ? container.fullId : label(container, "io.kubernetes.sandbox.id");
}

function isSandbox(container: Container): boolean {
  return label(container, "io.kubernetes.docker.type") === "podsandbox";
}

/** Annotations and what Kubernetes notes for itself stand among the labels, but are none. */
function labelsText(sandbox: Container | undefined): string | undefined {
  const labels = Object.entries(sandbox?.metadata?.labels ?? {}).filter(
    ([name]) => !name.startsWith("annotation.") && !name.startsWith("io.kubernetes."),
  );
  return labels.length === 0
    ? undefined
    : labels.map(([name, value]) => (value === "" ? name : `${name}:${value}`)).join(", ");
}
