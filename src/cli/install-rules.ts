import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Reference, referenceText } from "../artifacts/reference.ts";
import { type RulesArtifact, resolveRules } from "../artifacts/pull-rules.ts";
import { parseJson, type RegistryOptions } from "../artifacts/registry-client.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { decodeText } from "../lib/text.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { loadRules } from "../rules/load-rules.ts";
import { meetsEngineVersion } from "../rules/requirements.ts";
import { baseRules } from "../config/rule-files.ts";

/** What is installed in a folder, by the artifact's repository; kept beside the rules. */
const RECORD = ".saker-artifacts.json";

/** What is kept of an artifact beside its files: where it came from, and when. */
export interface Installed {
  readonly reference: string;
  readonly digest: string;
  readonly version: string;
  readonly files: readonly string[];
  /** ISO 8601. */
  readonly at: string;
}

/** What an installation came to. */
export interface InstallResult {
  readonly installed: Installed;
  /** False when exactly this is there already, and nothing was done. */
  readonly isNew: boolean;
  readonly rules: number;
}

/**
 * Pulls a rules artifact into a folder. What does not load, asks for a newer engine, or has a file
 * of a name that was not installed for it, is not installed; files are replaced by renaming, and a
 * failure leaves the old ones as they were. Throws `PEER_…`, `INPUT_…`, `RULE_LOAD`,
 * `CONFIG_FOLDER`.
 */
export async function installRules(
  reference: Reference,
  folder: string,
  options: RegistryOptions & { readonly now: Date },
): Promise<InstallResult> {
  const key = `${reference.registry}/${reference.repository}`;
  const before = readRecord(folder)[key];
  const { digest, pull } = await resolveRules(reference, options);
  if (
    before !== undefined &&
    before.digest === digest &&
    before.files.every((name) => existsSync(join(folder, name)))
  )
    return { installed: before, isNew: false, rules: 0 };
  const artifact = await pull();
  const rules = requireSound(artifact, referenceText(reference));
  requireOwnFiles(folder, { artifact, key });
  const installed = {
    reference: referenceText(reference),
    digest,
    version: artifact.version,
    files: artifact.files.map(({ name }) => name),
    at: options.now.toISOString(),
  };
  try {
    replaceFiles(folder, artifact, before?.files ?? []);
    writeRecord(folder, { ...readRecord(folder), [key]: installed });
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError(
      "CONFIG_FOLDER",
      `Cannot install rules into "${folder}": ${messageOf(thrown)}`,
      { hint: "name a folder that may be written to with --rules-dir" },
    );
  }
  return { installed, isNew: true, rules };
}

/** A file that somebody else has put there, or another artifact, is not for this one to replace. */
function requireOwnFiles(
  folder: string,
  { artifact, key }: { readonly artifact: RulesArtifact; readonly key: string },
): void {
  const record = readRecord(folder);
  const own = new Set(record[key]?.files);
  for (const { name } of artifact.files) {
    const path = join(folder, name);
    if (own.has(name) || lstatSync(path, { throwIfNoEntry: false }) === undefined) continue;
    const [other] = Object.values(record).filter(({ files }) => files.includes(name));
    const whose = other === undefined ? "was not installed by Saker" : `is of ${other.reference}`;
    throw new AppError("CONFIG_FOLDER", `Cannot install "${path}": a file of that name ${whose}`, {
      hint: "move it away, or name another folder with --rules-dir",
    });
  }
}

/** Number of rules. */
function requireSound({ files, engineVersion }: RulesArtifact, reference: string): number {
  if (engineVersion !== "" && !meetsEngineVersion(engineVersion)) {
    throw new AppError(
      "RULE_LOAD",
      `Cannot install "${reference}": it is for engine ${engineVersion}, which this is not`,
      { hint: "install an earlier version of it" },
    );
  }
  const texts = files.map(({ name, bytes }) => ({
    name,
    text: decodeText(bytes, 0, bytes.length),
  }));
  const result = loadRules(texts, { fields: FIELDS, base: baseRules() });
  const errors = result.files.flatMap((file, index) =>
    file.errors.map((error) => formatDiagnostic(error, texts[index]?.text ?? "")),
  );
  if (errors.length === 0) return result.rules.length;
  throw new AppError(
    "RULE_LOAD",
    `Cannot install "${reference}": its rules do not load\n${errors.slice(0, 10).join("\n")}`,
  );
}

/**
 * Everything is written and synced first; then each file takes its place by one rename, and a
 * failure puts back what was there.
 */
function replaceFiles(folder: string, { files }: RulesArtifact, before: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  const temporary = mkdtempSync(join(folder, ".saker-install-"));
  const moved: { readonly name: string; readonly hadOld: boolean }[] = [];
  try {
    for (const { name, bytes } of files) {
      writeSynced(join(temporary, "new", name), bytes);
      mkdirSync(dirname(join(temporary, "old", name)), { recursive: true });
      mkdirSync(dirname(join(folder, name)), { recursive: true });
    }
    for (const { name } of files) {
      const hadOld = existsSync(join(folder, name));
      // A copy for the case of failure; the old file itself is there until the new one takes its
      // place.
      if (hadOld) copyFileSync(join(folder, name), join(temporary, "old", name));
      moved.push({ name, hadOld });
      renameSync(join(temporary, "new", name), join(folder, name));
    }
  } catch (thrown) {
    for (const { name, hadOld } of moved) {
      if (hadOld) renameSync(join(temporary, "old", name), join(folder, name));
      else rmSync(join(folder, name), { force: true });
    }
    throw thrown;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  // What the version before had and this one has not would go on being loaded.
  for (const name of before)
    if (!files.some((file) => file.name === name)) rmSync(join(folder, name), { force: true });
}

function writeSynced(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "wx", 0o644);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readRecord(folder: string): Readonly<Record<string, Installed>> {
  const path = join(folder, RECORD);
  return existsSync(path)
    ? (parseJson(readFileSync(path)) as Readonly<Record<string, Installed>>)
    : {};
}

function writeRecord(folder: string, record: Readonly<Record<string, Installed>>): void {
  const path = join(folder, RECORD);
  rmSync(`${path}.new`, { force: true });
  writeSynced(`${path}.new`, Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`));
  renameSync(`${path}.new`, path);
}
