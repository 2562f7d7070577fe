import { criApi } from "./cri-api.ts";
import { socketOnHost } from "./docker-client.ts";
import { grpcClient } from "./grpc.ts";
import { layeredRuntime } from "./layered-runtime.ts";
import type { Runtime, RuntimeApi } from "./runtime.ts";
import { isPathName } from "./state-file.ts";
import { type StorageRoots, storageFiles } from "./storage-files.ts";

/** CRI-O: its files and, at `socket` (a path of the host), Kubernetes' interface to runtimes. */
export function crioRuntime(socket: string, roots: StorageRoots): Runtime {
  return layeredRuntime({
    name: `CRI-O at ${socket}`,
    kinds: ["cri-o"],
    files: storageFiles("cri-o", roots),
    api: crioApi(socket),
  });
}

function crioApi(socket: string): RuntimeApi {
  const cri = criApi(grpcClient(socketOnHost(socket)));
  return {
    name: `CRI-O at ${socket}`,
    adds: "start times",
    version: () => cri.version(),
    list: () => Promise.reject(new Error("its files list its containers")),
    inspect: async ({ id }, first) => {
      if (!isPathName(id)) return undefined;
      const found = await cri.inspect(id, first?.metadata.pod?.sandboxId ?? "");
      return found === undefined
        ? undefined
        : { ...found, fullId: id, runtime: "cri-o", places: [], isComplete: true };
    },
  };
}
