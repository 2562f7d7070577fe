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

/**
 * Reads what falcosidekick reads besides: its sections in any case, and the environment's variables
 * of each service that is on, or the files that `NAME_FILE` names. A variable counts before the
 * configuration, which is told. Throws `CONFIG_SECRET`.
 */
export function withSidekick(root: MapNode, environment: Environment): SidekickConfig {
  const notes: string[] = [];
  let joined = lowerCased(root);
  const variables = variablesOf(joined, environment, notes);
  for (const [path, text, name] of variables) {
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
type Stated = readonly [option: string, path: readonly string[], name: string];

function variablesOf(
  root: MapNode,
  environment: Environment,
  notes: string[],
): readonly Variable[] {
  const services = SERVICES.flatMap(({ section, options, required }): readonly Variable[] => {
    const all = Object.entries(options).flatMap(([option, { key }]): Stated[] => {
      const path = `${section}.${key}`.split(".");
      const name = path.join("_").toUpperCase();
      return isSet(name, environment) ? [[option, path, name]] : [];
    });
    const key = (options as Readonly<Record<string, { key: string }>>)[required ?? ""]?.key ?? "";
    const stated = nodeIn(root, `${section}.${key}`.split("."));
    const isOn = stated?.kind === "scalar" && (stated.text ?? "") !== "";
    // REDIS_PORT and its kin are set by Kubernetes for services of that name.
    if (!isOn && !all.some(([option]) => option === required)) return [];
    return all.flatMap(([, path, name]): Variable[] => {
      const text = variable(name, environment) ?? "";
      return text === "" ? [] : [[path, text, name]];
    });
  });
  return [
    ...services,
    ...pairs("CUSTOMFIELDS", environment, notes),
    ...pairs("TEMPLATEDFIELDS", environment, notes),
    ...tags(environment),
  ];
}

/** Set to more than nothing, itself or by a file; no file is read of a service that is off. */
function isSet(name: string, environment: Environment): boolean {
  return (environment[name] ?? environment[`${name}_FILE`] ?? "") !== "";
}

/** `name:value,name:value`; `%NAME` is another variable's value. */
function pairs(name: string, environment: Environment, notes: string[]): readonly Variable[] {
  return (environment[name] ?? "").split(",").flatMap((pair): Variable[] => {
    const [, field = "", text = ""] = /^\s*([^:]+):(.*)$/s.exec(pair) ?? [];
    const value = text.startsWith("%") ? environment[text.slice(1)] : text;
    if (value === undefined)
      notes.push(`${name}: ${field} is left out: there is no ${text.slice(1)} in the environment`);
    return field === "" || value === undefined ? [] : [[[name.toLowerCase(), field], value, name]];
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

function lowerCased(root: MapNode): MapNode {
  return renamed(root, (name) => SECTIONS.has(name.toLowerCase()));
}

/** Entries that are chosen get small letters, and all below them, too; the first of a name counts. */
function renamed(node: MapNode, isChosen: (name: string) => boolean): MapNode {
  const entries = new Map<string, MapEntry>();
  for (const [name, { place, value }] of node.entries) {
    const small = isChosen(name) ? name.toLowerCase() : name;
    if (entries.has(small)) continue;
    const isOwn = !isChosen(name) || OWN_WORDS.has(small) || value.kind !== "map";
    entries.set(small, { place, value: isOwn ? value : renamed(value, () => true) });
  }
  return { ...node, entries };
}
