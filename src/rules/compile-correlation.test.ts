import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { formatDiagnostic } from "./diagnostic.ts";
import { type LoadOptions, loadRules } from "./load-rules.ts";
import { DEFAULT_BASE_SYSCALLS, sentEvents } from "./selected-calls.ts";

const RULES = `
- {rule: Login failed, desc: d, condition: evt.type = execve, output: o, priority: INFO, enabled: false}
- {rule: Call, desc: d, condition: evt.type = connect, output: o, priority: INFO}
`;
const COUNT = `
- count: Many logins
  desc: Too many
  rules: [Login failed]
  by: [container.id, user.name]
  threshold: 5
  within: 1m
  output: "%saker.matches logins of %user.name"
  priority: WARNING
  tags: [b, a]
`;

function load(text: string, options: Partial<LoadOptions> = {}) {
  const loaded = loadRules([{ name: "r.yaml", text: RULES + text }], {
    fields: FIELDS,
    ...options,
  });
  const [file] = loaded.files;
  const told = [...(file?.errors ?? []), ...(file?.warnings ?? [])].map((diagnostic) =>
    formatDiagnostic(diagnostic, RULES + text),
  );
  return { ...loaded, told };
}

test("loadRules() takes a count of a rule, which need not be switched on", () => {
  const { correlations, rules, told } = load(COUNT);
  assert.deepEqual(told, []);
  const [count] = correlations;
  assert.ok(count !== undefined && correlations.length === 1);
  const { name, kind, threshold, withinMs, byNames, ruleNames, tags, enabled, priority } = count;
  assert.deepEqual(
    { name, kind, threshold, withinMs, byNames, ruleNames, tags, enabled, priority },
    {
      name: "Many logins",
      kind: "count",
      threshold: 5,
      withinMs: 60_000,
      byNames: ["container.id", "user.name"],
      ruleNames: ["Login failed"],
      tags: ["a", "b"],
      enabled: true,
      priority: "Warning",
    },
  );
  assert.deepEqual(count.steps, [[rules[0]]]);
  assert.equal(count.needsAccounts, true);
  assert.equal(count.outputNeedsMetadata, false);
});

test("loadRules() takes a sequence, whose steps are its rules", () => {
  const { correlations, rules, told } = load(
    "- {sequence: S, desc: d, rules: [Login failed, Call], by: [proc.sid], within: 5, output: o, priority: ERROR}\n",
  );
  assert.deepEqual(told, []);
  assert.deepEqual(correlations[0]?.steps, [[rules[0]], [rules[1]]]);
  assert.deepEqual([correlations[0].threshold, correlations[0].withinMs], [2, 5000]);
});

test("loadRules() changes a count by override, and takes a later one in its place", () => {
  const changed = load(`${COUNT}
- {count: Many logins, threshold: 9, enabled: false, override: {threshold: replace, enabled: replace}}
`);
  assert.deepEqual(changed.told, []);
  assert.deepEqual(
    changed.correlations.map(({ threshold, withinMs, enabled }) => [threshold, withinMs, enabled]),
    [[9, 60_000, false]],
  );
  const replaced = load(COUNT + COUNT.replace("threshold: 5", "threshold: 7"));
  assert.deepEqual(
    replaced.correlations.map(({ threshold }) => threshold),
    [7],
  );
});

test("loadRules() leaves a count of little urgency switched off", () => {
  const { correlations } = load(COUNT, { minimumPriority: "Error" });
  assert.deepEqual([correlations[0]?.enabled, correlations[0]?.isUrgent], [false, false]);
});

test("loadRules() warns of a sequence with a step that is never seen", () => {
  const { told } = load(
    "- {sequence: S, desc: d, rules: [Login failed, Call], within: 5s, output: o, priority: ERROR}\n",
    {
      sentEvents: sentEvents(
        { codes: new Set(), calls: new Set(), name: "the probe" },
        DEFAULT_BASE_SYSCALLS,
      ),
    },
  );
  assert.match(told.join("\n"), /LOAD_UNSEEN_EVENTS: No match of "Login failed" ever comes here/);
});

test("loadRules() tells all that is wrong with a count at once, each with its place", () => {
  const { correlations, told } = load(`
- count: Wrong
  desc: d
  rules: [Login faild, Call]
  by: [contaner.id, proc.sid]
  threshold: one
  within: a while
  output: "%proc.nmae"
  priority: URGENT
  thershold: 5
`);
  assert.deepEqual(correlations, []);
  const text = told.join("\n");
  for (const line of [
    'r.yaml:9:14: error LOAD_ERR_YAML_VALIDATE: Value of "threshold" must be a whole number from 2 to 10000',
    'r.yaml:10:11: error LOAD_ERR_YAML_VALIDATE: Invalid time "a while" in "within"',
    'r.yaml:12:13: error LOAD_ERR_YAML_VALIDATE: Invalid priority "URGENT"',
    'r.yaml:13:3: warning LOAD_UNKNOWN_KEY: Unknown key "thershold" (count "Wrong")',
    'did you mean "threshold"?',
    'r.yaml:7:11: error LOAD_ERR_VALIDATE: Undefined rule "Login faild" in count (count "Wrong")\n    rules: [Login faild, Call]\n            ^^^^^^^^^^^',
    'did you mean "Login failed"?',
    "r.yaml:8:8: error LOAD_ERR_VALIDATE",
    'did you mean "container.id"?',
    "LOAD_ERR_COMPILE_OUTPUT",
  ])
    assert.ok(text.includes(line), `${line}\n\n${text}`);
});

test("loadRules() refuses what a count or sequence cannot be made of", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      "- {count: Call, desc: d, rules: [Call], threshold: 2, within: 1s, output: o, priority: INFO}",
      /A rule is named "Call", too/,
    ],
    [
      "- {sequence: S, desc: d, rules: [Call], within: 1s, output: o, priority: INFO}",
      /A sequence needs two rules or more/,
    ],
    [
      "- {count: C, desc: d, rules: [], threshold: 2, within: 1s, output: o, priority: INFO}",
      /A count needs a rule/,
    ],
    [
      "- {count: C, desc: d, rules: [Call], threshold: 1, within: 1s, output: o, priority: INFO}",
      /from 2 to 10000/,
    ],
    [
      "- {count: C, desc: d, rules: [Call], threshold: 2, within: 25h, output: o, priority: INFO}",
      /Invalid time "25h"/,
    ],
    [
      "- {count: C, desc: d, rules: [Call], threshold: 2, output: o, priority: INFO}",
      /no mapping for key "within"/,
    ],
    [
      "- {count: C, threshold: 3, override: {threshold: replace}}",
      /No count of this name was defined before/,
    ],
    [
      "- {count: C, desc: d, rules: Call, threshold: 2, within: 1s, output: o, priority: INFO}",
      /"rules" must be a list/,
    ],
    [
      `${COUNT}- {count: C, desc: d, rules: [Many logins], threshold: 2, within: 1s, output: o, priority: INFO}`,
      /"Many logins" is no rule/,
    ],
    [
      "- {count: C, desc: d, rules: [Call], by: [proc.sid and], threshold: 2, within: 1s, output: o, priority: INFO}",
      /Unexpected text/,
    ],
  ];
  for (const [text, expected] of cases) assert.match(load(`${text}\n`).told.join("\n"), expected);
});

test("loadRules() leaves out what is made of a rule that did not load, whose error is told once", () => {
  const { correlations, told } = load(`
- {rule: Broken, desc: d, condition: proc.nmae = x, output: o, priority: INFO}
- {count: C, desc: d, rules: [Broken], threshold: 2, within: 1s, output: o, priority: INFO}
`);
  assert.deepEqual(correlations, []);
  assert.equal(told.filter((text) => text.includes(" error ")).length, 1, told.join("\n"));
});
