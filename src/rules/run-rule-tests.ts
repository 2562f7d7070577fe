import type { FieldRegistry } from "../fields/field.ts";
import { compileCondition } from "./compile-condition.ts";
import { compileExplanation, decisiveChecks } from "./explain.ts";
import type { LoadedCorrelation } from "./compile-correlation.ts";
import { Correlator } from "./correlator.ts";
import type { LoadResult } from "./load-rules.ts";
import { compileRuleSet } from "./rule-set.ts";
import { parseCondition } from "./parse-condition.ts";
import type { RuleTest } from "./rule-tests.ts";

/** What one test of rules came to, and why. */
export interface TestResult {
  readonly test: RuleTest;
  readonly passed: boolean;
  /** What came out: the rules that match, or the condition's answer. */
  readonly got: readonly string[] | boolean;
  /** For a rule or condition that should have answered otherwise: the comparisons that decided. */
  readonly because: readonly string[];
}

/** What tests are about: rules, counts and sequences, compiled against stated fields. */
export type Tested = Pick<LoadResult, "rules" | "correlations">;

/** Rules, then counts and sequences, by name. */
export function namesOf({ rules, correlations }: Tested): readonly string[] {
  return [...rules, ...correlations].map(({ name }) => name);
}

/**
 * Runs one test. Those that are switched off count when the test expects them. Throws
 * `ConditionError` or `FailedCheck` for a condition that does not compile, and an `Error` for a
 * rule that is not there.
 */
export function runRuleTest(test: RuleTest, tested: Tested, fields: FieldRegistry): TestResult {
  if (test.condition !== undefined) return runCondition(test, test.condition.text, fields);
  const expected = typeof test.expect === "boolean" ? [] : test.expect;
  const unknown = expected.find((name) => !namesOf(tested).includes(name));
  if (unknown !== undefined) throw new Error(`no rule is named "${unknown}"`);
  const matched = matchedBy(test, askedOf(tested, expected));
  const { passed, got, wrong } = verdictOf(test, tested, matched);
  const because = wrong.flatMap((name) => explained(name, { test, tested, fields }));
  return { test, passed, got, because };
}

/** Those that are switched on, or expected all the same. */
export function askedOf({ rules, correlations }: Tested, expected: readonly string[]): Tested {
  const isAsked = (one: { readonly name: string; readonly enabled: boolean }): boolean =>
    one.enabled || expected.includes(one.name);
  return { rules: rules.filter(isAsked), correlations: correlations.filter(isAsked) };
}

/** What came out, and for whom it should have been otherwise. */
export function verdictOf(
  { expect }: RuleTest,
  tested: Tested,
  matched: ReadonlySet<string>,
): Pick<TestResult, "passed" | "got"> & { readonly wrong: readonly string[] } {
  const names = namesOf(tested).filter((name) => matched.has(name));
  if (typeof expect === "boolean") {
    const passed = names.length > 0 === expect;
    return { passed, got: names.length > 0, wrong: passed ? [] : names };
  }
  const wrong = namesOf(tested).filter((name) => expect.includes(name) !== matched.has(name));
  return { passed: wrong.length === 0, got: names, wrong };
}

/** The names of all that the test's events match or complete. */
function matchedBy({ scenes }: RuleTest, { rules, correlations }: Tested): Set<string> {
  const set = compileRuleSet(rules, { matching: "all", correlations });
  const correlator = new Correlator();
  const matched = new Set<string>();
  for (const scene of scenes) {
    const { code } = scene.event;
    for (const rule of set.forEvent(code)) if (rule.condition(scene)) matched.add(rule.name);
    for (const feed of set.feedsOf(code))
      if (feed.rule.condition(scene) && correlator.see(feed, scene)?.isComplete === true)
        matched.add(feed.correlation.name);
  }
  return matched;
}

function runCondition(test: RuleTest, text: string, fields: FieldRegistry): TestResult {
  const expression = parseCondition(text);
  const [scene] = test.scenes;
  if (scene === undefined) throw new Error("no event is stated");
  const got = compileCondition(expression, fields).predicate(scene);
  const because =
    got === test.expect
      ? []
      : decisiveChecks(compileExplanation(expression, fields)(scene)).map(
          ({ holds, check, values }) => line("", { holds, check, values }),
        );
  return { test, passed: got === test.expect, got, because };
}

function explained(
  name: string,
  {
    test,
    tested,
    fields,
  }: { readonly test: RuleTest; readonly tested: Tested; readonly fields: FieldRegistry },
): string[] {
  const rule = tested.rules.find((candidate) => candidate.name === name);
  if (rule === undefined)
    return [
      correlationExplained(
        tested.correlations.find((one) => one.name === name),
        test,
      ),
    ];
  const asked = test.scenes.filter(({ event }) => rule.eventCodes.has(event.code));
  // Of several events the one that matches, else the last.
  const scene = asked.find((one) => rule.condition(one)) ?? asked.at(-1);
  if (scene === undefined) return [`${name}: is not asked on this event type`];
  return decisiveChecks(compileExplanation(rule.expression, fields)(scene)).map((part) =>
    line(`${name}: `, part),
  );
}

/** How often each of its rules matched. */
function correlationExplained(
  correlation: LoadedCorrelation | undefined,
  { scenes }: RuleTest,
): string {
  const counts = (correlation?.steps.flat() ?? []).map((rule) => {
    const matching = scenes.filter(
      (scene) => rule.eventCodes.has(scene.event.code) && rule.condition(scene),
    );
    return `${rule.name} matches ${matching.length} of ${scenes.length} events`;
  });
  return `${correlation?.name ?? ""}: ${counts.join(", ")}`;
}

function line(
  before: string,
  {
    holds,
    check = "",
    values = [],
  }: Pick<ReturnType<typeof decisiveChecks>[number], "holds"> & {
    readonly check?: string | undefined;
    readonly values?: readonly { readonly name: string; readonly value: string }[] | undefined;
  },
): string {
  const seen = values.map(({ name, value }) => `${name} is ${JSON.stringify(value)}`).join(", ");
  return `${before}${holds ? "holds" : "fails"} ${check} (${seen})`;
}
