import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SHIPPED_RULES } from "../config/rule-files.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { loadRuleSet } from "./load-rule-set.ts";

/** With rules in place of the two of ours that ask for the list `searchers`, and a list of their own. */
const TEXT = `
- list: never_asked
  items: [a]
- rule: Search Private Keys or Passwords
  desc: d
  condition: evt.type = execve
  output: o
  priority: NOTICE
- rule: Find AWS Credentials
  desc: d
  condition: evt.type = execve and proc.name = find
  output: o
  priority: NOTICE
`;

test("loadRuleSet() warns of lists that nobody asks for, but for ours whose rules were replaced", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-rules-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "rules.yaml");
  writeFileSync(path, TEXT);
  const warnings: string[] = [];
  loadRuleSet([SHIPPED_RULES, path], {
    settings: DEFAULT_SETTINGS,
    enable: [],
    onWarning: (text) => warnings.push(text),
  });
  const unused = warnings.filter((text) => text.includes("LOAD_UNUSED_"));
  assert.equal(unused.length, 1);
  assert.match(unused[0] ?? "", /LOAD_UNUSED_LIST: .*"never_asked"/);
});
