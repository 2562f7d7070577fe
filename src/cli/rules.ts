import { readRuleFiles } from "../engine/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import { type Diagnostic, formatDiagnostic } from "../rules/diagnostic.ts";
import { loadRules } from "../rules/load-rules.ts";
import { EXIT } from "./exit.ts";
import { printTable } from "./table.ts";

/** `saker rules check`: every error and warning with its place; exit code 1 when a file does not load. */
export function checkRules(paths: readonly string[], options: { readonly json?: boolean }): void {
  const files = readRuleFiles(paths);
  const result = loadRules(files, { fields: FIELDS });
  const isOk = result.files.every((file) => file.errors.length === 0);
  if (!isOk) process.exitCode = EXIT.finding;
  if (options.json === true) {
    console.log(JSON.stringify({ falco_load_results: result.files.map((file) => ({ name: file.name, successful: file.errors.length === 0, errors: file.errors.map(jsonOf), warnings: file.warnings.map(jsonOf) })) }));
    return;
  }
  for (const [index, file] of result.files.entries()) {
    const text = files[index]?.text ?? "";
    for (const diagnostic of [...file.errors, ...file.warnings]) console.log(formatDiagnostic(diagnostic, text));
    const state = file.errors.length > 0 ? `${file.errors.length} errors` : "ok";
    console.log(`${file.name}: ${state}${file.warnings.length > 0 ? `, ${file.warnings.length} warnings` : ""}`);
  }
  if (isOk) console.log(`${result.rules.length} rules`);
}

/** `saker rules list`: what is loaded. Exit code 1 when a file does not load. */
export function listRules(paths: readonly string[], options: { readonly json?: boolean }): void {
  const files = readRuleFiles(paths);
  const result = loadRules(files, { fields: FIELDS });
  for (const [index, file] of result.files.entries()) {
    for (const error of file.errors) process.stderr.write(`${formatDiagnostic(error, files[index]?.text ?? "")}\n`);
    if (file.errors.length > 0) process.exitCode = EXIT.finding;
  }
  if (options.json === true) {
    for (const { name, priority, enabled, tags, source, desc } of result.rules) console.log(JSON.stringify({ name, priority, enabled, tags, source, desc }));
    return;
  }
  printTable(["RULE", "PRIORITY", "ENABLED", "TAGS"], result.rules.map((rule) => [rule.name, rule.priority, rule.enabled ? "yes" : "no", rule.tags.join(",")]));
}

/** Falco's shape of one error or warning. */
function jsonOf({ code, message, place, itemType, itemName }: Diagnostic): object {
  return { code, message, item_type: itemType ?? "", item_name: itemName ?? "", context: place === undefined ? {} : { line: place.line, column: place.column } };
}
