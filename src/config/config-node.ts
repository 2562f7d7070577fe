import { AppError, type Place } from "../lib/errors.ts";
import { linesOf, placeAt, type SourceText } from "../rules/source-text.ts";
import { isNull, type YamlMap, type YamlNode } from "../yaml/node.ts";
import { parseYaml } from "../yaml/parse-yaml.ts";
import { YamlError } from "../yaml/yaml-error.ts";
import { expandVariables } from "./expand.ts";
import type { Environment } from "./variable.ts";

/** A value of a configuration with the place where it stands. All scalars are text. */
export type ConfigNode = ScalarNode | ListNode | MapNode;

/** A value of one text; null where the file says null or nothing. */
export interface ScalarNode {
  readonly kind: "scalar";
  /** With its variables expanded; null for YAML's null. */
  readonly text: string | null;
  readonly place: Place;
}

/** A list of values, in the file's order. */
export interface ListNode {
  readonly kind: "list";
  readonly items: readonly ConfigNode[];
  readonly place: Place;
}

/** A map of keys, each with its place. */
export interface MapNode {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
  /** Keys that stand there again: the first of a name counts, as with Falco. */
  readonly repeated: readonly RepeatedKey[];
  readonly place: Place;
}

/** A key without an effect: its name stands before it. */
export interface RepeatedKey {
  readonly name: string;
  readonly place: Place;
}

/** A value with the place of its key. */
export interface MapEntry {
  readonly place: Place;
  readonly value: ConfigNode;
}

/** A configuration's text, with its name for messages and what is filled into it. */
export interface ConfigText {
  /** A path, or what stands for one in messages. */
  readonly source: string;
  readonly text: string;
  readonly environment: Environment;
}

/** Aliases can make a small file a huge tree, or one without an end. */
const [MAX_NODES, MAX_DEPTH] = [100_000, 100];

/** Where a configuration is among what people have at hand in Kubernetes. */
export const IN_MANIFESTS =
  "of Kubernetes' manifests, Falco's configuration is a text in a ConfigMap: kubectl get configmap falco -o jsonpath='{.data.falco\\.yaml}' > falco.yaml; falcosidekick's are variables of its environment and Secret";

/**
 * The tree of one YAML document, in yaml-cpp's grammar; an empty one is an empty map. Throws
 * `CONFIG_YAML`.
 */
export function parseConfigText({ source, text, environment }: ConfigText): ConfigNode {
  const lines: SourceText = { name: source, text, lines: linesOf(text) };
  const place = placeAt(lines, 0);
  try {
    const [document, another] = parseYaml(text);
    if (another !== undefined)
      throw new YamlError(
        "it must be one document",
        another.start,
        /^apiVersion:/m.test(text) ? IN_MANIFESTS : "leave out the ---",
      );
    if (document === undefined) return { kind: "map", entries: new Map(), repeated: [], place };
    return new TreeBuilder(lines, environment).build(document, 0);
  } catch (thrown) {
    if (!(thrown instanceof YamlError)) throw thrown;
    throw configError("CONFIG_YAML", placeAt(lines, thrown.offset), thrown.message, thrown.hint);
  }
}

/** Makes a tree with places of YAML's. */
class TreeBuilder {
  readonly #source: SourceText;
  readonly #environment: Environment;
  #count = 0;

  constructor(source: SourceText, environment: Environment) {
    this.#source = source;
    this.#environment = environment;
  }

  build(node: YamlNode, depth: number): ConfigNode {
    const place = placeAt(this.#source, node.start);
    this.#count += 1;
    if (this.#count > MAX_NODES || depth > MAX_DEPTH)
      throw configError("CONFIG_YAML", place, "it has too many values or is nested too deeply");
    if (node.kind === "map") return this.#map(node, place, depth);
    if (node.kind === "scalar")
      return { kind: "scalar", place, text: expanded(node, this.#environment) };
    const items = node.items.map((item) => this.build(item, depth + 1));
    return { kind: "list", place, items };
  }

  #map(node: YamlMap, place: Place, depth: number): MapNode {
    const entries = new Map<string, MapEntry>();
    const repeated: RepeatedKey[] = [];
    for (const { key, value } of node.entries) {
      const name = expanded(key, {}) ?? "";
      const at = placeAt(this.#source, key.start);
      const entry: MapEntry = { place: at, value: this.build(value, depth + 1) };
      if (entries.has(name)) repeated.push({ name, place: at });
      else entries.set(name, entry);
    }
    return { kind: "map", place, entries, repeated };
  }
}

/** What an override (`-o key=value`) gives as a value. */
export function scalarNode(text: string, place: Place): ScalarNode {
  return { kind: "scalar", text, place };
}

/** `FILE:LINE`, or what stands for a file without lines. */
export function placeText({ source, line }: Place): string {
  return line === 0 ? source : `${source}:${line}`;
}

/** `Cannot use configuration "FILE:LINE:COLUMN": STATE`. */
export function configError(
  code: `CONFIG_${string}`,
  at: Place,
  state: string,
  hint?: string,
): AppError {
  const where = at.line === 0 ? at.source : `${at.source}:${at.line}:${at.column}`;
  return new AppError(code, `Cannot use configuration "${where}": ${state}`, { at, hint });
}

/** Several problems as one error: the first, with the others as its hint. */
export function joinedErrors(problems: readonly AppError[]): AppError | undefined {
  const [first, ...others] = problems;
  if (first?.at === undefined || others.length === 0) return first;
  const state = first.message.slice(first.message.indexOf('": ') + 3);
  const hint = others.map(({ message }) => message).join("\n");
  return configError("CONFIG_VALUE", first.at, state, hint);
}

/** A scalar's text; null for null, and where no scalar stands. */
function expanded(node: YamlNode, environment: Environment): string | null {
  return node.kind !== "scalar" || isNull(node) ? null : expandVariables(node.text, environment);
}
