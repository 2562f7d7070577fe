import type { Container } from "../containers/container.ts";
import { podText } from "../containers/pod-text.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Field } from "./field.ts";

const { plain, keyed, absent } = fieldsOf("k8s");

/**
 * `k8s.*`: the pod of the container, from the labels that Kubernetes puts on containers, and from
 * the pod's sandbox container.
 */
export const K8S_FIELDS: readonly Field[] = [
  ofPod("k8s.pod.name", "Name of the pod", "name", true),
  ofPod("k8s.ns.name", "Namespace of the pod", "namespace", true),
  ofPod("k8s.pod.uid", "Uid of the pod", "uid"),
  ofPod("k8s.pod.id", "Uid of the pod (old name)", "uid"),
  keyed(
    "k8s.pod.label",
    "CHARBUF",
    "One label of the pod",
    { kind: "key", required: true, metadata: true },
    (argument) => (argument === undefined ? undefined : (scene) => own(podLabels(scene), argument)),
  ),
  plain(
    "k8s.pod.labels",
    "CHARBUF",
    "All labels of the pod as name:value, joined by commas",
    (scene) => labelsText(Object.entries(podLabels(scene) ?? {}).filter(isPodsOwn)),
    { metadata: true },
  ),
  plain(
    "k8s.pod.ip",
    "CHARBUF",
    "IPv4 address of the pod",
    (scene) => scene.container?.metadata?.pod?.ip || sandboxOf(scene)?.metadata?.ip || undefined,
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
  keyed(
    "k8s.ns.label",
    "CHARBUF",
    "One label of the namespace, where `kubernetes.api` is on",
    { kind: "key", required: true, metadata: true },
    (argument) =>
      argument === undefined ? undefined : (scene) => own(namespaceLabels(scene), argument),
  ),
  plain(
    "k8s.ns.labels",
    "CHARBUF",
    "All labels of the namespace as name:value, joined by commas, where `kubernetes.api` is on",
    (scene) => labelsText(Object.entries(namespaceLabels(scene) ?? {})),
    { metadata: true },
  ),
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

function ofPod(
  name: string,
  doc: string,
  key: Parameters<typeof podText>[1],
  suggested?: true,
): Field {
  return plain(
    name,
    "CHARBUF",
    doc,
    (scene) => podText(scene.container?.metadata, key),
    suggested ? { metadata: true, suggested } : { metadata: true },
  );
}

/**
 * What the pod belongs to, as `Deployment/shop`: what the Kubernetes API says, else from the labels
 * that Kubernetes' own controllers put on their pods. Undefined where there are none.
 */
export function podOwner(scene: Scene): string | undefined {
  const said = scene.container?.metadata?.podFacts?.owner;
  return said === undefined ? ownerByLabels(scene) : said || undefined;
}

function ownerByLabels(scene: Scene): string | undefined {
  const labels = podLabels(scene);
  const job = own(labels, "batch.kubernetes.io/job-name") ?? own(labels, "job-name");
  if (job !== undefined) return `Job/${job}`;
  const name = podText(scene.container?.metadata, "name") ?? "";
  const hash = own(labels, "pod-template-hash");
  if (hash !== undefined) {
    const end = name.lastIndexOf(`-${hash}-`);
    return end > 0 ? `Deployment/${name.slice(0, end)}` : undefined;
  }
  const base = name.slice(0, Math.max(0, name.lastIndexOf("-")));
  if (base === "") return undefined;
  if (own(labels, "statefulset.kubernetes.io/pod-name") !== undefined) return `StatefulSet/${base}`;
  return own(labels, "controller-revision-hash") === undefined ? undefined : `DaemonSet/${base}`;
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
  return own(container?.metadata?.labels, name);
}

function own(labels: Labels | undefined, name: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : undefined;
}

/** As the runtime says them; else those of the sandbox. */
function podLabels(scene: Scene): Labels | undefined {
  const sandbox = sandboxOf(scene);
  const said = scene.container?.metadata?.pod?.labels ?? sandbox?.metadata?.pod?.labels;
  return said ?? (isOfCri(sandbox) ? undefined : sandbox?.metadata?.labels);
}

/** Its own labels are not the pod's. */
function isOfCri(container: Container | undefined): boolean {
  return container?.metadata?.pod !== undefined;
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
  if (isSandbox(container)) return container.fullId;
  return container.metadata?.pod?.sandboxId || label(container, "io.kubernetes.sandbox.id");
}

function isSandbox(container: Container): boolean {
  return label(container, "io.kubernetes.docker.type") === "podsandbox";
}

/** Annotations and what Kubernetes notes for itself stand among the labels, but are none. */
function isPodsOwn([name]: readonly [name: string, value: string]): boolean {
  return !name.startsWith("annotation.") && !name.startsWith("io.kubernetes.");
}

function labelsText(labels: readonly (readonly [string, string])[]): string | undefined {
  return labels.length === 0
    ? undefined
    : labels.map(([name, value]) => (value === "" ? name : `${name}:${value}`)).join(", ");
}

function namespaceLabels(scene: Scene): Labels | undefined {
  return scene.container?.metadata?.podFacts?.namespaceLabels;
}

type Labels = Readonly<Record<string, string>>;
