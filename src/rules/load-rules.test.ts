import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scene } from "../../test/fixtures/scenes.ts";
import { FIELDS } from "../fields/registry.ts";
import { formatDiagnostic } from "./diagnostic.ts";
import { loadRules } from "./load-rules.ts";
import { renderOutput } from "./output.ts";
import { printCondition } from "./print-condition.ts";
import { compileRuleSet } from "./rule-set.ts";

const rule = (fields: string): string =>
  `- rule: R\n  desc: d\n  output: o\n  priority: NOTICE\n${fields}`;

function load(...texts: string[]) {
  return loadRules(
    texts.map((text, index) => ({ name: `f${index + 1}.yaml`, text })),
    { fields: FIELDS },
  );
}

function codes(...texts: string[]): string[] {
  return load(...texts).files.flatMap((file) =>
    [...file.errors, ...file.warnings].map((diagnostic) => diagnostic.code),
  );
}

test("loadRules() points at the word inside a folded condition, with a hint", () => {
  const text =
    "- rule: R\n  desc: d\n  condition: >\n    evt.type = open and\n      proc.nmae = x\n  output: o\n  priority: NOTICE\n";
  const [error] = load(text).files[0]?.errors ?? [];
  assert.ok(error);
  assert.equal(
    formatDiagnostic(error, text),
    [
      'f1.yaml:5:7: error LOAD_ERR_COMPILE_CONDITION: unknown field "proc.nmae" (rule "R")',
      "        proc.nmae = x",
      "        ^^^^^^^^^",
      '  hint: did you mean "proc.name"?',
    ].join("\n"),
  );
});

test("loadRules() reports every error of every file, each once", () => {
  const broken =
    "- macro: m\n  condition: evt.typo = x\n- rule: A\n  desc: d\n  condition: m\n  output: o\n  priority: NOTICE\n- rule: B\n  desc: d\n  condition: evt.type = opem\n  output: '%proc.nam'\n  priority: LOUD\n";
  const errors = load(broken, "- rule: C\n  condition: evt.type = open\n").files.flatMap((file) =>
    file.errors.map((error) => `${file.name} ${error.code} ${error.itemName}`),
  );
  assert.deepEqual(errors, [
    "f1.yaml LOAD_ERR_YAML_VALIDATE B",
    "f1.yaml LOAD_ERR_COMPILE_CONDITION A",
    "f1.yaml LOAD_ERR_COMPILE_OUTPUT B",
    "f1.yaml LOAD_ERR_COMPILE_CONDITION B",
    "f2.yaml LOAD_ERR_YAML_VALIDATE C",
    "f2.yaml LOAD_ERR_YAML_VALIDATE C",
    "f2.yaml LOAD_ERR_YAML_VALIDATE C",
  ]);
});

for (const [name, expected, ...texts] of [
  ["a sound rule", [], rule("  condition: evt.type = open\n")],
  ["an unknown key", ["LOAD_UNKNOWN_KEY"], rule("  condition: evt.type = open\n  tagz: [a]\n")],
  ["an unknown item", ["LOAD_UNKNOWN_ITEM"], "- roole: x\n"],
  ["no list of items", ["LOAD_ERR_YAML_VALIDATE"], "rule: x\n"],
  ["no YAML", ["LOAD_ERR_YAML_PARSE"], "- rule: [\n"],
  ["an unused macro", ["LOAD_UNUSED_MACRO"], "- macro: m\n  condition: evt.type = open\n"],
  ["an unused list", ["LOAD_UNUSED_LIST"], "- list: l\n  items: [a]\n"],
  ["an undefined macro", ["LOAD_ERR_VALIDATE"], rule("  condition: evt.type = open and nothing\n")],
  [
    "a macro that is defined later",
    [],
    `${rule("  condition: m\n")}- macro: m\n  condition: evt.type = open\n`,
  ],
  [
    "macros that refer to each other",
    ["LOAD_ERR_VALIDATE"],
    `- macro: m\n  condition: evt.type = open\n- macro: n\n  condition: m\n- macro: m\n  condition: n\n${rule("  condition: m\n")}`,
  ],
  ["a rule without event types", ["LOAD_NO_EVTTYPE"], rule("  condition: proc.name = x\n")],
  ["the same, silenced", [], rule("  condition: proc.name = x\n  warn_evttypes: false\n")],
  [
    "another source",
    ["LOAD_UNKNOWN_SOURCE"],
    rule("  condition: ka.verb = get\n  source: k8s_audit\n"),
  ],
  [
    "a field that may be unknown",
    ["LOAD_UNKNOWN_FILTER"],
    rule("  condition: evt.type = open and new.field = x\n  skip-if-unknown-filter: true\n"),
  ],
  ["an engine that is too old", ["LOAD_ERR_VALIDATE"], "- required_engine_version: 0.99.0\n"],
  [
    "an engine that is new enough",
    [],
    "- required_engine_version: 0.57.0\n- required_engine_version: 15\n",
  ],
  [
    "the container plugin",
    [],
    "- required_plugin_versions:\n  - name: container\n    version: 0.4.0\n",
  ],
  [
    "a plugin that is not there",
    ["LOAD_ERR_VALIDATE"],
    "- required_plugin_versions:\n  - name: json\n    version: 0.1.0\n",
  ],
  [
    "an unknown output field",
    ["LOAD_ERR_COMPILE_OUTPUT"],
    "- rule: R\n  desc: d\n  condition: evt.type = open\n  output: '%proc.nam'\n  priority: NOTICE\n",
  ],
  [
    "an appended list that was never defined",
    ["LOAD_ERR_VALIDATE"],
    "- list: l\n  items: [a]\n  override: {items: append}\n",
  ],
  [
    "an override that names no key of the item",
    ["LOAD_ERR_YAML_VALIDATE"],
    rule("  condition: evt.type = open\n"),
    "- rule: R\n  override: {desc: replace}\n",
  ],
  [
    "append in the old way",
    ["LOAD_DEPRECATED_ITEM"],
    rule("  condition: evt.type = open\n"),
    "- rule: R\n  condition: or evt.type = close\n  append: true\n",
  ],
  [
    "a deprecated field",
    ["LOAD_DEPRECATED_ITEM"],
    rule("  condition: evt.type = open and evt.dir = <\n"),
  ],
  [
    "%container.info of old outputs",
    ["LOAD_DEPRECATED_ITEM"],
    "- rule: R\n  desc: d\n  condition: evt.type = open\n  output: 'x %container.info y'\n  priority: NOTICE\n",
  ],
  [
    "a switch in the old way",
    ["LOAD_DEPRECATED_ITEM"],
    rule("  condition: evt.type = open\n"),
    "- rule: R\n  enabled: false\n",
  ],
] as const) {
  test(`loadRules() on ${name}: ${expected.join(" ") || "nothing to say"}`, () => {
    assert.deepEqual(codes(...texts), expected);
  });
}

test("loadRules() joins overridden text with what was there, and replaces the rest", () => {
  const base = rule("  condition: evt.type = open\n  tags: [a]\n");
  const change =
    "- rule: R\n  condition: or evt.type = openat\n  tags: [b]\n  priority: ERROR\n  enabled: false\n  override: {condition: append, tags: append, priority: replace, enabled: replace}\n";
  const [changed] = load(base, change).rules;
  assert.deepEqual(
    [changed?.tags, changed?.priority, changed?.enabled, changed?.eventCodes.size],
    [["a", "b"], "Error", false, 2],
  );
});

test("loadRules() puts lists in place as text, lists of lists and empty ones too", () => {
  const text = `- list: inner\n  items: [sh, "a b"]\n- list: outer\n  items: [inner, bash]\n- list: empty\n  items: []\n${rule("  condition: evt.type = open and proc.name in (empty, outer) and not proc.name in (empty)\n")}`;
  const result = load(text);
  assert.deepEqual(result.files[0]?.errors, []);
  assert.equal(result.rules[0]?.condition(scene("open", { fd: 3, name: "/x" })), true);
});

test("loadRules() turns exceptions into what the rule leaves out", () => {
  const exceptions =
    '  exceptions:\n    - {name: a, fields: [proc.name, proc.pname], values: [[sh, cron], [sh, sshd]]}\n    - {name: b, fields: fd.name, values: [/ok, "/a b"]}\n';
  const [changed] = load(rule(`  condition: evt.type = open\n${exceptions}`)).rules;
  assert.equal(changed?.condition(scene("open", { fd: 3, name: "/x" })), false, "sh below sshd");
  assert.equal(
    changed?.condition(scene("open", { fd: 3, name: "/x" }, { process: { comm: "cat" } })),
    true,
  );
  assert.equal(
    changed?.condition(scene("open", { fd: 3, name: "/a b" }, { process: { comm: "cat" } })),
    false,
    "the excepted file",
  );
});

test("loadRules() fills outputs in as Falco does", () => {
  const [loaded] = load(
    "- rule: R\n  desc: d\n  condition: evt.type = open\n  output: >\n    %proc.name. [%8fd.name] %fd.sport %proc.aname[2] %toupper(proc.name) %evt.arg.flags 100%user.uid\n  priority: NOTICE\n",
  ).rules;
  assert.ok(loaded);
  assert.equal(
    renderOutput(loaded.output, scene("open", { fd: 3, name: "/etc/passwd", flags: 1 })),
    "sh. [/etc/pas] <NA> init SH O_RDONLY 10033",
  );
});

for (const [name, text] of [
  [
    "a bomb of aliases",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 20 }, (_, index) => `b${index}: &b${index} [${"*a,".repeat(9)}*a]`).join("\n")}\n`,
  ],
  ["deep nesting", `- list: ${"[".repeat(20_000)}`],
  [
    "a condition nested deep",
    rule(`  condition: ${"(".repeat(20_000)}evt.type = open${")".repeat(20_000)}\n`),
  ],
  ["blocks nested deep", `${"- ".repeat(20_000)}a`],
  [
    "lists that multiply",
    `${Array.from(
      { length: 40 },
      (_, index) =>
        `- list: l${index}\n  items: [${Array(10)
          .fill(`l${index + 1}`)
          .join(", ")}]\n`,
    ).join(
      "",
    )}- list: l40\n  items: [a]\n${rule("  condition: evt.type = open and proc.name in (l0)\n")}`,
  ],
  [
    "macros that multiply",
    `${Array.from(
      { length: 40 },
      (_, index) =>
        `- macro: m${index}\n  condition: ${
          index === 0
            ? "proc.name = a"
            : Array(4)
                .fill(`m${index - 1}`)
                .join(" or ")
        }\n`,
    ).join("")}${rule("  condition: evt.type = open and m39\n")}`,
  ],
  [
    "macros in a long chain",
    `${Array.from({ length: 5000 }, (_, index) => `- macro: m${index}\n  condition: ${index === 0 ? "proc.name = a" : `not m${index - 1}`}\n`).join("")}${rule("  condition: evt.type = open and m4999\n")}`,
  ],
  [
    "exceptions that multiply",
    rule(
      `  condition: evt.type = open\n  exceptions:\n    - {name: e, fields: proc.name, values: [${'"a b",'.repeat(300_000)}a]}\n`,
    ),
  ],
  ["NUL bytes", "- rule: R\0\n  condition: \0\n"],
  ["ten megabytes of one word", `- list: l\n  items: [${"a".repeat(10_000_000)}]\n`],
  [
    "keys of every type",
    "- {rule: [], condition: {}, output: 1, desc: null, priority: {a: b}}\n- 5\n- null\n- [x]\n- {list: {}, items: 3}\n- {macro: 1.5, condition: [a]}\n",
  ],
] as const) {
  test(`loadRules() survives ${name} with an error or a warning that has a place`, () => {
    const told = load(text).files.flatMap((file) => [...file.errors, ...file.warnings]);
    assert.ok(told.length > 0 && told.length < 100, `${told.length} are told`);
    assert.ok(
      told.every(
        (diagnostic) =>
          diagnostic.place !== undefined && !/stack|undefined/i.test(diagnostic.message),
      ),
      told[0]?.message,
    );
  });
}

test("loadRules() puts what an alias stands for in its place", () => {
  const [loaded] = load(
    `- list: shells\n  items: &shells [sh, bash]\n- list: more\n  items: *shells\n${rule("  condition: evt.type = open and proc.name in (shells, more)\n")}`,
  ).rules;
  assert.equal(
    loaded && printCondition(loaded.expression),
    "(evt.type = open and proc.name in (sh, bash, sh, bash))",
  );
});

test("loadRules() appends outputs and fields to the rules that they are for", () => {
  const two = `${rule("  condition: evt.type = open\n  tags: [a]\n")}${rule("  condition: evt.type = close\n").replace("rule: R", "rule: S")}`;
  const appendOutput = [
    { tags: ["a"], format: "pid=%proc.pid" },
    { fields: [{ key: "who", format: "%user.name/%proc.name", isRaw: false }] },
    { rule: "S", suggested: true },
  ];
  const { rules } = loadRules([{ name: "f.yaml", text: two }], { fields: FIELDS, appendOutput });
  assert.deepEqual(
    rules.map(({ name, outputText, extraFields }) => [
      name,
      outputText.slice(0, 36),
      extraFields.map(({ key }) => key).join(),
    ]),
    [
      ["R", "o pid=%proc.pid", "who"],
      ["S", "o container_id=%container.id contain", "who"],
    ],
  );
});

test("loadRules() never throws, whatever the file holds", () => {
  const key = fc.constantFrom(
    "rule",
    "macro",
    "list",
    "items",
    "condition",
    "output",
    "desc",
    "priority",
    "append",
    "override",
    "exceptions",
    "enabled",
    "tags",
    "required_engine_version",
    "x",
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(
      "evt.type = open",
      "NOTICE",
      "%proc.name",
      "(",
      true,
      ["a", "b"],
      { condition: "append" },
      [{ name: "n", fields: ["a"], values: [["b"]] }],
    ),
  );
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(key, value), { maxLength: 5 }),
      (items) => void load(JSON.stringify(items)),
    ),
    { numRuns: 500 },
  );
});

const SOUND = `# a rules file with everything
- required_engine_version: 0.57.0
- list: shells
  items: [sh, bash, "a b"]
- macro: started
  condition: (evt.type in (execve, execveat) and evt.rawres = 0)
- rule: Shell below shell
  desc: >
    folded
    text
  condition: started and proc.name in (shells) and not proc.pname = "x y" and fd.name pmatch (/etc, /usr)
  output: "%proc.name %evt.arg.flags %10user.name %toupper(proc.exe)"
  priority: WARNING
  tags: [a, b]
  exceptions:
    - name: e
      fields: [proc.name, fd.name]
      comps: [=, startswith]
      values: [[sh, /tmp], [bash, "/a b"]]
- rule: Shell below shell
  condition: or evt.type = open
  override: {condition: append}
`;

test("loadRules() of a file with random changes has errors with places and sense, or none", () => {
  const piece = fc.constantFrom(
    "",
    " ",
    "\n",
    "\t",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    '"',
    "'",
    "&a ",
    "*a",
    "!!x ",
    "%",
    "#",
    "|",
    ">",
    "\\",
    "\0",
    "é",
    "\ud800",
    "null",
    "0x1",
    "not ",
    " in ",
    "evt.type",
  );
  const change = fc.tuple(fc.nat(SOUND.length), fc.nat(12), piece);
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      let text = SOUND;
      for (const [at, length, put] of changes)
        text = text.slice(0, at) + put + text.slice(at + length);
      for (const { errors, warnings } of load(text).files) {
        for (const diagnostic of [...errors, ...warnings]) {
          assert.ok(diagnostic.place !== undefined, `${diagnostic.code} has a place`);
          assert.doesNotMatch(diagnostic.message, /undefined|\[object|NaN|TypeError/);
          assert.ok(formatDiagnostic(diagnostic, text).length < 2000);
        }
      }
    }),
    { numRuns: Number(process.env["SAKER_FUZZ_RUNS"] ?? 1500) },
  );
});

test("loadRules() collects the host names that addresses are compared with, through macros, lists and exceptions", () => {
  const { rules } = load(
    `- list: pools\n  items: [a.test, "b.test"]\n- macro: pool\n  condition: (fd.sport = 80 and fd.sip.name in (pools))\n${rule("  condition: evt.type = connect and (pool or fd.rip.name = anyof (c.test, d.test)) and not fd.cip.name contains e.test and fd.name != f.test\n  exceptions: [{name: x, fields: [fd.lip.name, proc.name], comps: [=, =], values: [[g.test, h.test]]}]\n")}${rule("  condition: evt.type = connect and pool\n").replace("rule: R", "rule: S")}${rule("  condition: evt.type = connect\n").replace("rule: R", "rule: T").replace("output: o", 'output: "%fd.sip.name"')}`,
  );
  assert.deepEqual(
    rules.map(({ hostNames }) => [...hostNames].toSorted()),
    [["a.test", "b.test", "c.test", "d.test", "g.test"], ["a.test", "b.test"], []],
  );
  assert.deepEqual(
    [...compileRuleSet(rules.slice(1), { matching: "first" }).hostNames].toSorted(),
    ["a.test", "b.test"],
  );
});

function needs(condition: string, output = "x"): boolean | undefined {
  const text = `- macro: with_env\n  condition: proc.env contains A\n- rule: r\n  desc: d\n  condition: ${condition}\n  output: "${output}"\n  priority: INFO\n`;
  return loadRules([{ name: "rules.yaml", text }], { fields: FIELDS }).rules[0]?.needsEnvironment;
}

test("a rule asks for the environment by its fields and by the event's parameters, in conditions and outputs", () => {
  const asking = [
    "evt.type = execve and proc.env contains A",
    "evt.type = execve and proc.aenv[1] contains A",
    "evt.type = execve and with_env",
    "evt.type = execve and not evt.arg.env contains A",
    "evt.type = execve and evt.arg[15] contains A",
    "evt.type = execve and tolower(evt.arg.env) contains a",
    "evt.type = execve and evt.args contains A",
    "evt.type = execve and evt.rawarg.env contains A",
  ];
  for (const condition of asking) assert.equal(needs(condition), true, condition);
  for (const output of ["%proc.env", "%evt.args", "%evt.arg.env", "%evt.arg[15] x"])
    assert.equal(needs("evt.type = execve", output), true, output);
  assert.equal(
    needs("evt.type = ptrace and evt.args contains A", "%evt.args"),
    false,
    "of an event that starts no program",
  );
  assert.equal(
    needs("evt.type = openat and proc.env contains A"),
    true,
    "of the process that opens",
  );
  for (const condition of [
    "evt.type = execve and evt.arg.flags contains A",
    "evt.type = openat and evt.arg[1] contains A",
    "evt.type = execve",
  ])
    assert.equal(needs(condition, "%evt.arg.flags %proc.name"), false, condition);
});

const BASE = {
  name: "base.yaml",
  text: `
- list: shells
  items: [sh, bash]
- macro: quiet
  condition: (evt.num = 0)
- macro: shell
  condition: (proc.name in (shells) and not quiet)
- macro: unused
  condition: (shell and fd.num = 1)
`,
};

/** What is said of files above BASE, and the condition of rule R. */
function above(...texts: string[]): {
  readonly said: readonly string[];
  readonly condition: string;
} {
  const files = texts.map((text, index) => ({ name: `f${index + 1}.yaml`, text }));
  const loaded = loadRules(files, { fields: FIELDS, base: BASE, warnsOfBase: true });
  const [first] = loaded.rules;
  return {
    said: loaded.files.flatMap(({ errors, warnings }) =>
      [...errors, ...warnings].map(({ code, message }) => `${code}: ${message}`),
    ),
    condition: first === undefined ? "" : printCondition(first.expression),
  };
}

const NAMED = "LOAD_BASE_NAME: Falco defines these names in its own rules file alone:";

for (const [what, texts, condition, ...said] of [
  [
    "is there for a rule that uses it",
    [rule("  condition: evt.type = open and shell\n")],
    "(evt.type = open and (proc.name in (sh, bash) and not evt.num = 0))",
    `${NAMED} shell`,
  ],
  [
    "gives way to a file's own definition, for its own macros too",
    ["- {list: shells, items: [fish]}\n", rule("  condition: evt.type = open and shell\n")],
    "(evt.type = open and (proc.name in (fish) and not evt.num = 0))",
    `${NAMED} shell`,
  ],
  [
    "gives way to a definition that comes after the use",
    [
      rule("  condition: evt.type = open and shell\n"),
      "- {macro: quiet, condition: proc.tty = 1}\n",
    ],
    "(evt.type = open and (proc.name in (sh, bash) and not proc.tty = 1))",
    `${NAMED} shell`,
  ],
  [
    "is what a macro's append and override change",
    [
      "- {macro: quiet, condition: or proc.tty = 1, override: {condition: append}}\n- {list: shells, items: [fish], append: true}\n",
      rule("  condition: evt.type = open and shell\n"),
    ],
    "(evt.type = open and (proc.name in (sh, bash, fish) and not (evt.num = 0 or proc.tty = 1)))",
    'LOAD_DEPRECATED_ITEM: "append" is deprecated: write "override" with the keys to append',
    `${NAMED} quiet, shells`,
    `${NAMED} shell`,
  ],
  [
    "says so where a change of it has no effect",
    ["- {macro: unused, condition: and fd.num = 2, override: {condition: append}}\n"],
    "",
    "LOAD_UNUSED_MACRO: Macro not referred to by any other rule/macro",
    `${NAMED} unused`,
  ],
  [
    "says nothing where nobody uses it",
    [rule("  condition: evt.type = open\n")],
    "evt.type = open",
  ],
] as const) {
  test(`loadRules() with a base: the base ${what}`, () => {
    assert.deepEqual(above(...texts), { said, condition });
  });
}

for (const [layout, text] of [
  ["a byte-order mark", `\uFEFF${rule("  condition: evt.type = open\n")}`],
  ["a comment behind a bracket", rule("  condition: evt.type = open\n  tags: [a, b]# note\n")],
  ["a bracket in column 0", rule("  condition: evt.type = open\n  tags: [\n    a,\n    b\n]\n")],
  ["items in column 0", rule("  condition: evt.type = open\n  tags: [\na,\nb\n]\n")],
  ["tabs in a list", rule("  condition: evt.type = open\n  tags: [\n\ta,\n\tb\n\t]\n")],
  ["a quoted text over lines", rule('  condition: "evt.type\n    = open"\n')],
  ["Windows' line ends", rule("  condition: evt.type = open\n").replaceAll("\n", "\r\n")],
] as const) {
  test(`loadRules() takes ${layout}`, () => {
    const { rules, files } = load(text);
    assert.deepEqual([files[0]?.errors, files[0]?.warnings], [[], []]);
    assert.equal(printCondition(rules[0]!.expression), "evt.type = open");
  });
}

test("loadRules() reads on behind an empty document, and says that Falco does not", () => {
  const { rules, files } = load(`---\n# nothing\n---\n${rule("  condition: evt.type = open\n")}`);
  assert.equal(rules.length, 1);
  assert.deepEqual(
    files[0]?.warnings.map(({ code }) => code),
    ["LOAD_EMPTY_DOCUMENT"],
  );
  assert.deepEqual(codes(`${rule("  condition: evt.type = open\n")}---\n`), []);
});

for (const [what, text, expected] of [
  [
    "every missing key, and what is wrong with the rest",
    "- rule: R\n  condition: evt.type = open and proc.nme = x and (proc.pid = y or fd.nam = y)\n  output: see %proc.nme %fd.nam\n",
    [
      'Item has no mapping for key "desc"',
      'Item has no mapping for key "priority"',
      'unknown field "proc.nme"',
      'unknown field "fd.nam"',
      'unknown field "proc.nme"',
      '"y" is not a valid number',
      'unknown field "fd.nam"',
    ],
  ],
  [
    "every macro that is not defined, and a macro's own error once",
    `- {macro: m, condition: fd.num = c and x}\n${rule("  condition: evt.type = open and m and y and (z or not m)\n")}`,
    [
      'Undefined macro "x" used in the condition',
      'Undefined macro "y" used in the condition',
      'Undefined macro "z" used in the condition',
    ],
  ],
  [
    "every key that is overridden in vain",
    `${rule("  condition: evt.type = open\n")}- {rule: R, priority: hgh, tags: x, override: {priority: replace, tags: replace}}\n`,
    ['Invalid priority "hgh"', 'Value of "tags" must be a list'],
  ],
] as const) {
  test(`loadRules() reports ${what}`, () => {
    const { files } = load(text);
    assert.deepEqual(
      files.flatMap(({ errors }) => errors.map(({ message }) => message)),
      expected,
    );
  });
}

const OTHER_SOURCE = rule("  condition: ka.verb = get\n  source: k8s_audit\n").replace(
  "output: o",
  "output: '%ka.verb'",
);

for (const [what, text, ...expected] of [
  [
    "a rule of another source, changed and appended to",
    `${OTHER_SOURCE}- {rule: R, condition: and ka.x = y, append: true, source: k8s_audit}\n- {rule: R, output: "%ka.y", override: {output: replace}}\n`,
    "LOAD_UNKNOWN_SOURCE",
    "LOAD_DEPRECATED_ITEM",
  ],
  [
    "a rule's condition changed for another source",
    `${OTHER_SOURCE}- {rule: R, condition: evt.type = open, source: syscall, override: {condition: replace}}\n`,
    "LOAD_ERR_VALIDATE",
    "LOAD_UNKNOWN_SOURCE",
  ],
  [
    "a rule's output changed for another source",
    `${OTHER_SOURCE}- {rule: R, output: x, source: syscall, override: {output: replace}}\n`,
    "LOAD_UNKNOWN_SOURCE",
  ],
  [
    "exceptions on what a transformer makes",
    rule(
      "  condition: evt.type = open\n  exceptions: [{name: e, fields: [tolower(proc.name), fd.name], comps: [' = ', in], values: [[a, [b]]]}, {name: f, fields: basename( proc.exepath ), values: [c]}]\n",
    ),
  ],
  [
    "exceptions on what no transformer makes",
    rule(
      "  condition: evt.type = open\n  exceptions: [{name: e, fields: tolower(evt.num), values: [a]}]\n",
    ),
    "LOAD_ERR_VALIDATE",
  ],
  [
    "an exception of nothing",
    rule("  condition: evt.type = open\n  exceptions: [{name: e, fields: , values: [a]}]\n"),
    "LOAD_ERR_VALIDATE",
  ],
  [
    "an exception's value of nothing",
    rule(
      "  condition: evt.type = open\n  exceptions: [{name: e, fields: proc.name, values: [a, ~]}]\n",
    ),
    "LOAD_ERR_COMPILE_CONDITION",
  ],
  [
    "an exception whose values are lists of aliases of lists",
    rule(
      `  condition: evt.type = open\n  exceptions: [{name: e, fields: proc.name, comps: in, values: [&a [${"x,".repeat(200)}], &b [${"*a ,".repeat(200)}], &c [${"*b ,".repeat(200)}], [${"*c ,".repeat(200)}]]}]\n`,
    ),
    "LOAD_ERR_YAML_VALIDATE",
  ],
  [
    "keys beside a required engine version",
    "- {required_engine_version: 0x10, foo: bar}\n- {required_plugin_versions: [], rule: x}\n",
    "LOAD_UNKNOWN_KEY",
    "LOAD_UNKNOWN_KEY",
  ],
  [
    "an item that is two things",
    `- {macro: m, rule: R, condition: evt.num > 0}\n${rule("  condition: evt.type = open and m\n")}`,
    "LOAD_UNKNOWN_KEY",
  ],
  [
    "a deprecated field's name in an output",
    rule("  condition: evt.type = open\n").replace("output: o", "output: see evt.dir"),
    "LOAD_DEPRECATED_ITEM",
  ],
  [
    "alternatives of a plugin that are no list",
    "- required_plugin_versions: [{name: container, version: 0.4.0, alternatives: {}}]\n",
    "LOAD_ERR_YAML_VALIDATE",
  ],
] as const) {
  test(`loadRules() on ${what}: ${expected.join(" ") || "nothing to say"}`, () => {
    assert.deepEqual(codes(text), expected);
  });
}

test("loadRules() takes blanks off an output where it is defined, and none off what replaces it", () => {
  const text = rule("  condition: evt.type = open\n").replace("output: o", "output: ' a '");
  assert.equal(load(text).rules[0]?.outputText, "a");
  const replaced = `${text}- {rule: R, output: ' b ', override: {output: replace}}\n`;
  assert.equal(load(replaced).rules[0]?.outputText, " b ");
});

test("loadRules() tells every error of a condition at once, whatever stage finds it", () => {
  const text = `- macro: broken
  condition: (proc.name =
- rule: R
  desc: d
  condition: evt.type = opn and nobody and fd.sport > abc and broken and proc.nmae = x
  output: "%fd.nme"
  priority: LOUD
`;
  const [file] = loadRules([{ name: "r.yaml", text }], { fields: FIELDS }).files;
  const places = file?.errors.map(
    ({ place, message }) => `${place?.line}:${place?.column} ${message}`,
  );
  assert.deepEqual(places?.toSorted(), [
    "2:25 expected a value, found the end",
    '5:25 unknown event type "opn"',
    '5:33 Undefined macro "nobody" used in the condition',
    '5:55 expected a number, found "abc"',
    '5:74 unknown field "proc.nmae"',
    '6:12 unknown field "fd.nme"',
    '7:13 Invalid priority "LOUD"',
  ]);
});

test("loadRules() leaves unknown fields to skip-if-unknown-filter, and tells what else is wrong", () => {
  const text = `- rule: R
  desc: d
  condition: evt.type = open and nobody and proc.nmae = x
  output: o
  priority: INFO
  skip-if-unknown-filter: true
`;
  const [file] = loadRules([{ name: "r.yaml", text }], { fields: FIELDS }).files;
  assert.deepEqual(
    file?.errors.map(({ message }) => message),
    ['Undefined macro "nobody" used in the condition'],
  );
});
