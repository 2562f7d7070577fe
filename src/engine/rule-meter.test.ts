import assert from "node:assert/strict";
import { test } from "node:test";
import { scene } from "../../test/fixtures/scenes.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import { compileRuleSet, type RuleSet } from "../rules/rule-set.ts";
import { RuleMeter } from "./rule-meter.ts";

const RULES = ["chdir", "chdir and proc.name = nobody", "fchdir"]
  .map(
    (rest, index) =>
      `- rule: ${"ABC"[index]}\n  desc: d\n  condition: evt.type = ${rest}\n  output: o\n  priority: NOTICE\n`,
  )
  .join("");

function ruleSet(): RuleSet {
  return compileRuleSet(loadRules([{ name: "r.yaml", text: RULES }], { fields: FIELDS }).rules, {
    matching: "all",
  });
}

/** A clock that moves one millisecond each time it is read, and `extra` more when told. */
function clock() {
  let at = 0;
  return { now: () => (at += 1), work: (ms: number) => void (at += ms) };
}

test("RuleMeter counts every evaluation and match, and estimates shares from the timed ones", () => {
  const { now, work } = clock();
  const set = ruleSet();
  // A takes 3 ms, B takes 1.
  const slow = compileRuleSet(
    set.rules.map((rule) => ({
      ...rule,
      condition: (one) => (work(rule.name === "A" ? 3 : 1), rule.condition(one)),
    })),
    set,
  );
  const meter = new RuleMeter({ now });
  const measured = meter.wrap(slow);
  const one = scene("chdir", { res: 0, path: "/" });
  for (let index = 0; index < 610; index += 1)
    for (const rule of measured.forEvent(one.event.code)) rule.condition(one);
  assert.deepEqual(meter.top(5), [
    { name: "A", evaluations: 610, matches: 610, share: 0.75, meanNs: 3e6 },
    { name: "B", evaluations: 610, matches: 0, share: 0.25, meanNs: 1e6 },
  ]);
  assert.deepEqual(
    meter.top(1).map(({ name }) => name),
    ["A"],
  );
});

test("RuleMeter.wrap() keeps the rules' order, events and way of matching, and starts anew with each set", () => {
  const meter = new RuleMeter({ now: clock().now });
  const set = ruleSet();
  const measured = meter.wrap(set);
  assert.deepEqual(
    measured.rules.map(({ name }) => name),
    ["A", "B", "C"],
  );
  assert.deepEqual([measured.matching, measured.eventCodes], ["all", set.eventCodes]);
  const one = scene("chdir", { res: 0, path: "/" });
  for (let index = 0; index < 100; index += 1) measured.rules[0]?.condition(one);
  assert.equal(meter.top(5).length, 1);
  meter.wrap(set);
  assert.deepEqual(meter.top(5), []);
});
