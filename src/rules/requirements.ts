import { scalarText, valueOfKey, type YamlNode } from "../yaml/node.ts";
import type { Place } from "../lib/errors.ts";
import type { Diagnostic, ErrorCode } from "./diagnostic.ts";
import type { RawItem } from "./raw-items.ts";
import { placeAt } from "./source-text.ts";

/** The version of Falco's engine whose rules format this is. */
export const ENGINE_VERSION = "0.63.0";

/**
 * What counts as loaded, by name and version: the fields of Falco's container plugin are our own.
 */
export const PLUGINS: ReadonlyMap<string, string> = new Map([["container", "0.7.0"]]);

/** `required_engine_version` against what we are; undefined when it is met. */
export function checkEngineVersion(item: RawItem): Diagnostic | undefined {
  const node = item.keys.get("required_engine_version");
  const about = {
    place: placeAt(item.source, node?.start ?? item.offset),
    itemType: "required_engine_version",
  } as const;
  const text = scalarText(node);
  if (text === undefined || text === "")
    return {
      ...about,
      code: "LOAD_ERR_YAML_VALIDATE",
      message: 'Mapping for key "required_engine_version" is empty',
    };
  const wanted = engineVersionOf(text);
  if (wanted === undefined)
    return {
      ...about,
      code: "LOAD_ERR_YAML_VALIDATE",
      message: `"${text}" is not an engine version`,
      hint: "write a number or a version such as 0.57.0",
    };
  if (satisfies(parseVersion(ENGINE_VERSION) ?? [0, 0, 0], wanted)) return undefined;
  return {
    ...about,
    code: "LOAD_ERR_VALIDATE",
    message: `Rules require engine version ${text}, and this is ${ENGINE_VERSION}`,
    hint: "use rules that are made for this engine, or a newer Saker",
  };
}

/**
 * True when this engine does for rules that ask for a version such as 0.57.0; what is no version
 * asks for nothing.
 */
export function meetsEngineVersion(text: string): boolean {
  const wanted = engineVersionOf(text);
  return wanted === undefined || satisfies(parseVersion(ENGINE_VERSION) ?? [0, 0, 0], wanted);
}

/** A plugin that rules need: it, or one of its alternatives. */
export interface PluginRequirement {
  readonly choices: readonly { readonly name: string; readonly version: string }[];
  readonly place: Place;
}

/** The entries of `required_plugin_versions`, up to the first that is not one. */
export function readPluginRequirements(item: RawItem): {
  readonly requirements: readonly PluginRequirement[];
  readonly problem?: Diagnostic;
} {
  const node = item.keys.get("required_plugin_versions");
  const requirements: PluginRequirement[] = [];
  const fail = (code: ErrorCode, message: string, at: YamlNode | undefined) => {
    const place = placeAt(item.source, at?.start ?? item.offset);
    return {
      requirements,
      problem: { code, message, place, itemType: "required_plugin_versions" } satisfies Diagnostic,
    };
  };
  if (node?.kind !== "sequence")
    return fail("LOAD_ERR_YAML_VALIDATE", "Value of required_plugin_versions must be a list", node);
  for (const entry of node.items) {
    const choices: { name: string; version: string }[] = [];
    const alternatives = valueOfKey(entry, "alternatives");
    if (alternatives !== undefined && alternatives.kind !== "sequence")
      return fail(
        "LOAD_ERR_YAML_VALIDATE",
        "Alternatives of a plugin must be a list",
        alternatives,
      );
    for (const choice of [entry, ...(alternatives?.items ?? [])]) {
      const name = scalarText(valueOfKey(choice, "name"));
      const version = scalarText(valueOfKey(choice, "version"));
      if (name === undefined || name === "" || version === undefined || version === "")
        return fail(
          "LOAD_ERR_YAML_VALIDATE",
          "Each required plugin must have a name and a version",
          choice,
        );
      if (parseVersion(version) === undefined)
        return fail(
          "LOAD_ERR_VALIDATE",
          `"${version}" is not a version of plugin "${name}"`,
          choice,
        );
      if (choices.some((other) => other.name === name))
        return fail(
          "LOAD_ERR_VALIDATE",
          `Plugin "${name}" stands twice among its alternatives`,
          choice,
        );
      choices.push({ name, version });
    }
    requirements.push({ choices, place: placeAt(item.source, entry.start) });
  }
  return { requirements };
}

/** The first requirement that the loaded plugins do not meet; undefined when all are met. */
export function unmetPlugin(
  requirements: readonly PluginRequirement[],
  plugins: ReadonlyMap<string, string>,
): Diagnostic | undefined {
  for (const { choices, place } of requirements) {
    const loaded = choices.find(({ name }) => plugins.has(name));
    const version = plugins.get(loaded?.name ?? "");
    const about = {
      code: "LOAD_ERR_VALIDATE",
      place,
      itemType: "required_plugin_versions",
    } as const;
    if (loaded === undefined || version === undefined) {
      return {
        ...about,
        message: `Plugin requirement not satisfied, must load one of: ${choices.map((choice) => `${choice.name} (>= ${choice.version})`).join(", ")}`,
      };
    }
    if (!satisfies(parseVersion(version) ?? [0, 0, 0], parseVersion(loaded.version) ?? [0, 0, 0])) {
      return {
        ...about,
        message: `Plugin "${loaded.name}" ${version} is not compatible with the required version ${loaded.version}`,
      };
    }
  }
  return undefined;
}

type Version = readonly [number, number, number];

/** A bare number N is 0.N.0, as versions were counted before; 0x and a leading 0 are C's. */
function engineVersionOf(text: string): Version | undefined {
  const number = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  return /^(?:\d+|0[xX][0-9a-fA-F]+)$/.test(text) ? [0, number, 0] : parseVersion(text);
}

function parseVersion(text: string | undefined): Version | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:-.*)?$/.exec(text ?? "");
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** Same major version, and not older. */
function satisfies(have: Version, wanted: Version): boolean {
  if (have[0] !== wanted[0]) return false;
  return have[1] !== wanted[1] ? have[1] > wanted[1] : have[2] >= wanted[2];
}
