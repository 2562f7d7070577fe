import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { styleText } from "node:util";
import { readRuleFiles, SHIPPED_TESTS } from "../engine/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { type LoadedRule, loadRules } from "../rules/load-rules.ts";
import { readRuleTests, type RuleTest } from "../rules/rule-tests.ts";
import { runRuleTest, type TestResult } from "../rules/run-rule-tests.ts";
import { statedFields } from "../rules/stated-fields.ts";
import { EXIT } from "./exit.ts";

const STATED = statedFields(FIELDS);

/** `saker rules test`: runs files of rule tests; exit code 1 when one fails, 2 when a file cannot be used. */
export function testRules(paths: readonly string[], options: { readonly json?: boolean }): void {
  const loaded = new Map<string, readonly LoadedRule[]>();
  let [passed, failed] = [0, 0];
  for (const path of paths.length > 0 ? paths : [SHIPPED_TESTS]) {
    for (const test of testsOf(path)) {
      const result = run(test, path, loaded);
      if (result.passed) passed += 1;
      else failed += 1;
      tell(path, result, options.json === true);
    }
  }
  if (options.json !== true) console.log(`${passed} passed, ${failed} failed`);
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
  process.stderr.write(`${problems.map((problem) => formatDiagnostic(problem, text)).join("\n")}\n`);
  throw new AppError("USAGE_TESTS", `Cannot run rule tests "${path}": ${problems.length} ${problems.length === 1 ? "error" : "errors"}`);
}

function run(test: RuleTest, path: string, loaded: Map<string, readonly LoadedRule[]>): TestResult {
  if (test.capture !== undefined) {
    throw new AppError("USAGE_TESTS", `Cannot run test "${test.name}" of "${path}": captures are not read yet`, { hint: "state the event's fields under event" });
  }
  try {
    return runRuleTest(test, test.condition === undefined ? rulesOf(test, path, loaded) : [], STATED);
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError("USAGE_TESTS", `Cannot run test "${test.name}" of "${path}:${test.line}": ${messageOf(thrown)}`);
  }
}

/** The rules that a test is about, loaded once for all tests that name the same files. */
function rulesOf(test: RuleTest, path: string, loaded: Map<string, readonly LoadedRule[]>): readonly LoadedRule[] {
  const paths = (test.rules ?? []).map((name) => resolve(dirname(path), name));
  const key = paths.join("\n");
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const files = readRuleFiles(paths);
  const result = loadRules(files, { fields: STATED });
  const errors = result.files.flatMap((file, index) => file.errors.map((error) => formatDiagnostic(error, files[index]?.text ?? "")));
  if (errors.length > 0) {
    process.stderr.write(`${errors.join("\n")}\n`);
    throw new AppError("RULE_LOAD", `Cannot run test "${test.name}" of "${path}": its rules do not load`);
  }
  loaded.set(key, result.rules);
  return result.rules;
}

function tell(path: string, { test, passed, got, because }: TestResult, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ file: path, line: test.line, test: test.name, passed, expect: test.expect, got, because }));
    return;
  }
  if (passed) return;
  const words = (answer: readonly string[] | boolean): string => (typeof answer === "boolean" ? String(answer) : answer.length === 0 ? "no rule" : answer.join(", "));
  console.log(`${styleText("red", "failed")} ${path}:${test.line}: ${test.name}: expected ${words(test.expect)}, got ${words(got)}`);
  for (const line of because) console.log(`  ${line}`);
}
