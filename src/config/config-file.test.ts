import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AppError } from "../lib/errors.ts";
import { parseConfig } from "./config-file.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const context = { path: "/etc/falco/falco.yaml", environment: { RULES: "mine.yaml" } };

test("parseConfig() reads what a falco.yaml says, the rest keeps its default", () => {
  const text = `rules_files: [rules.d/a.yaml, /abs/b.yaml, "\${RULES}"]
priority: warning
rule_matching: all
watch_config_files: false
json_output: true
time_format_iso_8601: yes
stdout_output: {enabled: false}
file_output: {enabled: true, keep_alive: false, filename: ./events.txt}
engine: {kind: modern_ebpf, modern_ebpf: {buf_size_preset: 5}}
syscall_event_drops: {threshold: .2, actions: [log, exit], rate: .5, max_burst: 1}
`;
  assert.deepEqual(parseConfig(text, context), {
    settings: {
      ...DEFAULT_SETTINGS,
      rulesFiles: ["/etc/falco/rules.d/a.yaml", "/abs/b.yaml", "/etc/falco/mine.yaml"],
      priority: "Warning",
      ruleMatching: "all",
      watchRules: false,
      jsonOutput: true,
      timeFormatIso8601: true,
      stdoutEnabled: false,
      fileOutput: "./events.txt",
      ringBytes: 16 << 20,
      drops: { threshold: 0.2, actions: ["log", "exit"], rate: 0.5 },
    },
    ignored: [],
  });
});

test("parseConfig() reads which rules are switched, what is appended to outputs, and constants", () => {
  const text = `rules:
  - disable: {rule: "*"}
  - enable: {tag: network, rule: Read*}
append_output:
  - match: {source: syscall, tags: [persistence]}
    extra_output: "pid=%proc.pid"
    extra_fields: [evt.hostname, {who: "%user.name"}]
  - suggested_output: true
static_fields: {region: eu-1, n: 010}
`;
  const { settings, ignored } = parseConfig(text, context);
  assert.deepEqual(ignored, []);
  assert.deepEqual(settings.ruleSelections, [
    { action: "disable", by: { rule: "*" } },
    { action: "enable", by: { tag: "network" } },
    { action: "enable", by: { rule: "Read*" } },
  ]);
  assert.deepEqual(settings.appendOutput, [
    {
      rule: undefined,
      source: "syscall",
      tags: ["persistence"],
      format: "pid=%proc.pid",
      fields: [
        { key: "evt.hostname", format: "%evt.hostname", isRaw: true },
        { key: "who", format: "%user.name", isRaw: false },
      ],
      suggested: false,
    },
    {
      rule: undefined,
      source: undefined,
      tags: [],
      format: undefined,
      fields: [],
      suggested: true,
    },
  ]);
  assert.deepEqual(settings.staticFields, { region: "eu-1", n: "010" });
});

test("parseConfig() names what it does not use, unless it is switched off", () => {
  const text =
    "http_output: {enabled: true, url: x}\nsyslog_output: {enabled: false}\nlog_level: info\nrule_maching: all\n";
  assert.deepEqual(parseConfig(text, context).ignored, [
    "/etc/falco/falco.yaml:1: http_output.enabled",
    "/etc/falco/falco.yaml:1: http_output.url",
    "/etc/falco/falco.yaml:4: rule_maching",
  ]);
});

test("parseConfig() of an empty file changes nothing", () => {
  assert.deepEqual(parseConfig("# nothing\n", context), {
    settings: DEFAULT_SETTINGS,
    ignored: [],
  });
});

for (const [text, message] of [
  ["priority: loud\n", 'falco.yaml:1:1": "priority" must be one of emergency'],
  ["a: 1\nrule_matching: some\n", 'falco.yaml:2:1": "rule_matching" must be "first" or "all"'],
  ["json_output: perhaps\n", '"json_output" must be true or false'],
  ["json_output: [true]\n", '"json_output" must be a single value'],
  ["engine: {modern_ebpf: {buf_size_preset: 11}}\n", "must be a whole number from 1 to 10"],
  ["rules: [{allow: {rule: x}}]\n", 'has entries of "enable" and "disable", not "allow"'],
  ["rules: [{enable: {name: x}}]\n", 'selects by "rule" or "tag", not by "name"'],
  ["append_output: [{matches: {}}]\n", 'has no key "matches"'],
  ["- a\n", "it must be a map of keys"],
  ["a: [\n", "falco.yaml:2:1"],
] as const) {
  test(`parseConfig() refuses ${JSON.stringify(text)} with its place`, () => {
    assert.throws(
      () => parseConfig(text, context),
      (error: unknown) =>
        error instanceof AppError &&
        error.code.startsWith("CONFIG_") &&
        error.message.includes(message),
    );
  });
}

test("parseConfig() throws nothing but AppError, whatever the file holds", () => {
  const key = fc.constantFrom(
    "priority",
    "rules_files",
    "json_output",
    "file_output",
    "engine",
    "stdout_output",
    "ports",
    "enabled",
    "rules",
    "append_output",
    "static_fields",
    "x",
  );
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })), (value) => {
      try {
        parseConfig(JSON.stringify(value), context);
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
      }
    }),
  );
});
