import assert from "node:assert/strict";
import { test } from "node:test";
import { baseRules, readRuleFiles } from "../config/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import { portsNote } from "./ports-note.ts";

test("portsNote() is for rules of which none is tagged open_port, as ours are", () => {
  const ours = loadRules(readRuleFiles([]), { fields: FIELDS, base: baseRules() }).rules;
  assert.equal(portsNote(ours), undefined);
  const others = ours.filter(({ tags }) => !tags.includes("open_port"));
  assert.match(portsNote(others) ?? "", /neither reported nor examined; ours do both: --rules \//);
});
