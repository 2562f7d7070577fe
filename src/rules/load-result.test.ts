import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { falcoLoadResults } from "./load-result.ts";
import { loadRules } from "./load-rules.ts";

test("falcoLoadResults() has Falco's shape, with place and snippet", () => {
  const text =
    "- macro: m\n  condition: evt.type = open\n- rule: R\n  desc: d\n  condition: evt.type = opem\n  output: o\n  priority: NOTICE\n";
  const { files } = loadRules([{ name: "a.yaml", text }], { fields: FIELDS });
  const [result] = falcoLoadResults(files, new Map([["a.yaml", text]])).falco_load_results;
  assert.deepEqual(result, {
    name: "a.yaml",
    successful: false,
    errors: [
      {
        item_type: "rule",
        item_name: "R",
        code: "LOAD_ERR_COMPILE_CONDITION",
        codedesc: "Condition does not compile",
        message: 'unknown event type "opem" (did you mean "open"?)',
        context: {
          locations: [
            {
              item_type: "rule",
              item_name: "R",
              position: { name: "a.yaml", line: 5, column: 25, offset: text.indexOf("opem") },
            },
          ],
          snippet: "    condition: evt.type = opem\n                          ^^^^\n",
        },
      },
    ],
    warnings: [
      {
        item_type: "macro",
        item_name: "m",
        code: "LOAD_UNUSED_MACRO",
        codedesc: "Macro is not used",
        message: "Macro not referred to by any other rule/macro",
        context: {
          locations: [
            {
              item_type: "macro",
              item_name: "m",
              position: { name: "a.yaml", line: 1, column: 3, offset: 2 },
            },
          ],
          snippet: "  - macro: m\n    ^\n",
        },
      },
    ],
  });
});
