import type { ContainerMetadata } from "./container.ts";
import { splitImageName } from "./image-name.ts";

/** Metadata of a container of which only this much is known. */
export function metadataOf(known: Partial<ContainerMetadata>): ContainerMetadata {
  return { ...NOTHING_KNOWN, ...imageOf(known.image ?? ""), ...known };
}

/** An image's name and what stands in it. */
export function imageOf(
  image: string,
): Pick<ContainerMetadata, "image" | "imageRepository" | "imageTag" | "imageDigest"> {
  const { repository, tag, digest } = splitImageName(image);
  return { image, imageRepository: repository, imageTag: tag, imageDigest: digest };
}

/** Both together: where `later` says something it wins. */
export function mergedMetadata(
  first: ContainerMetadata,
  later: ContainerMetadata,
): ContainerMetadata {
  const merged = Object.entries(first).map(([key, value]) => {
    const newer = Reflect.get(later, key) as unknown;
    return [key, isEmpty(newer) ? value : newer];
  });
  return Object.fromEntries(merged);
}

/**
 * The same with bounded texts: whoever may make containers chooses their labels and environment. A
 * list or a record ends where its texts together exceed TEXTS_MAX.
 */
export function boundedMetadata(metadata: ContainerMetadata): ContainerMetadata {
  const bounded = Object.entries(metadata).map(([key, value]) => [key, boundedValue(value)]);
  return Object.fromEntries(bounded);
}

function boundedValue(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, TEXT_MAX);
  if (Array.isArray(value)) return upTo(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(upTo<readonly [string, unknown]>(Object.entries(value)));
}

function upTo<T>(items: readonly T[]): readonly T[] {
  let size = 0;
  const end = items.findIndex((item) => (size += sizeOf(item)) > TEXTS_MAX);
  return end < 0 ? items : items.slice(0, end);
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length + 8;
  if (typeof value !== "object" || value === null) return 8;
  return Object.values(value).reduce<number>((sum, item) => sum + sizeOf(item), 16);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === "" || value === 0 || value === 0n || value === false)
    return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

const NOTHING_KNOWN: ContainerMetadata = {
  name: "",
  image: "",
  imageId: "",
  imageRepository: "",
  imageTag: "",
  imageDigest: "",
  privileged: false,
  labels: {},
  env: [],
  command: [],
  healthcheck: undefined,
  mounts: [],
  ports: [],
  ip: "",
  hostNetwork: false,
  hostPid: false,
  hostIpc: false,
  pid: 0,
  createdAt: 0n,
  startedAt: 0n,
  pod: undefined,
  podFacts: undefined,
};
const TEXT_MAX = 4096;
const TEXTS_MAX = 64 * 1024;
