import type { FieldRegistry } from "../fields/field.ts";
import { compileCondition } from "./compile-condition.ts";
import { compileExplanation, decisiveChecks } from "./explain.ts";
import type { LoadedRule } from "./loaded-rule.ts";
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

/**
 * Runs one test. `rules` are those that it is about, compiled against stated fields; those that are
 * switched off count when the test expects them. Throws `ConditionError` or `FailedCheck` for a
 * condition that does not compile, and an `Error` for a rule that is not there.
 */
export function runRuleTest(
  test: RuleTest,
  rules: readonly LoadedRule[],
  fields: FieldRegistry,
): TestResult {
  if (test.condition !== undefined) return runCondition(test, test.condition.text, fields);
  const expected = test.expect;
  const names = typeof expected === "boolean" ? [] : expected;
  const unknown = names.find((name) => !rules.some((rule) => rule.name === name));
  if (unknown !== undefined) throw new Error(`no rule is named "${unknown}"`);
  const asked = rules.filter(
    (rule) =>
      (rule.enabled || names.includes(rule.name)) && rule.eventCodes.has(test.scene.event.code),
  );
  const matching = asked.filter((rule) => rule.condition(test.scene)).map((rule) => rule.name);
  const got = typeof expected === "boolean" ? matching.length > 0 : matching;
  const wrong = rules.filter(
    (rule) =>
      names.includes(rule.name) !== matching.includes(rule.name) &&
      (typeof expected !== "boolean" || matching.includes(rule.name)),
  );
  const passed = typeof expected === "boolean" ? got === expected : wrong.length === 0;
  return {
    test,
    passed,
    got,
    because: passed ? [] : wrong.flatMap((rule) => explained(rule, test, fields)),
  };
}

function runCondition(test: RuleTest, text: string, fields: FieldRegistry): TestResult {
  const expression = parseCondition(text);
  const got = compileCondition(expression, fields).predicate(test.scene);
  const because =
    got === test.expect
      ? []
      : decisiveChecks(compileExplanation(expression, fields)(test.scene)).map(
          ({ holds, check, values }) => line("", { holds, check, values }),
        );
  return { test, passed: got === test.expect, got, because };
}

function explained(rule: LoadedRule, test: RuleTest, fields: FieldRegistry): string[] {
  if (!rule.eventCodes.has(test.scene.event.code))
    return [`${rule.name}: is not asked on this event type`];
  return decisiveChecks(compileExplanation(rule.expression, fields)(test.scene)).map((part) =>
    line(`${rule.name}: `, part),
  );
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
