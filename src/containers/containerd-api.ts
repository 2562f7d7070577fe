import { AppError } from "../lib/errors.ts";
import { placesOf } from "./cgroup-place.ts";
import type { GrpcClient } from "./grpc.ts";
import { imageOf, metadataOf } from "./metadata.ts";
import { parseOciSpec } from "./oci-spec.ts";
import { type ProtoMessage, writeProto } from "./protobuf.ts";
import type { KnownContainer } from "./runtime.ts";

/**
 * containerd's own interface (containerd/api services/containers/v1, services/images/v1): labels
 * and images of the containers of any client, each in its namespace. Undefined when the namespace
 * has no such container; throws what `GrpcClient` throws.
 */
export async function containerdContainer(
  client: GrpcClient,
  namespace: string,
  id: string,
): Promise<KnownContainer | undefined> {
  const answer = await ask(client, { service: "containers.v1.Containers", namespace, id });
  const container = answer?.message(1);
  if (container === undefined) return undefined;
  const spec = parseOciSpec(jsonOf(container.message(5).bytes(2)));
  const image = container.text(3);
  const labels = container.record(2);
  const name = labels["nerdctl/name"] ?? id;
  const named = imageOf(image);
  const digest = image === "" ? "" : await digestOf(client, { namespace, image });
  return {
    fullId: id,
    runtime: "containerd",
    running: undefined,
    metadata: {
      ...(spec?.metadata ?? metadataOf({})),
      ...named,
      imageDigest: named.imageDigest || digest,
      name,
      labels,
      createdAt: timeOf(container.message(8)),
    },
    places: placesOf(spec?.cgroupsPath ?? ""),
    isComplete: true,
    namespace,
  };
}

/** Of which many containers are made at once; a tag may move, so it holds for DIGEST_MS. */
async function digestOf(
  client: GrpcClient,
  { namespace, image }: { readonly namespace: string; readonly image: string },
): Promise<string> {
  const key = `${client.socket} ${namespace} ${image}`;
  const known = DIGESTS.get(key);
  if (known !== undefined && performance.now() - known.askedAt < DIGEST_MS) return known.digest;
  const question = { service: "images.v1.Images", namespace, id: image };
  const answer = await ask(client, question).catch(() => undefined);
  const digest = answer?.message(1).message(3).text(2) ?? "";
  if (DIGESTS.size >= DIGESTS_MAX) DIGESTS.clear();
  if (digest !== "") DIGESTS.set(key, { digest, askedAt: performance.now() });
  return digest;
}

interface Question {
  readonly service: string;
  readonly namespace: string;
  readonly id: string;
}

async function ask(
  client: GrpcClient,
  { service, namespace, id }: Question,
): Promise<ProtoMessage | undefined> {
  try {
    return await client.call(`containerd.services.${service}/Get`, writeProto([[1, id]]), {
      "containerd-namespace": namespace,
    });
  } catch (error) {
    if (error instanceof AppError && error.code === "PEER_GRPC_NOT_FOUND") return undefined;
    throw error;
  }
}

function timeOf(timestamp: ProtoMessage): bigint {
  return BigInt(timestamp.number(1)) * 1_000_000_000n + BigInt(timestamp.number(2));
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

const DIGESTS = new Map<string, { readonly digest: string; readonly askedAt: number }>();
const DIGESTS_MAX = 1024;
const DIGEST_MS = 10_000;
