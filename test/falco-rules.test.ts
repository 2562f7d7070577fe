import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { FIELDS } from "../src/fields/registry.ts";
import { loadRules } from "../src/rules/load-rules.ts";

const folder = new URL("../../shared/falco-rules/", import.meta.url);
const missing = existsSync(folder) ? false : "needs ../shared/falco-rules";
const names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];

for (const [files, rules, enabled] of [
  [names.slice(0, 1), 25, 25],
  [names.slice(1, 2), 31, 31],
  [names.slice(2), 37, 25],
  [names, 93, 81],
] as const) {
  test(`the official rules load without a word: ${files.join(", ")}`, { skip: missing }, () => {
    const result = loadRules(
      files.map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") })),
      { fields: FIELDS },
    );
    assert.deepEqual(
      result.files.flatMap((file) => [...file.errors, ...file.warnings]),
      [],
    );
    assert.deepEqual(
      [result.rules.length, result.rules.filter((rule) => rule.enabled).length],
      [rules, enabled],
    );
  });
}
