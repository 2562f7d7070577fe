import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";
import { readRuleTests } from "./rule-tests.ts";
import { runRuleTest } from "./run-rule-tests.ts";
import { statedFields } from "./stated-fields.ts";

const STATED = statedFields(FIELDS);

const RULES = `- rule: Opened
  desc: d
  condition: evt.type = open and fd.name startswith /etc and proc.aname = sshd
  output: o
  priority: NOTICE
- rule: Off
  desc: d
  condition: evt.type = open
  output: o
  priority: NOTICE
  enabled: false
`;
const loaded = loadRules([{ name: "r.yaml", text: RULES }], { fields: STATED });

function run(text: string) {
  const { tests, problems } = readRuleTests({ name: "t.yaml", text }, FIELDS);
  assert.deepEqual(problems, []);
  return tests.map((one) => runRuleTest(one, loaded, STATED));
}

for (const [name, text, passed, got] of [
  [
    "a rule that matches",
    "event: {evt.type: open, fd.name: /etc/x, 'proc.aname[3]': sshd}, expect: [Opened]",
    true,
    ["Opened"],
  ],
  [
    "a rule that does not",
    "event: {evt.type: open, fd.name: /usr/x, proc.aname: [bash, sshd]}, expect: []",
    true,
    [],
  ],
  ["another event", "event: {evt.type: close, fd.name: /etc/x}, expect: []", true, []],
  [
    "what was not expected",
    "event: {evt.type: open, fd.name: /etc/x, proc.aname: [bash, sshd]}, expect: []",
    false,
    ["Opened"],
  ],
  [
    "what is switched off, when it is expected",
    "event: {evt.type: open}, expect: [Off]",
    true,
    ["Off"],
  ],
  [
    "any rule",
    "event: {evt.type: open, fd.name: /etc/x, proc.aname: sshd}, expect: true",
    true,
    true,
  ],
  ["no rule", "event: {evt.type: open}, expect: false", true, false],
  [
    "a condition",
    "condition: fd.snet in (10.0.0.0/8) and evt.num > 0 and not proc.tty exists, event: {fd.snet: 10.1.2.3}, expect: true",
    true,
    true,
  ],
  [
    "a condition with numbers, texts and booleans",
    'condition: proc.pid = 18446744073709551615 or (proc.name = "010" and container.privileged = true), event: {proc.name: 010, container.privileged: true}, expect: true',
    true,
    true,
  ],
  [
    "a list field",
    "condition: fd.types intersects (ipv4), event: {fd.types: [file, ipv4]}, expect: true",
    true,
    true,
  ],
] as const) {
  test(`runRuleTest() of ${name}`, () => {
    const block = text.replace(
      /^condition: (.*), event:/,
      (_, condition: string) => `condition: ${JSON.stringify(condition)}, event:`,
    );
    const [result] = run(`- {test: t, ${block}}\n`);
    assert.deepEqual([result?.passed, result?.got], [passed, got]);
  });
}

test("runRuleTest() says of a failed test which comparisons decided", () => {
  const [result] = run("- {test: t, event: {evt.type: open, fd.name: /usr/x}, expect: [Opened]}\n");
  assert.deepEqual(result?.because, [
    'Opened: fails fd.name startswith /etc (fd.name is "/usr/x")',
    'Opened: fails proc.aname = sshd (proc.aname is "<NA>")',
  ]);
  const [other] = run("- {test: t, event: {evt.type: close}, expect: [Opened]}\n");
  assert.deepEqual(other?.because, ["Opened: is not asked on this event type"]);
});

const COUNTED = `- count: Often
  desc: d
  rules: [Off]
  by: [proc.name]
  threshold: 3
  within: 10s
  output: o
  priority: NOTICE
`;

test("runRuleTest() gives counts the events of a test with their times", () => {
  const counted = loadRules([{ name: "r.yaml", text: RULES + COUNTED }], { fields: STATED });
  const results = (events: string, expect: string) => {
    const text = `- {test: t, events: [${events}], expect: [${expect}]}\n`;
    const { tests, problems } = readRuleTests({ name: "t.yaml", text }, FIELDS);
    assert.deepEqual(problems, []);
    const { passed, because } = runRuleTest(tests[0]!, counted, STATED);
    return passed ? "passed" : because;
  };
  const open = "evt.type: open, proc.name: cat";
  assert.equal(results(`{times: 3, ${open}}`, "Often"), "passed");
  assert.equal(results(`{at: 1s, times: 2, ${open}}, {at: 11s, ${open}}`, "Often"), "passed");
  assert.equal(results(`{at: 1s, times: 2, ${open}}, {at: 12s, ${open}}`, ""), "passed");
  assert.equal(results(`{times: 2, ${open}}, {evt.type: open, proc.name: sh}`, ""), "passed");
  assert.deepEqual(results(`{times: 2, ${open}}, {evt.type: close}`, "Often"), [
    "Often: Off matches 2 of 3 events",
  ]);
});

test("runRuleTest() refuses a rule that is not there", () => {
  assert.throws(() => run("- {test: t, event: {evt.type: open}, expect: [Closed]}\n"), {
    message: 'no rule is named "Closed"',
  });
});

for (const [name, text, message, hint] of [
  [
    "an unknown field",
    "- {test: t, event: {proc.nmae: x}, expect: []}",
    'Test "t": unknown field "proc.nmae"',
    'did you mean "proc.name"?',
  ],
  [
    "a value of another type",
    "- {test: t, event: {fd.num: x}, expect: []}",
    'Value of "fd.num" must be of type INT64',
    undefined,
  ],
  [
    "a list for one value",
    "- {test: t, event: {proc.name: [a, b]}, expect: []}",
    'Field "proc.name" has one value, not a list',
    undefined,
  ],
  [
    "an address that is none",
    "- {test: t, event: {fd.sip: 10.0.0}, expect: []}",
    'Value of "fd.sip" must be of type IPADDR',
    undefined,
  ],
  [
    "an unknown key",
    "- {test: t, evnt: {}, event: {}, expect: []}",
    'Unknown key "evnt"',
    'did you mean "event"?',
  ],
  [
    "no expectation",
    "- {test: t, event: {}}",
    'Test "t" must expect a list of rules, true or false',
    undefined,
  ],
  [
    "rules for a condition",
    "- {test: t, event: {}, condition: a.b = 1, expect: [x]}",
    'Test "t" must expect true or false',
    undefined,
  ],
  [
    "no name",
    "- {event: {}, expect: []}",
    'Test has no name: "test" says what it is about',
    undefined,
  ],
  ["no event", "- {test: t, expect: []}", 'Test "t" has neither an event nor a capture', undefined],
  [
    "no list",
    "test: t",
    "Tests are a list: each begins with a dash and its name",
    "- test: what it is about",
  ],
  [
    "events that are no list",
    "- {test: t, events: {evt.type: open}, expect: []}",
    'The events of test "t" must be a list',
    undefined,
  ],
  [
    "a time that is none",
    "- {test: t, events: [{at: soon}], expect: []}",
    'Time of an event of test "t" is none',
    "write at: 10s",
  ],
  [
    "an event that comes too often",
    "- {test: t, events: [{times: 15000}, {times: 15000}], expect: []}",
    'An event of test "t" must come 1 to 5000 times',
    undefined,
  ],
  ["no YAML", "- [", undefined, undefined],
] as const) {
  test(`readRuleTests() refuses ${name} with its place`, () => {
    const { tests, problems } = readRuleTests({ name: "t.yaml", text }, FIELDS);
    assert.equal(tests.length, 0);
    const [problem] = problems;
    assert.ok(problem?.place);
    if (message !== undefined) assert.deepEqual([problem.message, problem.hint], [message, hint]);
  });
}
