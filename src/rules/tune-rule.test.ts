import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { statedFields } from "./stated-fields.ts";
import { RuleAlerts } from "./suggest-exception.ts";
import { sceneOf, tuneRule } from "./tune-rule.ts";
import { TUNING_FIELDS } from "./tuning-fields.ts";

const STATED = statedFields(FIELDS);

function alertsOf(counts: Readonly<Record<string, number>>): RuleAlerts {
  const alerts = new RuleAlerts();
  for (const [name, count] of Object.entries(counts))
    for (let index = 0; index < count; index += 1)
      alerts.add(
        new Map([
          ["proc.name", name],
          ["proc.pid", String(index)],
        ]),
        TUNING_FIELDS,
      );
  return alerts;
}

test("tuneRule() tells what an exception silences, and what it leaves", () => {
  const { exception, silenced, left } = tuneRule("R", alertsOf({ cron: 90, nc: 1, su: 2 }), STATED);
  assert.deepEqual(exception?.rows, [{ values: ["cron"], count: 90 }]);
  assert.deepEqual(
    silenced.map(({ count }) => count),
    [90],
  );
  assert.deepEqual(
    left.map(({ values, count }) => [values.get("proc.name"), count]),
    [
      ["su", 2],
      ["nc", 1],
    ],
  );
});

test("tuneRule() excepts nothing of a rule with few alerts", () => {
  assert.equal(tuneRule("R", alertsOf({ cron: 4 }), STATED).exception, undefined);
});

test("sceneOf() states what fields take, and leaves out what they do not", () => {
  const { stated } = sceneOf(
    new Map<string, string | number | null | readonly string[]>([
      ["fd.sip", "10.1.2.3"],
      ["fd.sport", 443],
      ["proc.aname", ["bash", "sshd"]],
      ["proc.pid", "none"],
      ["ka.verb", "get"],
      ["user.name", null],
    ]),
    STATED,
  );
  assert.deepEqual(
    [...stated],
    [
      ["evt.num", 1],
      ["fd.sip", new Uint8Array([10, 1, 2, 3])],
      ["fd.sport", 443],
      ["proc.aname", ["bash", "sshd"]],
    ],
  );
});
