import { assertNever } from "../lib/assert-never.ts";
import type { Field } from "../fields/field.ts";
import { MODIFIERS, OPERATORS } from "./ast.ts";
import { ITEM_KEYS, type ItemKind, type KeyValue } from "./item-keys.ts";
import { PRIORITIES } from "./priority.ts";

type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: ["string", "number", "boolean"] };
const NON_EMPTY: Schema = { type: "string", minLength: 1 };

/**
 * The JSON Schema (2020-12) of a rules file, for editors, made from the same tables that the loader
 * checks by. Conditions are texts to it: what stands in them is not its matter.
 */
export function rulesSchema(fields: readonly DescribedField[]): Schema {
  const kinds = Object.keys(ITEM_KEYS) as ItemKind[];
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Rules of Falco and Saker",
    type: "array",
    items: {
      anyOf: [
        ...kinds.map((kind) => ({ $ref: `#/$defs/${kind}` })),
        { $ref: "#/$defs/required_engine_version" },
        { $ref: "#/$defs/required_plugin_versions" },
      ],
    },
    $defs: {
      field: fieldSchema(fields),
      ...Object.fromEntries(kinds.map((kind) => [kind, itemSchema(kind)])),
      required_engine_version: {
        type: "object",
        required: ["required_engine_version"],
        properties: {
          required_engine_version: {
            type: ["integer", "string"],
            description: "The oldest engine that the rules are for, such as 0.57.0",
          },
        },
        additionalProperties: false,
      },
      required_plugin_versions: {
        type: "object",
        required: ["required_plugin_versions"],
        properties: {
          required_plugin_versions: {
            type: "array",
            items: PLUGIN,
            description: "Plugins whose fields the rules use",
          },
        },
        additionalProperties: false,
      },
    },
  };
}

/** A field as editors complete and explain it. */
export type DescribedField = Pick<Field, "name" | "doc">;

/** Any field, or one with its argument, which no list can hold. */
function fieldSchema(fields: readonly DescribedField[]): Schema {
  const docs = fields.map(({ doc }) => doc);
  // `enumDescriptions` is what editors show beside JSON Schema's own words.
  const known = {
    enum: fields.map(({ name }) => name),
    enumDescriptions: docs,
    markdownEnumDescriptions: docs,
  };
  return { anyOf: [known, NON_EMPTY] };
}

const FIELD: Schema = { $ref: "#/$defs/field" };

const PLUGIN: Schema = {
  type: "object",
  required: ["name", "version"],
  properties: {
    name: NON_EMPTY,
    version: NON_EMPTY,
    alternatives: {
      type: "array",
      items: {
        type: "object",
        required: ["name", "version"],
        properties: { name: NON_EMPTY, version: NON_EMPTY },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

function itemSchema(kind: ItemKind): Schema {
  const keys = Object.entries(ITEM_KEYS[kind]);
  const properties = Object.fromEntries(
    keys.map(([key, { value, doc }]) => [key, { ...valueSchema(value, kind), description: doc }]),
  );
  const required = keys.filter(([, rule]) => rule.required).map(([key]) => key);
  // What changes an earlier item needs nothing but its name and the keys that it changes.
  return {
    type: "object",
    required: [kind],
    properties,
    additionalProperties: false,
    anyOf: [
      { required },
      { required: ["override"] },
      ...(ITEM_KEYS[kind]["append"] === undefined ? [] : [{ required: ["append"] }]),
      ...(kind === "rule" ? [{ required: ["enabled"] }] : []),
    ],
  };
}

function valueSchema(value: KeyValue, kind: ItemKind): Schema {
  switch (value) {
    case "name":
    case "condition":
    case "text":
      return NON_EMPTY;
    case "texts":
      return { type: "array", items: TEXT };
    case "fields":
      return { type: "array", items: FIELD };
    case "boolean":
      return { type: "boolean" };
    case "milliseconds":
      return { type: "integer", minimum: 0, maximum: 0xffff_ffff };
    case "priority":
      return {
        type: "string",
        enum: [...PRIORITIES, "Info"].flatMap((name) => [
          name,
          name.toUpperCase(),
          name.toLowerCase(),
        ]),
      };
    case "threshold":
      return { type: "integer", minimum: 2, maximum: 10_000 };
    case "duration":
      return { type: ["string", "integer"], pattern: "^\\d+(?:\\.\\d+)?(?:ms|s|m|h)?$" };
    case "exceptions":
      return { type: "array", items: EXCEPTION };
    case "override": {
      const keys = Object.entries(ITEM_KEYS[kind]).filter(
        ([, rule]) => rule.append === true || rule.replace === true,
      );
      const properties = Object.fromEntries(
        keys.map(([key, rule]) => [
          key,
          { enum: [...(rule.append ? ["append"] : []), ...(rule.replace ? ["replace"] : [])] },
        ]),
      );
      return { type: "object", properties, additionalProperties: false };
    }
    default:
      return assertNever(value);
  }
}

const OPERATOR: Schema = {
  type: "string",
  pattern: `^(?:${OPERATORS.filter((operator) => operator !== "exists").join("|")})(?: (?:${MODIFIERS.join("|")}))?$`,
};

const EXCEPTION: Schema = {
  type: "object",
  required: ["name"],
  properties: {
    name: NON_EMPTY,
    fields: {
      anyOf: [FIELD, { type: "array", items: FIELD }],
      description: "One field, whose values are one set, or a list of fields",
    },
    comps: {
      anyOf: [OPERATOR, { type: "array", items: OPERATOR }],
      description: "An operator for each field",
    },
    values: {
      type: "array",
      items: {
        anyOf: [TEXT, { type: "array", items: { anyOf: [TEXT, { type: "array", items: TEXT }] } }],
      },
      description: "A value, or a row of values for the fields",
    },
  },
  additionalProperties: false,
};
