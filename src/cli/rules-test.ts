import { dirname, resolve } from "node:path";
import { readCapture } from "../capture/scap-reader.ts";
import { Replay } from "../engine/replay.ts";
import { baseRules, readRuleFiles, SHIPPED_TESTS } from "../config/rule-files.ts";
import type { FieldRegistry } from "../fields/field.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { readShipped } from "../shipped/shipped-files.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { loadRules } from "../rules/load-rules.ts";
import { readRuleTests, type RuleTest } from "../rules/rule-tests.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import {
  askedOf,
  namesOf,
  runRuleTest,
  type Tested,
  type TestResult,
  verdictOf,
} from "../rules/run-rule-tests.ts";
import { statedFields } from "../rules/stated-fields.ts";
import { yamlText } from "../yaml/yaml-text.ts";
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
    text = yamlText(readShipped(path));
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
type Loaded = Map<string, Tested>;

const NO_RULES: Tested = { rules: [], correlations: [] };

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
  const tested =
    condition === undefined ? rulesOf(test, path, { loaded, fields: FIELDS }) : NO_RULES;
  const unknown = expected.find((name) => !namesOf(tested).includes(name));
  if (unknown !== undefined)
    throw new AppError(
      "USAGE_TESTS",
      `Cannot run test "${test.name}" of "${path}:${test.line}": no rule is named "${unknown}"`,
    );
  const { rules, correlations } = askedOf(tested, expected);
  const matched = new Map<string, number>();
  const satisfied = condition === undefined ? undefined : parseWhere(condition.text);
  let holds = false;
  await readCapture(
    resolve(dirname(path), capture),
    new Replay({
      rules: compileRuleSet(rules, { matching: "all", correlations }),
      hostname: "",
      utcOffsetMinutes: () => 0,
      onMatch: (rule, scene) =>
        void (matched.has(rule.name) || matched.set(rule.name, scene.event.num)),
      ...(satisfied === undefined ? {} : { onScene: (scene) => void (holds ||= satisfied(scene)) }),
    }),
  );
  if (condition !== undefined) return { test, passed: holds === expect, got: holds, because: [] };
  const { passed, got, wrong } = verdictOf(test, tested, new Set(matched.keys()));
  const because = wrong.map((name) =>
    matched.has(name)
      ? `${name}: matches event ${matched.get(name)}`
      : `${name}: matches no event; saker rules explain "${name}" --capture says why`,
  );
  return { test, passed, got, because };
}

function run(test: RuleTest, path: string, loaded: Loaded): TestResult {
  try {
    return runRuleTest(
      test,
      test.condition === undefined ? rulesOf(test, path, { loaded, fields: STATED }) : NO_RULES,
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
): Tested {
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
  loaded.set(key, result);
  return result;
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
