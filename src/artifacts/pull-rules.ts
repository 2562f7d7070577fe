import { gunzipSync } from "node:zlib";
import { AppError, messageOf } from "../lib/errors.ts";
import { digestOf } from "./digest.ts";
import type { Reference } from "./reference.ts";
import { parseJson, RegistryClient, type RegistryOptions } from "./registry-client.ts";
import { readTar, type TarFile } from "./tar.ts";

/** Media types of rules artifacts, as falcoctl pushes them. */
const CONFIG_TYPE = "application/vnd.cncf.falco.rulesfile.config.v1+json";
const LAYER_TYPE = "application/vnd.cncf.falco.rulesfile.layer.v1+tar.gz";

/** The most bytes: packed, unpacked, and of the artifact's configuration. */
const LIMITS = { layer: 16 << 20, unpacked: 64 << 20, config: 1 << 20 } as const;

/** A rules artifact that was pulled: who it is, what it asks for, and its files. */
export interface RulesArtifact {
  /** Digest of the manifest: what exactly was pulled. */
  readonly digest: string;
  readonly name: string;
  readonly version: string;
  /** The engine that the rules ask for, such as 0.57.0; empty when they do not say. */
  readonly engineVersion: string;
  /** Plugins that they depend on, as `name version`. */
  readonly dependencies: readonly string[];
  /** `.yaml` and `.yml` files, by name. */
  readonly files: readonly TarFile[];
}

/** The digest of what a reference names now. Throws `PEER_REGISTRY`. */
export async function resolveRules(
  reference: Reference,
  options: RegistryOptions,
): Promise<{ readonly digest: string; readonly pull: () => Promise<RulesArtifact> }> {
  const client = new RegistryClient(reference, options);
  const { bytes, manifest } = await readManifest(client, reference.target);
  const digest = digestOf(bytes);
  return { digest, pull: () => pullRules(client, manifest, digest) };
}

type Json = Readonly<Record<string, unknown>>;

/**
 * A manifest, through an index where one stands before it: rules are the same for every platform,
 * so its first entry serves.
 */
async function readManifest(
  client: RegistryClient,
  target: string,
): Promise<{ readonly bytes: Uint8Array; readonly manifest: Json }> {
  const bytes = await client.manifest(target);
  const manifest = parseJson(bytes);
  const [first] = listOf(manifest["manifests"]);
  if (first === undefined) return { bytes, manifest };
  const inner = await client.manifest(textOf(first["digest"]));
  return { bytes, manifest: parseJson(inner) };
}

async function pullRules(
  client: RegistryClient,
  manifest: Json,
  digest: string,
): Promise<RulesArtifact> {
  const config = recordOf(manifest["config"]);
  const layers = listOf(manifest["layers"]);
  const layer = layers.find((candidate) => candidate["mediaType"] === LAYER_TYPE);
  if (config["mediaType"] !== CONFIG_TYPE || layer === undefined || layers.length !== 1) {
    const type = textOf(config["mediaType"]) || "nothing that is known";
    throw new AppError(
      "INPUT_ARTIFACT",
      `Cannot install the artifact: it is no rules artifact but ${type}`,
      { hint: "plugins are no rules: Saker has their fields built in, or not" },
    );
  }
  const described = parseJson(await client.blob(textOf(config["digest"]), LIMITS.config));
  const packed = await client.blob(textOf(layer["digest"]), LIMITS.layer);
  const files = readTar(unpack(packed)).filter(({ name }) => /\.ya?ml$/.test(name));
  if (files.length === 0)
    throw new AppError(
      "INPUT_ARTIFACT",
      "Cannot install the artifact: it holds no .yaml or .yml file",
    );
  const requirement = listOf(described["requirements"]).find((entry) =>
    textOf(entry["name"]).startsWith("engine_version"),
  );
  return {
    digest,
    name: textOf(described["name"]),
    version: textOf(described["version"]),
    engineVersion: textOf(requirement?.["version"]),
    dependencies: listOf(described["dependencies"]).map(
      (entry) => `${textOf(entry["name"])} ${textOf(entry["version"])}`,
    ),
    files,
  };
}

function unpack(packed: Uint8Array): Uint8Array {
  try {
    return gunzipSync(packed, { maxOutputLength: LIMITS.unpacked });
  } catch (thrown) {
    const isBomb = (thrown as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new AppError(
      "INPUT_ARCHIVE",
      `Cannot unpack the artifact: ${isBomb ? `it is larger than ${LIMITS.unpacked} bytes` : messageOf(thrown)}`,
    );
  }
}

function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}

function recordOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
