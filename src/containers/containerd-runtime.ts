import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { containerdContainer } from "./containerd-api.ts";
import { containerdFiles } from "./containerd-files.ts";
import { CreatedImages } from "./created-images.ts";
import { criApi } from "./cri-api.ts";
import { socketOnHost } from "./docker-client.ts";
import { grpcClient } from "./grpc.ts";
import { layeredRuntime } from "./layered-runtime.ts";
import { imageOf } from "./metadata.ts";
import type { KnownContainer, Runtime, RuntimeApi, RuntimeFiles } from "./runtime.ts";
import { isPathName } from "./state-file.ts";

/**
 * containerd with its state and socket in the folder `state` of the host: /run/containerd, or
 * /run/k3s/containerd of k3s and RKE2.
 */
export function containerdRuntime(state: string): Runtime {
  const socket = join(state, "containerd.sock");
  return layeredRuntime({
    name: `containerd in ${state}`,
    kinds: ["containerd", "nomad"],
    files: withImages(containerdFiles(state), new CreatedImages(socketOnHost(socket))),
    api: containerdApi(socket),
  });
}

/** Its files, with the images that they lack (all but pods') where the daemon has told of them. */
function withImages(files: RuntimeFiles, images: CreatedImages): RuntimeFiles {
  return {
    ...files,
    inspect: async (question) => {
      const found = await files.inspect(question);
      if (found === undefined || found.metadata.pod !== undefined) return found;
      // What the daemon has said is read before, where this thread is late with both.
      await setImmediate();
      const image = images.imageOf(found.namespace ?? "", found.fullId);
      return { ...found, metadata: { ...found.metadata, ...imageOf(image) } };
    },
    watch: async (listener, signal) => {
      await Promise.all([files.watch(listener, signal), images.follow(signal)]);
    },
  };
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
