/** What a YAML text holds. Offsets are UTF-16 units of the text, `end` exclusive. */
export type YamlNode = YamlScalar | YamlSequence | YamlMap;

interface Spanned {
  readonly start: number;
  readonly end: number;
}

/** A single text, null where nothing stands. */
export interface YamlScalar extends Spanned {
  readonly kind: "scalar";
  /** As it is written, without quotes, folded: what it means is for who asks. */
  readonly text: string;
  /** Nothing, `~` or `null`, without quotes. */
  readonly isNull: boolean;
  readonly isQuoted: boolean;
}

/** A list of nodes, in the text's order. */
export interface YamlSequence extends Spanned {
  readonly kind: "sequence";
  readonly items: readonly YamlNode[];
}

/** Keys with their values. */
export interface YamlMap extends Spanned {
  readonly kind: "map";
  /** In the order of the text; a key may stand twice, and the first counts. */
  readonly entries: readonly YamlEntry[];
}

/** One key with its value. */
export interface YamlEntry {
  readonly key: YamlNode;
  readonly value: YamlNode;
}

/** What stands behind a key of a map; undefined where the key is not there, or the node no map. */
export function valueOfKey(node: YamlNode | undefined, key: string): YamlNode | undefined {
  if (node?.kind !== "map") return undefined;
  return node.entries.find((entry) => scalarText(entry.key) === key)?.value;
}

/**
 * A scalar's text as it is written: `yes` stays `yes`, `010` stays `010`; undefined for what is no
 * scalar or null.
 */
export function scalarText(node: YamlNode | undefined): string | undefined {
  return node?.kind === "scalar" && !node.isNull ? node.text : undefined;
}

/** True for a scalar that means null. */
export function isNull(node: YamlNode): boolean {
  return node.kind === "scalar" && node.isNull;
}
