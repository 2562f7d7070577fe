import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { probeEvents } from "../events/probe-events.ts";
import { type BaseSyscalls, DEFAULT_BASE_SYSCALLS, sentEvents } from "./selected-calls.ts";
import { eventType } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";
import { unseenRules } from "./unseen-rules.ts";

const SENT = sentEvents(probeEvents("x64"), DEFAULT_BASE_SYSCALLS);

const rule = (name: string, condition: string, more = ""): string =>
  `- rule: ${name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: ${condition}\n${more}`;

const HELD =
  "calls that only read and write cost much: base_syscalls.all (watch -A) sends them where a rule asks";
const KEPT = "captures may hold such events: saker replay";

for (const [condition, warning, hint] of [
  ["evt.type = read", "Rule can never match here: the probe sends no read", HELD],
  ["evt.type in (pipe, pipe2) and proc.name = x", undefined],
  ["evt.type = fchmodat2", undefined],
  ["evt.type = sysinfo", undefined],
  ["evt.type = exit_group", "Rule can never match here: the probe sends no exit_group", KEPT],
  ["evt.type = s390_sthyi", "Rule can never match here: the probe sends no s390_sthyi", KEPT],
  ["evt.type = pread64", "Rule can never match here: the probe sends no pread64", KEPT],
  ["evt.type = container", undefined],
  ["evt.type = switch", "Rule can never match here: the probe sends no switch", KEPT],
  [
    "evt.type in (read, readv, pread, preadv, write, writev, pwrite)",
    "Rule can never match here: the probe sends no read, readv, pread, preadv, write, writev and 1 more",
    HELD,
  ],
  ["evt.type in (read, open)", "Rule misses events here: the probe sends no read", HELD],
  ["evt.type = execve", undefined],
  [
    "evt.type = close and fd.name startswith /etc and fd.num > 2",
    "Rule misses events here: of close nothing tells fd.name",
    "captures do: saker record -A, saker replay",
  ],
  ["evt.type = close and fd.num > 2", undefined],
  ["fd.name = /etc/shadow", undefined],
  ["evt.num = 0", undefined],
  ["evt.type != read", undefined],
] as const) {
  test(`loadRules() on ${condition}, where the probe's events are seen: ${warning ?? "nothing to say"}`, () => {
    const text = rule("R", condition, "  warn_evttypes: false\n");
    const { files } = loadRules([{ name: "r.yaml", text }], { fields: FIELDS, sentEvents: SENT });
    const { errors = [], warnings = [] } = files[0] ?? {};
    assert.deepEqual(errors, []);
    assert.deepEqual(
      warnings.map(({ code, message, hint: advice }) => [code, message, advice]),
      warning === undefined ? [] : [["LOAD_UNSEEN_EVENTS", warning, hint]],
    );
  });
}

test("loadRules() says nothing of unseen events of a rule that is switched off", () => {
  const text = rule("R", "evt.type = read", "  enabled: false\n");
  const { files } = loadRules([{ name: "r.yaml", text }], { fields: FIELDS, sentEvents: SENT });
  assert.deepEqual(files[0]?.warnings, []);
});

test("loadRules() says nothing of reads and writes that the configuration wants, and what it leaves out", () => {
  const text = rule("R", "evt.type = read") + rule("A", "evt.type = accept4");
  const warnings = (base: Partial<BaseSyscalls>) =>
    loadRules([{ name: "r.yaml", text }], {
      fields: FIELDS,
      sentEvents: sentEvents(probeEvents("x64"), { ...DEFAULT_BASE_SYSCALLS, ...base }),
    }).files[0]?.warnings.map(({ message, hint }) => [message, hint]);
  assert.deepEqual(warnings({ all: true }), []);
  assert.deepEqual(warnings({ all: true, customSet: ["!accept"] }), [
    [
      "Rule can never match here: the probe sends no accept4",
      "base_syscalls.custom_set leaves it out",
    ],
  ]);
});

test("unseenRules() names the rules that another source's few events cannot meet", () => {
  const text =
    rule("A", "evt.type = execve") +
    rule("B", "evt.type in (bind, connect)") +
    rule("C", "evt.type in (listen, bind)");
  const { rules } = loadRules([{ name: "r.yaml", text }], { fields: FIELDS });
  const codes = new Set(["execve", "listen"].map((name) => eventType(name).code));
  assert.deepEqual(
    unseenRules(rules, { ...SENT, codes }).map(({ rule: { name }, events }) => [name, events]),
    [["B", ["bind", "connect"]]],
  );
});

const OFFICIAL = new URL("../../../shared/falco-rules/falco_rules.yaml", import.meta.url);
test(
  "every rule of Falco's stable file can match on the probe's events",
  { skip: !existsSync(OFFICIAL) && "needs ../shared/falco-rules" },
  () => {
    const { rules } = loadRules([{ name: "f.yaml", text: readFileSync(OFFICIAL, "utf8") }], {
      fields: FIELDS,
    });
    assert.deepEqual(unseenRules(rules, SENT), []);
  },
);
