import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import type { AppendedField, AppendedOutput } from "../rules/append-output.ts";
import type { RuleSelection } from "../rules/select-rules.ts";

/** Refuses a value with the place of its key. */
type Fail = (state: string) => never;

/**
 * `rules` of falco.yaml: a list of `enable` or `disable`, each with a `rule` (a name, `*` stands
 * for anything) or a `tag`, or both.
 */
export function readSelections(node: Node | null, fail: Fail): readonly RuleSelection[] {
  return entriesOf(node, fail).flatMap((entry) =>
    pairsOf(entry, fail).flatMap(([action, value]): RuleSelection[] => {
      if (action !== "enable" && action !== "disable")
        return fail(`has entries of "enable" and "disable", not "${action}"`);
      return pairsOf(value, fail).map(([by, text]) => {
        if (by === "rule") return { action, by: { rule: textOf(text, fail) } };
        if (by === "tag") return { action, by: { tag: textOf(text, fail) } };
        return fail(`selects by "rule" or "tag", not by "${by}"`);
      });
    }),
  );
}

/** `append_output` of falco.yaml: what is added to the outputs of the rules that `match` names. */
export function readAppendedOutputs(node: Node | null, fail: Fail): readonly AppendedOutput[] {
  return entriesOf(node, fail).map((entry) => {
    const keys = new Map(pairsOf(entry, fail));
    const unknown = [...keys.keys()].find(
      (key) => !["match", "extra_output", "extra_fields", "suggested_output"].includes(key),
    );
    if (unknown !== undefined) return fail(`has no key "${unknown}"`);
    const match = new Map(keys.has("match") ? pairsOf(keys.get("match") ?? null, fail) : []);
    const optional = (from: ReadonlyMap<string, Node | null>, key: string): string | undefined =>
      from.has(key) ? textOf(from.get(key) ?? null, fail) : undefined;
    return {
      rule: optional(match, "rule"),
      source: optional(match, "source"),
      tags: match.has("tags")
        ? entriesOf(match.get("tags") ?? null, fail).map((tag) => textOf(tag, fail))
        : [],
      format: optional(keys, "extra_output"),
      fields: keys.has("extra_fields")
        ? entriesOf(keys.get("extra_fields") ?? null, fail).flatMap((field) =>
            readFields(field, fail),
          )
        : [],
      suggested: optional(keys, "suggested_output") === "true",
    };
  });
}

/** A field's name, which keeps its type, or `name: format`, which is text. */
function readFields(node: Node | null, fail: Fail): AppendedField[] {
  if (!isMap(node)) {
    const name = textOf(node, fail).replace(/^%/, "");
    return [{ key: name, format: `%${name}`, isRaw: true }];
  }
  return pairsOf(node, fail).map(([key, format]) => ({
    key,
    format: textOf(format, fail),
    isRaw: false,
  }));
}

/** `static_fields` of falco.yaml: `name: value` defines the field `static.name`. */
export function readStaticFields(node: Node | null, fail: Fail): Readonly<Record<string, string>> {
  return Object.fromEntries(pairsOf(node, fail).map(([key, value]) => [key, textOf(value, fail)]));
}

function entriesOf(node: Node | null, fail: Fail): readonly (Node | null)[] {
  if (isScalar(node) && node.value === null) return [];
  return isSeq(node) ? (node.items as (Node | null)[]) : fail("must be a list");
}

function pairsOf(node: Node | null, fail: Fail): [string, Node | null][] {
  if (!isMap(node)) return fail("must be a map of keys");
  return (node as YAMLMap<Node, Node | null>).items.map((pair) => [
    isScalar(pair.key) ? String(pair.key.value) : "",
    pair.value,
  ]);
}

function textOf(node: Node | null, fail: Fail): string {
  if (!isScalar(node) || node.value === null) return fail("must hold single values");
  return typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
}
