import { join } from "node:path";
import { ownReportPlaces } from "../config/report-places.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { REFUSED_FILE } from "../outputs/refused-file.ts";
import {
  type RefusedEntries,
  refusedEntries,
  type RefusedEntry,
} from "../outputs/refused-lines.ts";
import { escaped } from "../reports/escaped.ts";
import { printAside, printJson, printLine } from "./print.ts";

/** The options of `saker outputs refused`, as they were typed. */
export interface RefusedOptions {
  readonly report?: string;
  readonly json?: boolean;
}

/**
 * `saker outputs refused [NAME]`: what was refused for good and what the other side answered, of one
 * output or all, the newest last. Throws `INPUT_REFUSED`.
 */
export function listRefused(name: string | undefined, { report, json }: RefusedOptions): void {
  const path = join(ownReportPlaces(report, process.cwd()).folder, REFUSED_FILE);
  const { entries, leftOut, unreadable } = entriesIn(path);
  const chosen = entries.filter(({ output }) => name === undefined || output === name);
  for (const entry of chosen)
    if (json === true) printJson(entry);
    else printLine(textOf(entry));
  if (chosen.length === 0) printAside(noneText(path, name, entries));
  if (leftOut > 0) printAside(`saker: note: ${leftOut} more came too fast to be kept`);
  if (unreadable > 0) printAside(`saker: warning: ${unreadable} lines of ${path} cannot be read`);
}

function entriesIn(path: string): RefusedEntries {
  try {
    return refusedEntries(path);
  } catch (thrown) {
    throw new AppError("INPUT_REFUSED", `Cannot read "${path}": ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function textOf({ time, output, target, reason, line }: RefusedEntry): string {
  return escaped(`${time}  ${output} at ${target}: ${reason}: ${line}`);
}

function noneText(
  path: string,
  name: string | undefined,
  entries: readonly RefusedEntry[],
): string {
  const others = [...new Set(entries.map(({ output }) => output))].join(", ");
  const what = name === undefined ? "nothing" : `nothing of ${name}`;
  const of = others === "" ? "" : `; it has lines of ${others}`;
  return `saker: ${what} stands in ${path}${of}`;
}
