import type { Place } from "../lib/errors.ts";
import { OUTPUT_KINDS } from "../outputs/registry.ts";
import {
  type ConfigNode,
  type MapEntry,
  type MapNode,
  placeText,
  scalarNode,
} from "./config-node.ts";
import { put } from "./override.ts";
import { SIDEKICK_KEYS } from "./sidekick-keys.ts";
import { type Environment, variable } from "./variable.ts";

/** A configuration in which falcosidekick's names and variables have their places. */
export interface SidekickConfig {
  readonly root: MapNode;
  readonly notes: readonly string[];
  /** Names of the environment's variables that count. */
  readonly variables: readonly string[];
}

const SERVICES = Object.values(OUTPUT_KINDS).filter(({ options }) => "minimumPriority" in options);

/** Falco's own keys are read as they are written; falcosidekick's in any case. */
const SECTIONS: ReadonlySet<string> = new Set([
  ...SERVICES.map(({ section }) => section.split(".")[0] as string),
  ...SIDEKICK_KEYS.map(({ name }) => name.split(".")[0] as string),
  "customfields",
  "templatedfields",
  "customtags",
]);

/** Maps whose keys are the user's own words. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  "customfields",
  "templatedfields",
  "customheaders",
]);

/** Keys that have no effect, but not their sections: who sets one by a variable hears of it, too. */
const WITHOUT_EFFECT: readonly string[] = SIDEKICK_KEYS.filter(
  ({ unsupported }) => unsupported !== undefined,
)
  .map(({ name }) => name)
  .filter((name) => !SIDEKICK_KEYS.some((key) => key.name.startsWith(`${name}.`)));

/**
 * Reads what falcosidekick reads besides: its sections in any case, and the environment's variables
 * of each service that is on, or the files that `NAME_FILE` names. A variable counts before the
 * configuration, which is told. Throws `CONFIG_SECRET`.
 */
export function withSidekick(root: MapNode, environment: Environment): SidekickConfig {
  const notes: string[] = [];
  let joined = withFieldMaps(lowerCased(root));
  const on = SERVICES.filter((service) => isOn(service, joined, environment));
  const variables = [
    ...on.flatMap((service) => serviceVariables(service, environment)),
    ...pairs("CUSTOMFIELDS", environment, notes),
    ...pairs("TEMPLATEDFIELDS", environment, notes),
    ...tags(environment),
  ];
  for (const [path, text, name] of [...variables, ...withoutEffect(on, environment)]) {
    const place: Place = { source: `environment ${name}`, line: 0, column: 0, length: 0 };
    const old = nodeIn(joined, path);
    if (old?.kind === "scalar" && (old.text ?? "") !== "" && old.text !== text)
      notes.push(
        `${placeText(old.place)}: ${path.join(".")} has no effect: ${name} of the environment holds`,
      );
    joined = put(joined, path, scalarNode(text, place)) as MapNode;
  }
  const names = new Set(variables.map(([, , name]) => name));
  return { root: joined, notes, variables: [...names] };
}

/** That variables count is no problem, and worth knowing. */
export function variablesNote(variables: readonly string[]): readonly string[] {
  return variables.length === 0 ? [] : [`Of the environment count: ${variables.join(", ")}`];
}

type Variable = readonly [path: readonly string[], text: string, name: string];

type Service = (typeof SERVICES)[number];

/** Whether the file or the environment has the key that switches a service on. */
function isOn({ section, options, required }: Service, root: MapNode, all: Environment): boolean {
  const { key = "" } = (options as Readonly<Record<string, { key: string }>>)[required ?? ""] ?? {};
  const path = `${section}.${key}`.split(".");
  const node = nodeIn(root, path);
  return isSet(variableOf(path), all) || (node?.kind === "scalar" && !!node.text);
}

/** Of services that are on alone: `REDIS_PORT` and its kin are set by Kubernetes, too. */
function serviceVariables({ section, options }: Service, all: Environment): readonly Variable[] {
  return Object.values(options).flatMap(({ key }) => stated(`${section}.${key}`, all));
}

function withoutEffect(on: readonly Service[], all: Environment): readonly Variable[] {
  const isBelow = (name: string, { section }: Service): boolean => name.startsWith(`${section}.`);
  const off = SERVICES.filter((service) => !on.includes(service));
  return WITHOUT_EFFECT.flatMap((name) =>
    off.some((service) => isBelow(name, service)) ? [] : stated(name, all),
  );
}

function stated(key: string, environment: Environment): readonly Variable[] {
  const path = key.split(".");
  const name = variableOf(path);
  const text = variable(name, environment) ?? "";
  return text === "" ? [] : [[path, text, name]];
}

function variableOf(path: readonly string[]): string {
  return path.join("_").toUpperCase();
}

/** Set to more than nothing, itself or by a file; no file is read of a service that is off. */
function isSet(name: string, environment: Environment): boolean {
  return (environment[name] ?? environment[`${name}_FILE`] ?? "") !== "";
}

/** `name:value,name:value`; `%NAME` is another variable's value. */
function pairs(name: string, environment: Environment, notes: string[]): readonly Variable[] {
  return fieldPairs(environment[name] ?? "").flatMap(([field, text]): Variable[] => {
    const value = text.startsWith("%") ? environment[text.slice(1)] : text;
    if (value === undefined)
      notes.push(`${name}: ${field} is left out: there is no ${text.slice(1)} in the environment`);
    return value === undefined ? [] : [[[name.toLowerCase(), field], value, name]];
  });
}

function tags(environment: Environment): readonly Variable[] {
  const text = environment["CUSTOMTAGS"] ?? "";
  return text === "" ? [] : [[["customtags"], text, "CUSTOMTAGS"]];
}

function nodeIn(root: MapNode, path: readonly string[]): ConfigNode | undefined {
  return path.reduce<ConfigNode | undefined>(
    (node, step) => (node?.kind === "map" ? node.entries.get(step)?.value : undefined),
    root,
  );
}

/** Fields that stand as a text, as in its chart's values, as maps. */
function withFieldMaps(root: MapNode): MapNode {
  const entries = [...root.entries].map(([name, entry]): [string, MapEntry] => {
    const { place, value } = entry;
    if (!FIELD_MAPS.has(name) || value.kind !== "scalar" || value.text === null)
      return [name, entry];
    const pairs = fieldPairs(value.text);
    // What is no pair is refused where the map is read.
    if (pairs.length === 0 && value.text.trim() !== "") return [name, entry];
    const fields = pairs.map(([field, text]): [string, MapEntry] => [
      field,
      { place, value: scalarNode(text, place) },
    ]);
    const map: MapNode = { kind: "map", place, entries: new Map(fields), repeated: [] };
    return [name, { place, value: map }];
  });
  return { ...root, entries: new Map(entries) };
}

const FIELD_MAPS: ReadonlySet<string> = new Set(["customfields", "templatedfields"]);

/** `name:value,name:value`; what has no colon is left out, as by falcosidekick. */
function fieldPairs(text: string): readonly (readonly [name: string, value: string])[] {
  return text.split(",").flatMap((pair): [string, string][] => {
    const [, name = "", value = ""] = /^\s*([^:]+):(.*)$/s.exec(pair) ?? [];
    return name === "" ? [] : [[name, value]];
  });
}

function lowerCased(root: MapNode): MapNode {
  return renamed(root, (name) => SECTIONS.has(name.toLowerCase()));
}

/** Entries that are chosen get small letters, and all below them, too; the first that is filled counts. */
function renamed(node: MapNode, isChosen: (name: string) => boolean): MapNode {
  const entries = new Map<string, MapEntry>();
  for (const [name, { place, value }] of node.entries) {
    const small = isChosen(name) ? name.toLowerCase() : name;
    if (entries.has(small)) continue;
    // What is empty is not stated: its chart's values have every key.
    if (isChosen(name) && value.kind === "scalar" && value.text === "") continue;
    const isOwn = !isChosen(name) || OWN_WORDS.has(small) || value.kind !== "map";
    entries.set(small, { place, value: isOwn ? value : renamed(value, () => true) });
  }
  return { ...node, entries };
}
