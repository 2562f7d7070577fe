import { baseRules, readRuleFiles } from "../config/rule-files.ts";
import { PROBE_EVENTS } from "../capture/probe-sight.ts";
import { DEFAULT_BASE_SYSCALLS, sentEvents } from "../rules/selected-calls.ts";
import { FIELDS } from "../fields/registry.ts";
import { formatDiagnostic } from "../rules/diagnostic.ts";
import { falcoLoadResults } from "../rules/load-result.ts";
import { loadRules } from "../rules/load-rules.ts";
import { EXIT } from "./exit.ts";
import { shadowingNotes } from "./shadowing-notes.ts";
import { printJson, printLine } from "./print.ts";

/**
 * `saker rules check`: every error and warning with its place; exit code 1 when a file does not
 * load.
 */
export function checkRules(paths: readonly string[], options: { readonly json?: boolean }): void {
  const files = readRuleFiles(paths);
  const texts = new Map(files.map((file) => [file.name, file.text]));
  const result = loadRules(files, {
    fields: FIELDS,
    base: baseRules(),
    warnsOfBase: true,
    sentEvents: sentEvents(PROBE_EVENTS, DEFAULT_BASE_SYSCALLS),
  });
  const isOk = result.files.every((file) => file.errors.length === 0);
  if (!isOk) process.exitCode = EXIT.finding;
  if (options.json === true) {
    printJson(falcoLoadResults(result.files, texts));
    return;
  }
  for (const file of result.files) {
    for (const diagnostic of [...file.errors, ...file.warnings])
      printLine(formatDiagnostic(diagnostic, texts.get(file.name) ?? ""));
    const state = file.errors.length > 0 ? counted(file.errors.length, "error") : "ok";
    printLine(
      `${file.name}: ${state}${file.warnings.length > 0 ? `, ${counted(file.warnings.length, "warning")}` : ""}`,
    );
  }
  for (const note of shadowingNotes(result.rules.filter((rule) => rule.enabled)))
    printLine(`note: ${note}`);
  if (!isOk) return;
  const { rules, correlations } = result;
  const kinds = (["count", "sequence"] as const).map((kind): [number, string] => [
    correlations.filter((one) => one.kind === kind).length,
    kind,
  ]);
  const more = kinds.filter(([count]) => count > 0).map(([count, kind]) => counted(count, kind));
  const off = [...rules, ...correlations].filter(({ enabled }) => !enabled).length;
  const loaded = [counted(rules.length, "rule"), ...more].join(", ");
  printLine(off === 0 ? loaded : `${loaded}; ${off} of them switched off`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
