import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** What an image of one layer says of itself. */
export interface ImageOptions {
  /** `NAME:TAG` */
  readonly name: string;
  /** Go's name of the processor: amd64, arm64. */
  readonly architecture: string;
  readonly created: Date;
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/**
 * Writes an image into a folder: an OCI image layout (image-spec v1.0) and, with the same blobs, the
 * `manifest.json` that `docker load` reads. `layer` is a tar archive of the root, uncompressed.
 * The same bytes for the same input.
 */
export function writeImageLayout(folder: string, layer: Uint8Array, options: ImageOptions): void {
  const { name, architecture, created, environment, entrypoint, command } = options;
  const blobs = join(folder, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const hash = sha256(bytes);
    writeFileSync(join(blobs, hash), bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  };
  const time = created.toISOString();
  const layers = [put(LAYER, gzipSync(layer))];
  const config = put(
    CONFIG,
    json({
      created: time,
      architecture,
      os: "linux",
      config: { Env: environment, Entrypoint: entrypoint, Cmd: command, WorkingDir: "/" },
      rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
      history: [{ created: time, created_by: "saker: npm run pack:image" }],
    }),
  );
  const manifest = put(MANIFEST, json({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
  const [, tag = "latest"] = name.split(":");
  const annotations = {
    "org.opencontainers.image.ref.name": tag,
    "io.containerd.image.name": name,
  };
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...manifest, annotations }] };
  writeFileSync(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(folder, "index.json"), json(index));
  const path = ({ digest }: Descriptor): string => `blobs/sha256/${digest.slice("sha256:".length)}`;
  const docker = [{ Config: path(config), RepoTags: [name], Layers: layers.map(path) }];
  writeFileSync(join(folder, "manifest.json"), json(docker));
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const OCI = "application/vnd.oci.image";
const [LAYER, CONFIG, MANIFEST, INDEX] = [
  `${OCI}.layer.v1.tar+gzip`,
  `${OCI}.config.v1+json`,
  `${OCI}.manifest.v1+json`,
  `${OCI}.index.v1+json`,
] as const;
