import type { AppError, Place } from "../lib/errors.ts";
import { isThere } from "../shipped/shipped-files.ts";
import { didYouMean } from "../rules/did-you-mean.ts";
import {
  configError,
  type ConfigNode,
  IN_MANIFESTS,
  joinedErrors,
  type MapNode,
  parseConfigText,
  placeText,
} from "./config-node.ts";
import type { Environment } from "./variable.ts";
import type { Key, ValueOf } from "./key.ts";
import { OUTPUT_KINDS } from "../outputs/registry.ts";
import { KEYS, OUTPUT_KEYS } from "./keys.ts";
import { asMap, mergeConfig } from "./merge-config.ts";
import { OTHER_KEYS } from "./other-keys.ts";
import { applyOverride } from "./override.ts";
import { type Settings, settingsFrom } from "./settings.ts";
import { variablesNote, withSidekick } from "./sidekick.ts";
import { SIDEKICK_KEYS } from "./sidekick-keys.ts";

/** What a configuration came to, with everything in it that has no effect. */
export interface LoadedConfig {
  readonly settings: Settings;
  /** What the user has set and does not get, in words, one a topic. */
  readonly notes: readonly string[];
  /** Every key with its value and where that is from. */
  readonly values: readonly EffectiveValue[];
  /** Names of falcosidekick's variables that count. */
  readonly variables: readonly string[];
  /** Every file that was read. */
  readonly files: readonly string[];
  /** The files joined, with the overrides. */
  readonly root: MapNode;
}

/** What holds for a key. */
export interface EffectiveValue {
  readonly key: Key<unknown>;
  readonly value: unknown;
  /** Where it stands; undefined when it is the default. */
  readonly place: Place | undefined;
}

/** The environment that `${NAME}` is taken from, and settings that go before the file's. */
export interface LoadConfigOptions {
  readonly environment: Environment;
  /** `key=value`, in this order, over what the files say (Falco's `-o`). */
  readonly overrides?: readonly string[] | undefined;
  /** Rules that are named beside, in place of the configuration's. */
  readonly rules?: readonly string[];
}

/**
 * Reads a saker.yaml or an existing falco.yaml with its `config_files`; keys that are not there
 * keep their defaults. Without a path, the overrides alone. Throws `CONFIG_…` with the place of
 * what is wrong.
 */
export function loadConfig(
  path: string | undefined,
  { environment, overrides = [], rules: named = [] }: LoadConfigOptions,
): LoadedConfig {
  const { root, files, notes } =
    path === undefined ? NOTHING : mergeConfig(path, environment, overrides);
  const sidekick = withSidekick(root, environment);
  const effective = overrides.reduce(
    (node, override) => applyOverride(node, override, environment),
    sidekick.root,
  );
  const { settings, ...read } = readConfig(effective);
  const rules = existingRules(settings.rulesFiles);
  // Of rules files that are not read nobody has to hear.
  const rulesNotes = named.length > 0 ? [] : rules.notes;
  return {
    ...read,
    settings: { ...settings, rulesFiles: rules.files },
    variables: sidekick.variables,
    notes: [
      ...notes,
      ...variablesNote(sidekick.variables),
      ...sidekick.notes,
      ...read.notes,
      ...rulesNotes,
    ],
    files,
    root: effective,
  };
}

const NOTHING = {
  root: asMap(parseConfigText({ source: "", text: "", environment: {} })),
  files: [],
  notes: [],
};

/** What one text means, other files left aside. Throws `CONFIG_…`. */
export function parseConfig(
  text: string,
  { path, environment }: { readonly path: string; readonly environment: Environment },
): Omit<LoadedConfig, "files" | "root" | "variables"> {
  return readConfig(asMap(parseConfigText({ source: path, text, environment })));
}

function readConfig(root: MapNode): Omit<LoadedConfig, "files" | "root" | "variables"> {
  requireConfiguration(root);
  const problems: AppError[] = [];
  const values = new Map<string, EffectiveValue>();
  for (const key of ALL_KEYS) {
    const found = find(root, key.name);
    values.set(key.name, found === undefined ? defaultOf(key) : readValue(key, found, problems));
  }
  problems.push(...wrongSections(root), ...missingOptions(values));
  const problem = joinedErrors(problems);
  if (problem !== undefined) throw problem;
  const valueOf = <Value>(key: Key<Value>): Value => values.get(key.name)?.value as Value;
  const notes = [
    ...repeatedNotes(root),
    ...bothRulesNotes(values.get(KEYS.rulesFile.name)?.place, valueOf),
    ...unsupportedNotes([...values.values()], valueOf),
    ...unknownNotes(root),
  ];
  return { settings: settingsFrom(valueOf), notes, values: [...values.values()] };
}

/** What people have at hand in Kubernetes holds the configuration further in. */
function requireConfiguration({ entries, place }: MapNode): void {
  const isMap = (name: string): boolean => entries.get(name)?.value.kind === "map";
  const refuse = (state: string, hint: string): never => {
    throw configError("CONFIG_FORM", { ...place, line: 0 }, state, hint);
  };
  if (entries.has("apiVersion") && entries.has("kind"))
    refuse("it is a manifest of Kubernetes", IN_MANIFESTS);
  if (isMap("falco") || isMap("falcosidekick"))
    refuse(
      "it is a file of values for Helm",
      "what stands below falco is Falco's configuration, what stands below falcosidekick.config is falcosidekick's: put each into a file of its own",
    );
  if (isMap("config"))
    refuse(
      "it is a file of values for a Helm chart",
      "what stands below config is the configuration, Saker's or falcosidekick's: put that into a file of its own",
    );
}

const ALL_KEYS: readonly Key<unknown>[] = [
  ...(Object.values(KEYS) as readonly Key<unknown>[]),
  ...OUTPUT_KEYS,
  ...(OTHER_KEYS as readonly Key<unknown>[]),
  ...(SIDEKICK_KEYS as readonly Key<unknown>[]),
];
const BY_NAME: ReadonlyMap<string, Key<unknown>> = new Map(ALL_KEYS.map((key) => [key.name, key]));

/** Every key that there is. */
export function allKeys(): readonly Key<unknown>[] {
  return ALL_KEYS;
}

interface Found {
  readonly place: Place;
  readonly node: ConfigNode;
}

/** What stands at a dotted name. */
function find(root: MapNode, name: string): Found | undefined {
  let found: Found = { place: root.place, node: root };
  for (const step of name.split(".")) {
    if (found.node.kind !== "map") return undefined;
    const entry = found.node.entries.get(step);
    if (entry === undefined) return undefined;
    found = { place: entry.place, node: entry.value };
  }
  return found;
}

function defaultOf(key: Key<unknown>): EffectiveValue {
  return { key, value: key.default, place: undefined };
}

/** Thrown to leave a value's reader; the problem is in the list. */
const REFUSED: unique symbol = Symbol("refused");

function readValue(
  key: Key<unknown>,
  { place, node }: Found,
  problems: AppError[],
): EffectiveValue {
  // A key without a value, as in `rules_files:`, keeps its default.
  if (node.kind === "scalar" && node.text === null) return defaultOf(key);
  const fail = (state: string, at?: ConfigNode): never => {
    problems.push(configError("CONFIG_VALUE", at?.place ?? place, `"${key.name}" ${state}`));
    // oxlint-disable-next-line no-throw-literal -- caught a few lines below, never seen outside
    throw REFUSED;
  };
  try {
    return { key, value: key.type.read(node, fail), place };
  } catch (thrown) {
    if (thrown !== REFUSED) throw thrown;
    return defaultOf(key);
  }
}

/** What stands where keys of a section should. */
function wrongSections(root: MapNode): readonly AppError[] {
  return [...SECTIONS].flatMap((name) => {
    const found = find(root, name);
    if (found === undefined || found.node.kind === "map" || BY_NAME.has(name)) return [];
    if (found.node.kind === "scalar" && found.node.text === null) return [];
    return [configError("CONFIG_VALUE", found.node.place, `"${name}" must be a map of keys`)];
  });
}

/** Outputs that are switched on, and a replay, without what they need. */
function missingOptions(values: ReadonlyMap<string, EffectiveValue>): readonly AppError[] {
  const kind = values.get(KEYS.engineKind.name);
  const file = values.get(KEYS.replayFile.name);
  const missing = missingOutputOptions(values);
  if (kind?.place === undefined || kind.value !== "replay" || file?.value !== "") return missing;
  const state = `"${KEYS.replayFile.name}" must be there where "${KEYS.engineKind.name}" is "replay"`;
  return [...missing, configError("CONFIG_VALUE", kind.place, state)];
}

function missingOutputOptions(values: ReadonlyMap<string, EffectiveValue>): readonly AppError[] {
  return Object.values(OUTPUT_KINDS).flatMap(({ section, required }) => {
    const enabled = values.get(`${section}.enabled`);
    const needed = `${section}.${required ?? "enabled"}`;
    if (enabled?.value !== true || values.get(needed)?.value !== "") return [];
    const place = values.get(needed)?.place ?? enabled.place;
    if (place === undefined) return [];
    return [configError("CONFIG_VALUE", place, `"${needed}" must be there when it is enabled`)];
  });
}

/** One note for each topic of which something is set that changes what Falco would do. */
function unsupportedNotes(values: readonly EffectiveValue[], valueOf: ValueOf): readonly string[] {
  const notes = new Map<string, string>();
  for (const { key, value, place } of values) {
    const { unsupported } = key;
    if (unsupported === undefined || place === undefined) continue;
    if (!unsupported.when(value, valueOf)) continue;
    if (!notes.has(unsupported.topic))
      notes.set(
        unsupported.topic,
        `${placeText(place)}: ${key.name} has no effect: ${unsupported.reason}`,
      );
  }
  return [...notes.values()];
}

/** Keys that stand twice. */
function repeatedNotes({ entries, repeated }: MapNode, prefix = ""): readonly string[] {
  const own = repeated.map(
    ({ name, place }) =>
      `${placeText(place)}: ${prefix}${name} has no effect: it stands before, too, and the first one counts`,
  );
  const inner = [...entries].flatMap(([key, { value }]) =>
    value.kind === "map" ? repeatedNotes(value, `${prefix}${key}.`) : [],
  );
  return [...own, ...inner];
}

/** Falco refuses a configuration with both names of one key. */
function bothRulesNotes(place: Place | undefined, valueOf: ValueOf): readonly string[] {
  const lists = [valueOf(KEYS.rulesFiles), valueOf(KEYS.rulesFile)];
  if (place === undefined || lists.some((list) => list.length === 0)) return [];
  return [`${placeText(place)}: rules_file has no effect: rules_files stands there, too`];
}

/** Keys that nobody knows, with what was meant by them. */
function unknownNotes(root: MapNode, prefix = ""): readonly string[] {
  return [...root.entries].flatMap(([key, { place, value }]) => {
    const name = `${prefix}${key}`;
    if (key.includes(".") && (BY_NAME.has(name) || SECTIONS.has(name)))
      return [`${placeText(place)}: ${name} has no effect in one word: ${nested(key)}`];
    if (BY_NAME.has(name)) return [];
    if (SECTIONS.has(name)) return value.kind === "map" ? unknownNotes(value, `${name}.`) : [];
    const siblings = namesBelow(prefix);
    const hint = didYouMean(key, siblings);
    return [
      `${placeText(place)}: there is no key "${name}"${hint === undefined ? "" : `, ${hint}`}`,
    ];
  });
}

/** How a key is written whose parts stand in one word, as they do behind `-o`. */
function nested(key: string): string {
  const parts = key.split(".");
  return `write "${parts.join(": {")}: …${"}".repeat(parts.length - 1)}"`;
}

const SECTIONS: ReadonlySet<string> = new Set(
  ALL_KEYS.flatMap(({ name }) => {
    const steps = name.split(".");
    return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join("."));
  }),
);

/** The names that may stand at a place. */
function namesBelow(prefix: string): ReadonlySet<string> {
  const names = [...BY_NAME.keys()].filter((name) => name.startsWith(prefix));
  return new Set(names.map((name) => name.slice(prefix.length).split(".")[0] ?? ""));
}

/** Rules files that are there; all of them when none is, so that loading says so. */
function existingRules(stated: readonly string[]): {
  readonly files: readonly string[];
  readonly notes: readonly string[];
} {
  const files = stated.filter((path) => isThere(path));
  if (files.length === stated.length) return { files, notes: [] };
  const missing = stated.filter((path) => !files.includes(path)).join(", ");
  if (files.length > 0)
    return { files, notes: [`rules_files: not there, and left out: ${missing}`] };
  // Falco's configuration on a host that has no Falco: its rules are Saker's own then.
  if (!stated.every((path) => path.startsWith(FALCO_FOLDER))) return { files: stated, notes: [] };
  return {
    files,
    notes: [`rules_files: none is there (${missing}): the shipped rules are loaded`],
  };
}

/** Where Falco's packages and images have their rules. */
const FALCO_FOLDER = "/etc/falco/";
