import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { errnoOf } from "../lib/errno.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { yamlText } from "../yaml/yaml-text.ts";
import {
  configError,
  type ConfigNode,
  type MapEntry,
  type MapNode,
  parseConfigText,
  placeText,
} from "./config-node.ts";
import type { Environment } from "./variable.ts";
import { applyOverride } from "./override.ts";

/** A configuration with everything that its `config_files` add. */
export interface MergedConfig {
  readonly root: MapNode;
  /** Every file that was read, the first one first. */
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

type Strategy = "append" | "override" | "add-only";

/**
 * Reads a configuration and the files and folders that its `config_files` name, in their order.
 * By default lists are joined and all else of a later file counts; `override` has lists replaced,
 * `add-only` takes what is new alone. Files that are not there are skipped, as Falco does. Relative
 * paths start at the working folder. Options (`-o`) of `config_files` count as if the first file
 * said so. Throws `CONFIG_…`.
 */
export function mergeConfig(
  path: string,
  environment: Environment,
  options: readonly string[] = [],
): MergedConfig {
  const main = options
    .filter((option) => option.startsWith("config_files"))
    .reduce((node, option) => applyOverride(node, option, environment), readMap(path, environment));
  const files = [path];
  const notes: string[] = [];
  let { root } = { root: main };
  for (const { named, strategy, entry } of includesOf(main, notes)) {
    if (resolve(named) === resolve(path))
      throw configError("CONFIG_FILES", entry.place, `"config_files" names the file itself`);
    for (const file of filesAt(named)) {
      const added = readMap(file, environment);
      const nested = added.entries.get("config_files");
      if (nested !== undefined)
        throw configError(
          "CONFIG_FILES",
          nested.place,
          `"config_files" may stand in the first file alone`,
        );
      files.push(file);
      root = merged(root, added, strategy);
    }
  }
  return { root, files, notes };
}

/** One file's map of keys. Throws `CONFIG_READ`, `CONFIG_YAML`. */
export function readMap(path: string, environment: Environment): MapNode {
  let text: string;
  try {
    text = yamlText(readFileSync(path));
  } catch (thrown) {
    throw new AppError("CONFIG_READ", `Cannot read configuration "${path}": ${messageOf(thrown)}`);
  }
  return asMap(parseConfigText({ source: path, text, environment }));
}

/** Throws `CONFIG_YAML` unless it is a map. */
export function asMap(node: ConfigNode): MapNode {
  if (node.kind === "map") return node;
  if (node.kind === "scalar" && node.text === null)
    return { kind: "map", entries: new Map(), repeated: [], place: node.place };
  // Falco's rules are lists, and lie beside its configuration.
  const hint =
    node.kind === "list" ? `a list is of rules: --rules ${node.place.source}` : undefined;
  throw configError("CONFIG_YAML", node.place, "it must be a map of keys", hint);
}

function merged(base: MapNode, added: MapNode, strategy: Strategy): MapNode {
  const entries = new Map(base.entries);
  for (const [key, entry] of added.entries) {
    const there = entries.get(key);
    if (there === undefined) entries.set(key, entry);
    else if (strategy !== "add-only") entries.set(key, joined(there, entry, strategy));
  }
  return { ...base, entries, repeated: [...base.repeated, ...added.repeated] };
}

function joined(there: MapEntry, entry: MapEntry, strategy: Strategy): MapEntry {
  const [old, { value }] = [there.value, entry];
  if (strategy !== "append" || old.kind !== "list" || value.kind !== "list") return entry;
  return { ...entry, value: { ...value, items: [...old.items, ...value.items] } };
}

interface Include {
  readonly named: string;
  readonly strategy: Strategy;
  readonly entry: MapEntry;
}

function includesOf(main: MapNode, notes: string[]): readonly Include[] {
  const entry = main.entries.get("config_files");
  if (entry === undefined) return [];
  const items = entry.value.kind === "list" ? entry.value.items : [entry.value];
  return items.flatMap((item): Include[] => {
    if (item.kind === "scalar")
      return item.text === null ? [] : [{ named: item.text, strategy: "append", entry }];
    const named = item.kind === "map" ? textIn(item, "path") : undefined;
    if (item.kind !== "map" || named === undefined)
      throw configError("CONFIG_FILES", item.place, `"config_files" holds paths`);
    const stated = textIn(item, "strategy") ?? "append";
    const strategy = STRATEGIES.find((known) => known === stated);
    if (strategy === undefined)
      notes.push(
        `${placeText(item.place)}: strategy "${stated}" is none of ${STRATEGIES.join(", ")}: append is used`,
      );
    return [{ named, strategy: strategy ?? "append", entry }];
  });
}

const STRATEGIES: readonly Strategy[] = ["append", "override", "add-only"];

function textIn(map: MapNode, key: string): string | undefined {
  const value = map.entries.get(key)?.value;
  return value?.kind === "scalar" ? (value.text ?? undefined) : undefined;
}

/** A file, or the YAML files of a folder by name; none where there is nothing. */
function filesAt(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => /\.ya?ml$/.test(name))
      .toSorted()
      .map((name) => join(path, name));
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT" || errnoOf(thrown) === "ENOTDIR") return [];
    throw new AppError("CONFIG_READ", `Cannot read configuration "${path}": ${messageOf(thrown)}`);
  }
}
