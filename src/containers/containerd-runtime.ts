import { join } from "node:path";
import { containerdContainer } from "./containerd-api.ts";
import { containerdFiles } from "./containerd-files.ts";
import { criApi } from "./cri-api.ts";
import { socketOnHost } from "./docker-client.ts";
import { grpcClient } from "./grpc.ts";
import { layeredRuntime } from "./layered-runtime.ts";
import type { KnownContainer, Runtime, RuntimeApi } from "./runtime.ts";
import { isPathName } from "./state-file.ts";

/**
 * containerd with its state and socket in the folder `state` of the host: /run/containerd, or
 * /run/k3s/containerd of k3s and RKE2.
 */
export function containerdRuntime(state: string): Runtime {
  return layeredRuntime({
    name: `containerd in ${state}`,
    kinds: ["containerd", "nomad"],
    files: containerdFiles(state),
    api: containerdApi(join(state, "containerd.sock")),
  });
}

/** Both of its interfaces: Kubernetes' for the containers of pods, its own for the others. */
export function containerdApi(socket: string): RuntimeApi {
  const client = grpcClient(socketOnHost(socket));
  const cri = criApi(client);
  const ofPod = async (id: string, sandboxId: string): Promise<KnownContainer | undefined> => {
    const found = await cri.inspect(id, sandboxId);
    return found === undefined ? undefined : { ...OF_POD, ...found, fullId: id };
  };
  return {
    name: `containerd at ${socket}`,
    adds: "pods' labels and addresses, images of other clients' containers",
    version: () => cri.version(),
    list: () => Promise.reject(new Error("its files list its containers")),
    inspect: async ({ id, directory }, first) => {
      if (!isPathName(id)) return undefined;
      const pod = first?.metadata.pod;
      if (pod !== undefined) return ofPod(id, pod.sandboxId);
      const likely = first?.namespace ?? directory?.split("/").at(-2) ?? "";
      // A container is asked for by name and by its place: its own namespace first.
      const namespaces = first === undefined ? new Set([likely, ...NAMESPACES]) : new Set([likely]);
      for (const namespace of namespaces) {
        if (namespace === KUBERNETES) {
          const found = await ofPod(id, "");
          if (found !== undefined) return found;
        }
        const found = await containerdContainer(client, namespace || "default", id);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

const OF_POD = {
  runtime: "containerd",
  places: [],
  isComplete: true,
  namespace: "k8s.io",
} as const;
const KUBERNETES = "k8s.io";
const NAMESPACES = [KUBERNETES, "default"];
