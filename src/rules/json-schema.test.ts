import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_FIELDS } from "../fields/registry.ts";
import { ITEM_KEYS } from "./item-keys.ts";
import { rulesSchema } from "./json-schema.ts";

interface ItemSchema {
  readonly properties: Readonly<
    Record<string, { readonly description?: string; readonly properties?: object }>
  >;
  readonly anyOf: readonly { readonly required: readonly string[] }[];
}

const definitions = rulesSchema(ALL_FIELDS)["$defs"] as Readonly<Record<string, ItemSchema>>;

for (const [kind, keys] of Object.entries(ITEM_KEYS)) {
  test(`rulesSchema() has every key of a ${kind}, each with what it is for`, () => {
    const { properties = {}, anyOf = [] } = definitions[kind] ?? {};
    assert.deepEqual(Object.keys(properties), Object.keys(keys));
    for (const [key, { doc }] of Object.entries(keys))
      assert.equal(properties[key]?.description, doc);
    assert.deepEqual(
      anyOf[0]?.required,
      Object.entries(keys)
        .filter(([, rule]) => rule.required)
        .map(([key]) => key),
    );
  });
}

test("rulesSchema() lets override do what the table lets it do", () => {
  assert.deepEqual(definitions["rule"]?.properties["override"]?.properties, {
    condition: { enum: ["append", "replace"] },
    output: { enum: ["append", "replace"] },
    desc: { enum: ["append", "replace"] },
    priority: { enum: ["replace"] },
    enabled: { enum: ["replace"] },
    tags: { enum: ["append", "replace"] },
    exceptions: { enum: ["append", "replace"] },
    warn_evttypes: { enum: ["replace"] },
    "skip-if-unknown-filter": { enum: ["replace"] },
    capture: { enum: ["replace"] },
    capture_duration: { enum: ["replace"] },
  });
});
