import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { AppError, type Place } from "../lib/errors.ts";
import { type Environment, expandVariables } from "./expand.ts";

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

/** The tree of one YAML document; an empty one is an empty map. Throws `CONFIG_YAML`. */
export function parseConfigText({ source, text, environment }: ConfigText): ConfigNode {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { source, line: Math.max(1, line), column: Math.max(1, col), length: 1 };
  };
  const document = parsed(text, lines, placeAt(0));
  const [problem] = document.errors;
  if (problem !== undefined)
    throw configError("CONFIG_YAML", placeAt(problem.pos[0]), problem.message);
  const place = placeAt(0);
  if (document.contents === null) return { kind: "map", entries: new Map(), place };
  return new TreeBuilder(document, { placeAt, environment }).build(document.contents, place, 0);
}

function parsed(text: string, lines: LineCounter, start: Place): Document.Parsed {
  // The YAML library descends by recursion: a thousand brackets exhaust the stack, which it either
  // throws or reports.
  const tooDeep = configError("CONFIG_YAML", start, "it is nested too deeply");
  let document: Document.Parsed;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  } catch {
    throw tooDeep;
  }
  if (document.errors[0]?.message.includes("call stack")) throw tooDeep;
  return document;
}

interface TreeContext {
  readonly placeAt: (offset: number) => Place;
  readonly environment: Environment;
}

/** Makes our tree of the YAML library's. */
class TreeBuilder {
  readonly #document: Document.Parsed;
  readonly #context: TreeContext;
  #count = 0;

  constructor(document: Document.Parsed, context: TreeContext) {
    this.#document = document;
    this.#context = context;
  }

  /** `around`: the place of what holds the node, for one that stands nowhere. */
  build(node: Node | null, around: Place, depth: number): ConfigNode {
    this.#count += 1;
    if (this.#count > MAX_NODES || depth > MAX_DEPTH)
      throw configError("CONFIG_YAML", around, "it has too many values or is nested too deeply");
    if (isAlias(node)) return this.build(node.resolve(this.#document) ?? null, around, depth + 1);
    const { placeAt, environment } = this.#context;
    const place = node?.range ? placeAt(node.range[0]) : around;
    if (isSeq<Node>(node)) {
      const items = node.items.map((item) => this.build(item, place, depth + 1));
      return { kind: "list", place, items };
    }
    if (isMap<Node, Node | null>(node)) return this.#map(node, place, depth);
    return { kind: "scalar", place, text: scalarText(node, environment) };
  }

  #map(node: YAMLMap<Node, Node | null>, place: Place, depth: number): MapNode {
    const entries = node.items.map(({ key, value }): [string, MapEntry] => {
      const at = key?.range ? this.#context.placeAt(key.range[0]) : place;
      return [scalarText(key, {}) ?? "", { place: at, value: this.build(value, at, depth + 1) }];
    });
    return { kind: "map", place, entries: new Map(entries) };
  }
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
  const text =
    typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
  return expandVariables(text, environment);
}
