import type { ContainerMetadata } from "./container.ts";

/**
 * What of a container's pod is known, as its runtime says it, else as the labels that Kubernetes
 * puts on containers (cri-dockerd) do. Undefined for a container without a pod.
 */
export function podText(
  metadata: Pick<ContainerMetadata, "pod" | "labels"> | undefined,
  key: keyof typeof POD_LABELS,
): string | undefined {
  const { pod, labels = {} } = metadata ?? {};
  const label = POD_LABELS[key];
  return pod?.[key] || (Object.hasOwn(labels, label) ? labels[label] : undefined);
}

const POD_LABELS = {
  name: "io.kubernetes.pod.name",
  namespace: "io.kubernetes.pod.namespace",
  uid: "io.kubernetes.pod.uid",
} as const;
