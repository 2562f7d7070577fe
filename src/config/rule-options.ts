import { templateProblem } from "../outputs/go-template.ts";
import type { AppendedField, AppendedOutput } from "../rules/append-output.ts";
import type { RuleSelection } from "../rules/select-rules.ts";
import type { ConfigNode } from "./config-node.ts";
import { type Fail, FLAG, TEXT, type ValueType } from "./value-type.ts";

/**
 * `rules` of falco.yaml: a list of `enable` or `disable`, each with a `rule` (a name, `*` stands
 * for anything) or a `tag`, or both.
 */
export const SELECTIONS: ValueType<readonly RuleSelection[]> = {
  name: "list of enable and disable",
  schema: {
    type: ["array", "null"],
    items: {
      type: "object",
      properties: { enable: { $ref: "#/$defs/rules" }, disable: { $ref: "#/$defs/rules" } },
      additionalProperties: false,
    },
  },
  read: readSelections,
};

function readSelections(node: ConfigNode, fail: Fail): readonly RuleSelection[] {
  return itemsOf(node, fail).flatMap((entry) =>
    pairsOf(entry, fail).flatMap(([action, value]): RuleSelection[] => {
      if (action !== "enable" && action !== "disable")
        return fail(`has entries of "enable" and "disable", not "${action}"`, entry);
      const by = pairsOf(value, fail);
      if (by.length === 0) return fail(`selects by "rule" or "tag"`, value);
      return by.map(([name, text]) => {
        if (name === "rule") return { action, by: { rule: textOf(text, fail) } };
        if (name === "tag") return { action, by: { tag: textOf(text, fail) } };
        return fail(`selects by "rule" or "tag", not by "${name}"`, value);
      });
    }),
  );
}

/** `append_output` of falco.yaml: what is added to the outputs of the rules that `match` names. */
export const APPENDED_OUTPUTS: ValueType<readonly AppendedOutput[]> = {
  name: "list of match, extra_output, extra_fields, suggested_output",
  schema: {
    type: ["array", "null"],
    items: {
      type: "object",
      properties: {
        match: {
          type: "object",
          properties: {
            rule: { type: "string" },
            source: { type: "string" },
            tags: { type: "array", items: { type: "string" } },
          },
          additionalProperties: false,
        },
        extra_output: { type: "string" },
        extra_fields: { type: "array", items: { type: ["string", "object"] } },
        suggested_output: { type: "boolean" },
      },
      additionalProperties: false,
    },
  },
  read: (node, fail) => itemsOf(node, fail).map((entry) => readAppended(entry, fail)),
};

function readAppended(entry: ConfigNode, fail: Fail): AppendedOutput {
  const keys = knownPairs(entry, fail, [
    "match",
    "extra_output",
    "extra_fields",
    "suggested_output",
  ]);
  const stated = keys.get("match");
  const match =
    stated === undefined
      ? new Map<string, ConfigNode>()
      : knownPairs(stated, fail, ["rule", "source", "tags"]);
  const optional = (node: ConfigNode | undefined): string | undefined =>
    node === undefined ? undefined : textOf(node, fail);
  const list = (node: ConfigNode | undefined): readonly ConfigNode[] =>
    node === undefined ? [] : itemsOf(node, fail);
  const suggested = keys.get("suggested_output");
  return {
    rule: optional(match.get("rule")),
    source: optional(match.get("source")),
    tags: list(match.get("tags")).map((tag) => textOf(tag, fail)),
    format: optional(keys.get("extra_output")),
    at: keys.get("extra_output")?.place,
    fields: list(keys.get("extra_fields")).flatMap((field) => readFields(field, fail)),
    suggested: suggested !== undefined && FLAG.read(suggested, fail),
  };
}

/** A field's name, which keeps its type, or `name: format`, which is text. */
function readFields(node: ConfigNode, fail: Fail): AppendedField[] {
  if (node.kind !== "map") {
    const name = textOf(node, fail).replace(/^%/, "");
    return [{ key: name, format: `%${name}`, isRaw: true, at: node.place }];
  }
  const pairs = pairsOf(node, fail);
  if (pairs.length !== 1) fail("has extra_fields of one name each", node);
  return pairs.map(([key, format]) => ({
    key,
    format: textOf(format, fail),
    isRaw: false,
    at: format.place,
  }));
}

/** `static_fields` of falco.yaml: `name: value` defines the field `static.name`. */
export const STATIC_FIELDS: ValueType<Readonly<Record<string, string>>> = {
  name: "map of name: value",
  schema: { type: ["object", "null"], additionalProperties: TEXT.schema },
  read: (node, fail) =>
    isNothing(node)
      ? {}
      : Object.fromEntries(pairsOf(node, fail).map(([key, value]) => [key, textOf(value, fail)])),
};

/** `customfields` of falcosidekick: in its chart's values a text, `name:value,name:value`. */
export const CUSTOM_FIELDS: ValueType<Readonly<Record<string, string>>> = {
  ...STATIC_FIELDS,
  schema: { ...STATIC_FIELDS.schema, type: ["object", "string", "null"] },
};

/** `templatedfields` of falcosidekick: a template for each field's name. */
export const TEMPLATES: ValueType<Readonly<Record<string, string>>> = {
  ...CUSTOM_FIELDS,
  name: "map of name: template",
  read: (node, fail) => {
    const templates = STATIC_FIELDS.read(node, fail);
    for (const [name, text] of Object.entries(templates)) {
      const problem = templateProblem(text);
      if (problem !== undefined)
        fail(`has a template "${name}" that is not read: ${problem}`, node);
    }
    return templates;
  },
};

function isNothing(node: ConfigNode): boolean {
  return node.kind === "scalar" && node.text === null;
}

/** Of a list; an empty map counts as an empty list, as it does for Falco. */
function itemsOf(node: ConfigNode, fail: Fail): readonly ConfigNode[] {
  if (isNothing(node) || (node.kind === "map" && node.entries.size === 0)) return [];
  return node.kind === "list" ? node.items : fail("must be a list", node);
}

function pairsOf(node: ConfigNode, fail: Fail): readonly (readonly [string, ConfigNode])[] {
  if (node.kind !== "map") return fail("must be a map of keys", node);
  return [...node.entries].map(([key, { value }]) => [key, value]);
}

function knownPairs(
  node: ConfigNode,
  fail: Fail,
  known: readonly string[],
): ReadonlyMap<string, ConfigNode> {
  const pairs = pairsOf(node, fail);
  const unknown = pairs.find(([key]) => !known.includes(key));
  if (unknown !== undefined) fail(`has no key "${unknown[0]}", only ${known.join(", ")}`, node);
  return new Map(pairs);
}

function textOf(node: ConfigNode, fail: Fail): string {
  return node.kind === "scalar" && node.text !== null
    ? node.text
    : fail("must hold single values", node);
}
