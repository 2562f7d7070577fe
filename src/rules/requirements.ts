import { isMap, isSeq, type Node } from "yaml";
import type { Diagnostic, ItemType } from "./diagnostic.ts";
import { type RawItem, scalarText } from "./raw-items.ts";
import { placeAt } from "./source-text.ts";

/** The version of Falco's engine whose rules format this is. */
export const ENGINE_VERSION = "0.63.0";

/** What counts as loaded: the fields of Falco's container plugin are our own. */
const PLUGINS: Readonly<Record<string, string>> = { container: "0.7.0" };

/** `required_engine_version` or `required_plugin_versions` against what we are; undefined when it is met. */
export function checkRequirement(item: RawItem): Diagnostic | undefined {
  const node = item.keys.get(item.word) ?? null;
  const problem = item.word === "required_engine_version" ? engineProblem(node) : pluginProblem(node);
  if (problem === undefined) return undefined;
  return { ...problem, place: placeAt(item.source, node?.range?.[0] ?? item.offset), itemType: item.word as ItemType };
}

type Problem = Pick<Diagnostic, "code" | "message" | "hint">;

function engineProblem(node: Node | null): Problem | undefined {
  const text = scalarText(node);
  // A bare number N is 0.N.0, as versions were counted before.
  const wanted = parseVersion(text !== undefined && /^\d+$/.test(text) ? `0.${text}.0` : text);
  if (wanted === undefined) return { code: "LOAD_ERR_YAML_VALIDATE", message: `"${text ?? ""}" is not an engine version`, hint: "write a number or a version such as 0.57.0" };
  if (satisfies(parseVersion(ENGINE_VERSION) ?? [0, 0, 0], wanted)) return undefined;
  return { code: "LOAD_ERR_VALIDATE", message: `Rules require engine version ${text ?? ""}, and this is ${ENGINE_VERSION}` };
}

function pluginProblem(node: Node | null): Problem | undefined {
  if (!isSeq(node)) return { code: "LOAD_ERR_YAML_VALIDATE", message: "Value of required_plugin_versions must be a list" };
  for (const entry of node.items as Node[]) {
    const wanted = readRequirement(entry);
    if (wanted === undefined) return { code: "LOAD_ERR_YAML_VALIDATE", message: "Each required plugin must have a name and a version" };
    const choices = [wanted, ...wanted.alternatives];
    const isMet = choices.some(({ name, version }) => satisfies(parseVersion(PLUGINS[name]) ?? [-1, 0, 0], parseVersion(version) ?? [0, 0, 0]));
    if (isMet) continue;
    const list = choices.map(({ name, version }) => `${name} (>= ${version})`).join(", or ");
    return { code: "LOAD_ERR_VALIDATE", message: `Plugin requirement not satisfied, must load one of: ${list}` };
  }
  return undefined;
}

interface Requirement {
  readonly name: string;
  readonly version: string;
}

function readRequirement(node: Node): (Requirement & { readonly alternatives: readonly Requirement[] }) | undefined {
  if (!isMap(node)) return undefined;
  const [name, version] = [scalarText(node.get("name", true)), scalarText(node.get("version", true))];
  if (name === undefined || version === undefined || parseVersion(version) === undefined) return undefined;
  const listed = node.get("alternatives", true);
  const alternatives = isSeq(listed) ? (listed.items as Node[]).map(readRequirement) : [];
  return { name, version, alternatives: alternatives.filter((alternative) => alternative !== undefined) };
}

type Version = readonly [number, number, number];

function parseVersion(text: string | undefined): Version | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:-.*)?$/.exec(text ?? "");
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** Same major version, and not older. */
function satisfies(have: Version, wanted: Version): boolean {
  if (have[0] !== wanted[0]) return false;
  return have[1] !== wanted[1] ? have[1] > wanted[1] : have[2] >= wanted[2];
}
