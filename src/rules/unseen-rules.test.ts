import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { PROBE_EVENTS } from "../events/probe-events.ts";
import { eventType } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";
import { unseenRules } from "./unseen-rules.ts";

const rule = (name: string, condition: string, more = ""): string =>
  `- rule: ${name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: ${condition}\n${more}`;

for (const [condition, warning] of [
  ["evt.type = read", "Rule can never match here: the probe sends no read"],
  [
    "evt.type in (pipe, pipe2) and proc.name = x",
    "Rule can never match here: the probe sends no pipe, pipe2",
  ],
  [
    "evt.type = fchmodat2",
    "Rule can never match here: the probe sends no system calls without an event of their own",
  ],
  ["evt.type = container", "Rule can never match here: the probe sends no container"],
  [
    "evt.type in (read, readv, pread, preadv, write, writev, pwrite)",
    "Rule can never match here: the probe sends no read, readv, pread, preadv, write, writev and 1 more",
  ],
  ["evt.type in (read, open)", undefined],
  ["evt.type = execve", undefined],
  ["evt.num = 0", undefined],
  ["evt.type != read", undefined],
] as const) {
  test(`loadRules() on ${condition}, where the probe's events are seen: ${warning ?? "nothing to say"}`, () => {
    const text = rule("R", condition, "  warn_evttypes: false\n");
    const { files } = loadRules([{ name: "r.yaml", text }], {
      fields: FIELDS,
      seenEvents: PROBE_EVENTS,
    });
    const { errors = [], warnings = [] } = files[0] ?? {};
    assert.deepEqual(errors, []);
    assert.deepEqual(
      warnings.map(({ code, message }) => [code, message]),
      warning === undefined ? [] : [["LOAD_UNSEEN_EVENTS", warning]],
    );
  });
}

test("loadRules() says nothing of unseen events of a rule that is switched off", () => {
  const text = rule("R", "evt.type = read", "  enabled: false\n");
  const { files } = loadRules([{ name: "r.yaml", text }], {
    fields: FIELDS,
    seenEvents: PROBE_EVENTS,
  });
  assert.deepEqual(files[0]?.warnings, []);
});

test("unseenRules() names the rules that another source's few events cannot meet", () => {
  const text =
    rule("A", "evt.type = execve") +
    rule("B", "evt.type in (bind, connect)") +
    rule("C", "evt.type in (listen, bind)");
  const { rules } = loadRules([{ name: "r.yaml", text }], { fields: FIELDS });
  const seen = new Set(["execve", "listen"].map((name) => eventType(name).code));
  assert.deepEqual(
    unseenRules(rules, seen).map(({ rule: { name }, events }) => [name, events]),
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
    assert.deepEqual(unseenRules(rules, PROBE_EVENTS.codes), []);
  },
);
