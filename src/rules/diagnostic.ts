import type { Place } from "../lib/errors.ts";

/** Falco's codes for what can be wrong with rules (Falco, load result). */
export type ErrorCode =
  | "LOAD_ERR_FILE_READ"
  | "LOAD_ERR_YAML_PARSE"
  | "LOAD_ERR_YAML_VALIDATE"
  | "LOAD_ERR_COMPILE_CONDITION"
  | "LOAD_ERR_COMPILE_OUTPUT"
  | "LOAD_ERR_VALIDATE"
  | "LOAD_ERR_EXTENSION";
/** Those of Falco, and after them our own. */
export type WarningCode =
  | "LOAD_UNKNOWN_SOURCE"
  | "LOAD_UNSAFE_NA_CHECK"
  | "LOAD_NO_EVTTYPE"
  | "LOAD_UNKNOWN_FILTER"
  | "LOAD_UNUSED_MACRO"
  | "LOAD_UNUSED_LIST"
  | "LOAD_UNKNOWN_ITEM"
  | "LOAD_DEPRECATED_ITEM"
  | "LOAD_WARNING_EXTENSION"
  | "LOAD_APPEND_NO_VALUES"
  | "LOAD_EXCEPTION_NAME_NOT_UNIQUE"
  | "LOAD_INVALID_MACRO_NAME"
  | "LOAD_INVALID_LIST_NAME"
  | "LOAD_COMPILE_CONDITION"
  | "LOAD_UNKNOWN_KEY"
  | "LOAD_BASE_NAME"
  | "LOAD_UNSEEN_EVENTS"
  | "LOAD_EMPTY_DOCUMENT";

/** Whether a code keeps a file from loading. */
export function isErrorCode(code: ErrorCode | WarningCode): boolean {
  return code.startsWith("LOAD_ERR_");
}

/** What a diagnostic is about, in Falco's words. */
export type ItemType =
  | "rule"
  | "macro"
  | "list"
  | "count"
  | "sequence"
  | "exception"
  | "required_engine_version"
  | "required_plugin_versions"
  | "rules content";

/** One error or warning about a rules file. */
export interface Diagnostic {
  readonly code: ErrorCode | WarningCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly place?: Place | undefined;
  readonly itemType?: ItemType | undefined;
  readonly itemName?: string | undefined;
}

/** Longest piece of a source line that is shown. */
const MAX_LINE = 160;

/**
 * `FILE:LINE:COL: error CODE: message`, the line itself, a caret under what is meant, and the hint.
 */
export function formatDiagnostic(diagnostic: Diagnostic, text: string): string {
  const { code, message, hint, place, itemType, itemName } = diagnostic;
  const level = isErrorCode(code) ? "error" : "warning";
  const where = place === undefined ? "" : `${place.source}:${place.line}:${place.column}: `;
  const what = itemName === undefined ? "" : ` (${itemType ?? "item"} "${itemName}")`;
  const lines = [`${where}${level} ${code}: ${message}${what}`];
  if (place !== undefined) lines.push(...excerpt(place, text));
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.join("\n");
}

/** The line of a place, and a caret under what is meant. */
export function excerpt(place: Place, text: string): string[] {
  const line = (text.split("\n", place.line)[place.line - 1] ?? "")
    .replace(/\r$/, "")
    .replaceAll("\t", " ");
  const start = place.column - 1 > MAX_LINE - 40 ? place.column - 41 : 0;
  const shown = line.slice(start, start + MAX_LINE);
  const at = place.column - 1 - start;
  const length = Math.max(1, Math.min(place.length, shown.length - at));
  return [`  ${shown}`, `  ${" ".repeat(at)}${"^".repeat(length)}`];
}
