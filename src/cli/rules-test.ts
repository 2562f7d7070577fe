import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readCapture } from "../capture/scap-reader.ts";
import { Replay } from "../engine/replay.ts";
import { baseRules, readRuleFiles, SHIPPED_TESTS } from "../config/rule-files.ts";
import type { FieldRegistry } from "../fields/field.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { readRuleTests, type RuleTest } from "../rules/rule-tests.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { runRuleTest, type TestResult } from "../rules/run-rule-tests.ts";
import { statedFields } from "../rules/stated-fields.ts";
import { EXIT } from "./exit.ts";
import { parseWhere } from "./where.ts";
import { painted, printAside, printJson, printLine } from "./print.ts";

const STATED = statedFields(FIELDS);

/**
 * `saker rules test`: runs files of rule tests; exit code 1 when one fails, 2 when a file cannot be
 * used.
 */
export async function testRules(
  paths: readonly string[],
  options: { readonly json?: boolean },
): Promise<void> {
  const loaded: Loaded = new Map();
  let [passed, failed] = [0, 0];
  for (const path of paths.length > 0 ? paths : [SHIPPED_TESTS]) {
    for (const test of testsOf(path)) {
      const result =
        test.capture === undefined
          ? run(test, path, loaded)
          : await runCapture(test, path, { loaded, capture: test.capture });
      if (result.passed) passed += 1;
      else failed += 1;
      printResult(path, result, options.json === true);
    }
  }
  if (options.json !== true) printLine(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = EXIT.finding;
}

function testsOf(path: string): readonly RuleTest[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    throw new AppError("USAGE_TESTS", `Cannot read rule tests "${path}": ${messageOf(thrown)}`);
  }
  const { tests, problems } = readRuleTests({ name: path, text }, FIELDS);
  if (problems.length === 0) return tests;
  printAside(problems.map((problem) => formatDiagnostic(problem, text)).join("\n"));
  throw new AppError(
    "USAGE_TESTS",
    `Cannot run rule tests "${path}": ${problems.length} ${problems.length === 1 ? "error" : "errors"}`,
  );
}

/** Rules by the files that tests name, compiled for stated fields or for those of events. */
type Loaded = Map<string, readonly LoadedRule[]>;

/**
 * A test on a capture: the rules that match any of its events, or whether any event satisfies the
 * condition.
 */
async function runCapture(
  test: RuleTest,
  path: string,
  { loaded, capture }: { readonly loaded: Loaded; readonly capture: string },
): Promise<TestResult> {
  const { condition, expect } = test;
  const expected = typeof expect === "boolean" ? [] : expect;
  const rules = condition === undefined ? rulesOf(test, path, { loaded, fields: FIELDS }) : [];
  const unknown = expected.find((name) => !rules.some((rule) => rule.name === name));
  if (unknown !== undefined)
    throw new AppError(
      "USAGE_TESTS",
      `Cannot run test "${test.name}" of "${path}:${test.line}": no rule is named "${unknown}"`,
    );
  const asked = rules.filter((rule) => rule.enabled || expected.includes(rule.name));
  const matched = new Map<string, number>();
  const satisfied = condition === undefined ? undefined : parseWhere(condition.text);
  let holds = false;
  await readCapture(
    resolve(dirname(path), capture),
    new Replay({
      rules: compileRuleSet(asked, { matching: "all" }),
      hostname: "",
      utcOffsetMinutes: () => 0,
      onMatch: (rule, scene) =>
        void (matched.has(rule.name) || matched.set(rule.name, scene.event.num)),
      ...(satisfied === undefined ? {} : { onScene: (scene) => void (holds ||= satisfied(scene)) }),
    }),
  );
  const names = rules.map((rule) => rule.name).filter((name) => matched.has(name));
  const got =
    condition !== undefined ? holds : typeof expect === "boolean" ? names.length > 0 : names;
  const wrong = rules
    .map((rule) => rule.name)
    .filter((name) => expected.includes(name) !== matched.has(name));
  const passed = typeof expect === "boolean" ? got === expect : wrong.length === 0;
  const because = typeof expect === "boolean" ? names : wrong;
  return {
    test,
    passed,
    got,
    because: passed
      ? []
      : because.map((name) =>
          matched.has(name)
            ? `${name}: matches event ${matched.get(name)}`
            : `${name}: matches no event; saker rules explain "${name}" --capture says why`,
        ),
  };
}

function run(test: RuleTest, path: string, loaded: Loaded): TestResult {
  try {
    return runRuleTest(
      test,
      test.condition === undefined ? rulesOf(test, path, { loaded, fields: STATED }) : [],
      STATED,
    );
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError(
      "USAGE_TESTS",
      `Cannot run test "${test.name}" of "${path}:${test.line}": ${messageOf(thrown)}`,
    );
  }
}

/** The rules that a test is about, loaded once for all tests that name the same files. */
function rulesOf(
  test: RuleTest,
  path: string,
  { loaded, fields }: { readonly loaded: Loaded; readonly fields: FieldRegistry },
): readonly LoadedRule[] {
  const paths = (test.rules ?? []).map((name) => resolve(dirname(path), name));
  const key = `${fields === STATED ? "stated" : "events"}\n${paths.join("\n")}`;
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const files = readRuleFiles(paths);
  const result = loadRules(files, { fields, base: baseRules() });
  const errors = result.files.flatMap((file, index) =>
    file.errors.map((error) => formatDiagnostic(error, files[index]?.text ?? "")),
  );
  if (errors.length > 0) {
    printAside(errors.join("\n"));
    throw new AppError(
      "RULE_LOAD",
      `Cannot run test "${test.name}" of "${path}": its rules do not load`,
    );
  }
  loaded.set(key, result.rules);
  return result.rules;
}

function printResult(
  path: string,
  { test, passed, got, because }: TestResult,
  json: boolean,
): void {
  if (json) {
    printJson({
      file: path,
      line: test.line,
      test: test.name,
      passed,
      expect: test.expect,
      got,
      because,
    });
    return;
  }
  if (passed) return;
  const words = (answer: readonly string[] | boolean): string =>
    typeof answer === "boolean"
      ? String(answer)
      : answer.length === 0
        ? "no rule"
        : answer.join(", ");
  printLine(
    painted("red", "failed"),
    ` ${path}:${test.line}: ${test.name}: expected ${words(test.expect)}, got ${words(got)}`,
  );
  for (const line of because) printLine(`  ${line}`);
}
