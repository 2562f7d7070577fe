import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { ownReportPlaces } from "../config/report-places.ts";
import { durationMs } from "../lib/duration.ts";
import { AppError } from "../lib/errors.ts";
import { escaped } from "../reports/escaped.ts";
import {
  addSilence,
  readSilencedCounts,
  readSilences,
  removeSilence,
} from "../store/silence-folder.ts";
import { scopeText, type Silence, untilText } from "../store/silence.ts";
import { EXIT } from "./exit.ts";
import { historyFiles } from "./history-files.ts";
import { printAside, printJson, printLine } from "./print.ts";
import { type ServeOptions, serveSettings } from "./serve-options.ts";

/** The options of `saker silence`, as they were typed. */
export interface SilenceOptions extends ServeOptions {
  readonly field: readonly string[];
  readonly for?: string;
  readonly because?: string;
}

/** `saker silence RULE`: a watch that runs takes it up within a second, one to come at its start. */
export async function silence(
  rule: string | undefined,
  { field, because = "", ...options }: SilenceOptions,
): Promise<void> {
  if (rule === undefined) throw usage("it needs the name of a rule");
  if (options.for === undefined) throw usage("it needs an end");
  const ms = durationMs(options.for);
  // As of a bare number, which elsewhere is seconds, nobody would mean them here.
  if (ms === undefined || /^[\d.]+$/.test(options.for.trim()))
    throw usage(`"${options.for}" is no time with a unit, such as 30m, 2h or 7d`);
  const fields = Object.fromEntries(field.map(namedValue));
  const added = await addSilence(folderOf(options), { rule, fields, because, ms }, Date.now());
  printLine(added.id);
  printAside(`saker: ${scopeText(added)} is silenced until ${untilText(added.until)}`);
}

/** `saker silence list`: those that hold, the next to end first. */
export async function listSilences(
  options: ServeOptions & { readonly json?: boolean },
): Promise<void> {
  const folder = folderOf(options);
  const [{ silences, unreadable }, counts] = [
    await readSilences(folder),
    await readSilencedCounts(folder),
  ];
  const now = Date.now();
  const running = [...silences.values()].filter(({ until }) => until > now);
  for (const one of running.toSorted((a, b) => a.until - b.until)) {
    const count = counts.get(one.id) ?? 0;
    if (options.json === true) printJson({ ...one, count });
    else printLine(lineOf(one, count));
  }
  if (running.length === 0 && options.json !== true) printAside("saker: nothing is silenced");
  for (const name of unreadable) printAside(`saker: warning: ${folder}/${name} is not a silence`);
}

/** `saker silence end ID` */
export async function endSilence(id: string, options: ServeOptions): Promise<void> {
  const folder = folderOf(options);
  const count = (await readSilencedCounts(folder)).get(id) ?? 0;
  if (await removeSilence(folder, id)) return printAside(`saker: it had silenced ${count} alerts`);
  printAside(`saker: there is no silence "${id}": saker silence list shows them`);
  process.exitCode = EXIT.finding;
}

function lineOf(silence: Silence, count: number): string {
  const { id, until, because } = silence;
  return escaped(
    `${id}  until ${untilText(until)}  ${count} silenced  ${scopeText(silence)}: ${because}`,
  );
}

function namedValue(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  if (at <= 0) throw usage(`"${text}" is not NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Throws `USAGE_SILENCE` where no watch has been. */
function folderOf(options: ServeOptions): string {
  const { store } = serveSettings(options).settings;
  const { folder: reports } = ownReportPlaces(options.report, process.cwd());
  const { silenceFolder: folder } = historyFiles(store, reports);
  if (existsSync(dirname(folder))) return folder;
  throw new AppError("USAGE_SILENCE", `Cannot find silences: there is no ${dirname(folder)}`, {
    hint: "start saker watch first, or name its report folder with --report",
  });
}

function usage(state: string): AppError {
  return new AppError("USAGE_SILENCE", `Cannot silence alerts: ${state}`, {
    hint: 'saker silence "RULE" --field container.name=web --for 2h --because "WHY"',
  });
}
