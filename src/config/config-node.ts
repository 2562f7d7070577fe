import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import { AppError, type Place } from "../lib/errors.ts";
import { type Environment, expandVariables } from "./expand.ts";

/** A value of a configuration with the place where it stands. All scalars are text. */
export type ConfigNode = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: "scalar";
  /** With its variables expanded; null for YAML's null. */
  readonly text: string | null;
  readonly place: Place;
}

export interface ListNode {
  readonly kind: "list";
  readonly items: readonly ConfigNode[];
  readonly place: Place;
}

export interface MapNode {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly place: Place;
}

/** A value with the place of its key. */
export interface MapEntry {
  readonly place: Place;
  readonly value: ConfigNode;
}

export interface ConfigText {
  /** A path, or what stands for one in messages. */
  readonly source: string;
  readonly text: string;
  readonly environment: Environment;
}

/** Aliases can make a small file a huge tree. */
const MAX_NODES = 100_000;

/** The tree of one YAML document; an empty one is an empty map. Throws `CONFIG_YAML`. */
export function parseConfigText({ source, text, environment }: ConfigText): ConfigNode {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { source, line: Math.max(1, line), column: Math.max(1, col), length: 1 };
  };
  const [problem] = document.errors;
  if (problem !== undefined)
    throw configError("CONFIG_YAML", placeAt(problem.pos[0]), problem.message);
  let count = 0;
  const build = (node: Node | null, place: Place): ConfigNode => {
    count += 1;
    if (count > MAX_NODES) throw configError("CONFIG_YAML", place, "it has too many values");
    if (isAlias(node)) return build(node.resolve(document) ?? null, place);
    const own = node?.range === undefined || node.range === null ? place : placeAt(node.range[0]);
    if (isSeq(node))
      return { kind: "list", place: own, items: node.items.map((item) => build(item as Node, own)) };
    if (isMap(node)) return { kind: "map", place: own, entries: entriesOf(node.items) };
    return { kind: "scalar", place: own, text: scalarText(node, environment) };
  };
  const entriesOf = (pairs: readonly unknown[]): ReadonlyMap<string, MapEntry> =>
    new Map(
      (pairs as readonly Pair<Node, Node | null>[]).map(({ key, value }) => {
        const place = placeAt(key.range?.[0] ?? 0);
        return [scalarText(key, {}) ?? "", { place, value: build(value, place) }];
      }),
    );
  const place = placeAt(0);
  if (document.contents === null) return { kind: "map", entries: new Map(), place };
  return build(document.contents, place);
}

/** What an override (`-o key=value`) gives as a value. */
export function scalarNode(text: string, place: Place): ScalarNode {
  return { kind: "scalar", text, place };
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

function scalarText(node: Node | null, environment: Environment): string | null {
  if (!isScalar(node) || node.value === null) return null;
  const text = typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
  return expandVariables(text, environment);
}
