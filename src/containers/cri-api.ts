import { AppError } from "../lib/errors.ts";
import type { ContainerMetadata, ContainerMount, ContainerPod } from "./container.ts";
import type { GrpcClient } from "./grpc.ts";
import { metadataOf } from "./metadata.ts";
import { type ProtoMessage, writeProto } from "./protobuf.ts";

/**
 * Kubernetes' interface to runtimes (CRI, k8s.io/cri-api v1, v1alpha2 before containerd 1.6), as
 * containerd and CRI-O serve it.
 */
export interface CriApi {
  /** Name and version, as `containerd 1.6.20`. */
  version(): Promise<string>;
  /**
   * What it says of a container or of a pod's sandbox; undefined when it knows neither. `sandboxId`
   * saves a question where it is known. Throws what `GrpcClient` throws.
   */
  inspect(id: string, sandboxId: string): Promise<CriContainer | undefined>;
}

/**
 * A container or a pod's sandbox, as CRI describes it. `running` is true for the states
 * CONTAINER_RUNNING and SANDBOX_READY.
 */
export interface CriContainer {
  readonly running: boolean;
  readonly metadata: ContainerMetadata;
}

/** Asks through `client`. */
export function criApi(client: GrpcClient): CriApi {
  let service = "runtime.v1.RuntimeService";
  const call = async (method: string, request: Uint8Array): Promise<ProtoMessage> => {
    try {
      return await client.call(`${service}/${method}`, request);
    } catch (error) {
      if (!isCode(error, "PEER_GRPC_UNIMPLEMENTED") || service.includes("alpha")) throw error;
      service = "runtime.v1alpha2.RuntimeService";
      return client.call(`${service}/${method}`, request);
    }
  };
  const ask = async (method: string, id: string): Promise<ProtoMessage | undefined> => {
    try {
      return (await call(method, writeProto([[1, id]]))).message(1);
    } catch (error) {
      if (isCode(error, "PEER_GRPC_NOT_FOUND")) return undefined;
      throw error;
    }
  };
  const podOf = async (sandboxId: string): Promise<ProtoMessage | undefined> =>
    sandboxId === "" ? undefined : ask("PodSandboxStatus", sandboxId);
  const sandboxOf = async (id: string): Promise<string> => {
    const filter = writeProto([[1, id]]);
    const found = await call("ListContainers", writeProto([[1, filter]]));
    return found.message(1).text(2);
  };
  return {
    version: async () => {
      const answer = await call("Version", new Uint8Array());
      return `${answer.text(2)} ${answer.text(3)}`;
    },
    inspect: async (id, sandboxId) => {
      const status = await ask("ContainerStatus", id);
      if (status !== undefined)
        return ofContainer(status, await podOf(sandboxId || (await sandboxOf(id))));
      const sandbox = await podOf(id);
      return sandbox === undefined ? undefined : ofSandbox(sandbox);
    },
  };
}

function ofContainer(status: ProtoMessage, sandbox: ProtoMessage | undefined): CriContainer {
  const reference = status.text(9);
  const labels = status.record(12);
  return {
    running: status.number(3) === CONTAINER_RUNNING,
    metadata: {
      ...metadataOf({ image: status.message(8).text(1), labels }),
      name: status.message(2).text(1),
      imageId: status.text(17) || (reference.startsWith("sha256:") ? reference : ""),
      ...(reference.includes("@") ? { imageDigest: reference.split("@").at(-1) ?? "" } : {}),
      mounts: status.messages(14).map(mountOf),
      ip: sandbox?.message(5).text(1) ?? "",
      createdAt: BigInt(status.number(4)),
      startedAt: BigInt(Math.max(0, status.number(5))),
      pod: sandbox === undefined ? undefined : podOf(sandbox),
    },
  };
}

function ofSandbox(sandbox: ProtoMessage): CriContainer {
  const pod = podOf(sandbox);
  return {
    running: sandbox.number(3) === SANDBOX_READY,
    metadata: metadataOf({
      name: pod.name,
      labels: sandbox.record(7),
      ip: pod.ip,
      createdAt: BigInt(sandbox.number(4)),
      pod,
    }),
  };
}

function podOf(sandbox: ProtoMessage): ContainerPod {
  const metadata = sandbox.message(2);
  return {
    name: metadata.text(1),
    uid: metadata.text(2),
    namespace: metadata.text(3),
    sandboxId: sandbox.text(1),
    labels: sandbox.record(7),
    ip: sandbox.message(5).text(1),
  };
}

function mountOf(mount: ProtoMessage): ContainerMount {
  return {
    source: mount.text(2),
    destination: mount.text(1),
    mode: "",
    writable: mount.number(3) === 0,
    propagation: ["rprivate", "rslave", "rshared"][mount.number(5)] ?? "",
  };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof AppError && error.code === code;
}

const CONTAINER_RUNNING = 1;
const SANDBOX_READY = 0;
