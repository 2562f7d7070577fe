import { statSync } from "node:fs";
import { jsonLine, textLine } from "../alerts/format.ts";
import type { CaptureEnd } from "../capture/capture-parser.ts";
import { loadConfig } from "../config/config-file.ts";
import { hostNameOf } from "../config/host-name.ts";
import type { Settings } from "../config/settings.ts";
import type { Subscriber } from "../engine/news-stream.ts";
import { RuleMeter } from "../engine/rule-meter.ts";
import { startWatch } from "../engine/watch.ts";
import type { CaptureStats, WatchStats } from "../engine/watch-options.ts";
import { AppError } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { compileRuleSet, type RuleSet } from "../rules/rule-set.ts";
import { formatOf } from "./format-of.ts";
import { utcOffsetMinutes } from "./local-time.ts";
import { loadRuleSet } from "./load-rule-set.ts";
import { parseMoment } from "./moment.ts";
import { Progress } from "./progress.ts";
import { stopSignal } from "./stop.ts";
import { printTable } from "./table.ts";
import { Terminal } from "./terminal.ts";
import { correlatorLines } from "./missed.ts";
import { parseWhere } from "./where.ts";
import { printJson, printLine } from "./print.ts";

/** The options of `saker replay`, as they were typed. */
export interface ReplayCommandOptions {
  readonly rules: readonly string[];
  readonly config?: string;
  /** `key=value` over the configuration. */
  readonly override?: readonly string[];
  readonly json?: boolean;
  readonly stats?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly where?: string;
  readonly write?: string;
}

/**
 * `saker replay FILE`: rules over a capture; alerts on standard output, with `--write` the events
 * that `--where` means into another capture.
 */
export async function replay(path: string, options: ReplayCommandOptions): Promise<void> {
  const terminal = new Terminal({ json: options.json === true });
  const settings = settingsOf(options, terminal);
  const meter =
    options.stats === true ? new RuleMeter({ now: () => performance.now() }) : undefined;
  const rules = rulesOf(options, settings, terminal);
  const copyTo = options.write === undefined ? undefined : another(options.write, path);
  const progress = new Progress(statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const printer = new AlertPrinter({
    options,
    settings,
    terminal,
    onPrint: () => progress.clear(),
  });
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const started = performance.now();
  const usageBefore = process.cpuUsage();
  const watch = await startWatch({
    source: {
      kind: "capture",
      file: path,
      rules: meter?.wrap(rules) ?? rules,
      where: options.where === undefined ? undefined : parseWhere(options.where),
      ...windowOf(options),
      copyTo,
      onProgress: (bytes) =>
        progress.update(bytes, () => progressText(watch.stats(), printer.alerts)),
    },
    hostname: hostNameOf(process.env),
    utcOffsetMinutes,
    settings,
    reports: undefined,
    subscribers: [terminal, printer],
    environment: process.env,
    ownPid: process.pid,
    isRoot: false,
    signal: stop.signal,
  });
  try {
    await watch.ended;
  } finally {
    progress.clear();
    await watch.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(usageBefore);
  const { capture } = watch.stats();
  if (capture?.end === undefined) return;
  for (const text of shortcomings(path, capture, capture.end)) terminal.problem(text);
  const costs = { seconds, cpuSeconds: (user + system) / 1e6 };
  const outcome: Outcome = { path, capture, end: capture.end, printer, ...costs, rules, meter };
  if (options.stats === true) printStats(outcome, options.json === true);
  terminal.note(summary(outcome, copyTo));
}

function progressText({ capture }: WatchStats, alerts: number): string {
  return `${count(capture?.shown ?? 0)} events, ${alerts} alerts`;
}

/** Prints alerts and counts them by rule. */
class AlertPrinter implements Subscriber {
  readonly name = "alerts";
  readonly byRule = new Map<string, number>();
  readonly #options: AlertPrinterOptions;
  alerts = 0;

  constructor(options: AlertPrinterOptions) {
    this.#options = options;
  }

  take(news: News): void {
    if (news.kind !== "alert") return;
    const { alert } = news;
    this.alerts += 1;
    this.byRule.set(alert.rule, (this.byRule.get(alert.rule) ?? 0) + 1);
    const { options, settings, terminal, onPrint } = this.#options;
    if (!settings.outputs.stdout.enabled) return;
    onPrint();
    const format = formatOf(settings);
    const isJson = options.json === true || settings.jsonOutput;
    printLine(isJson ? jsonLine(alert, format) : terminal.piece(alert, textLine(alert, format)));
  }
}

interface AlertPrinterOptions {
  readonly options: ReplayCommandOptions;
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly onPrint: () => void;
}

/** What of the file was not replayed as it should be. */
function shortcomings(path: string, capture: CaptureStats, end: CaptureEnd): string[] {
  const { refusedThreads, correlator } = capture;
  return [
    end.truncated === undefined
      ? ""
      : `capture "${path}" is not whole: ${end.truncated}; what comes before was replayed`,
    end.unknown === 0
      ? ""
      : `${end.unknown} events are of types that Saker's schema does not know: they were counted, and no rule was asked about them`,
    end.evicted === 0
      ? ""
      : `${end.evicted} enter events had no room until their exits came: those lack their parameters`,
    refusedThreads === 0
      ? ""
      : `${refusedThreads} threads had no room in the table: they are known by their own events alone`,
    ...correlatorLines(correlator),
  ].filter((text) => text !== "");
}

function summary({ path, capture, end, printer, seconds }: Outcome, copyTo: string | undefined) {
  const copied =
    copyTo === undefined ? "" : `; ${count(capture.copied)} events written to ${copyTo}`;
  return `${path}: ${count(capture.shown)} events in ${seconds.toFixed(2)} s (${rate(end.events / seconds)} events/s), ${printer.alerts} alerts${copied}`;
}

interface Outcome {
  readonly path: string;
  readonly capture: CaptureStats;
  readonly end: CaptureEnd;
  readonly printer: AlertPrinter;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rules: RuleSet;
  readonly meter: RuleMeter | undefined;
}

function printStats(outcome: Outcome, json: boolean): void {
  if (json) printJson({ stats: statsJson(outcome) });
  else printTables(outcome);
}

function statsJson({ path, capture, end, printer, seconds, cpuSeconds, rules }: Outcome) {
  return {
    capture: path,
    bytes: end.bytes,
    // Those that rules were asked about: the sum of `eventsByType`.
    events: capture.shown,
    read: end.events,
    merged: end.merged,
    unknown: end.unknown,
    unknownBlocks: end.unknownBlocks,
    truncated: end.truncated ?? null,
    alerts: printer.alerts,
    rules: rules.rules.length,
    seconds,
    cpuSeconds,
    eventsPerSecond: end.events / seconds,
    threads: capture.threads,
    eventsByType: Object.fromEntries(capture.byType),
    alertsByRule: Object.fromEntries(matchedRules(printer)),
  };
}

/** The rule with most alerts first. */
function matchedRules({ byRule }: AlertPrinter): [string, number][] {
  return [...byRule].toSorted(([, left], [, right]) => right - left);
}

function printTables(outcome: Outcome): void {
  const { capture, end, printer, seconds, cpuSeconds, rules, meter } = outcome;
  const share = (part: number): string =>
    `${((100 * part) / Math.max(1, capture.shown)).toFixed(1)} %`;
  printTable(
    ["EVENT", "COUNT", "SHARE"],
    capture.byType.map(([name, events]) => [name, String(events), share(events)]),
  );
  const matched = matchedRules(printer).map(([name, matches]) => [name, String(matches)]);
  if (matched.length > 0) {
    printLine("");
    printTable(["RULE", "ALERTS"], matched);
  }
  printCosts(meter);
  printLine("");
  printLine(
    `${count(capture.shown)} events; ${count(end.events)} in the capture with those that make its state alone, ${count(end.unknown)} of unknown types, and ${count(end.merged)} enter events merged into their exits; ${count(end.bytes)} bytes`,
  );
  printLine(
    `${rules.rules.length} rules, ${printer.alerts} alerts; ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of processor time: ${rate(end.events / cpuSeconds)} events a processor second`,
  );
}

function printCosts(meter: RuleMeter | undefined): void {
  const costly = meter?.top(COSTLY_RULES_MAX) ?? [];
  if (costly.length === 0) return;
  printLine("");
  printTable(
    ["TIME IN RULE", "EVALUATIONS", "NS EACH", "RULE"],
    costly.map((rule) => [
      `${Math.round(rule.share * 100)} %`,
      String(rule.evaluations),
      String(Math.round(rule.meanNs)),
      rule.name,
    ]),
  );
}

const COSTLY_RULES_MAX = 10;

function windowOf({ from, to }: ReplayCommandOptions) {
  return {
    ...(from === undefined ? {} : { from: parseMoment(from, "--from", utcOffsetMinutes) }),
    ...(to === undefined ? {} : { to: parseMoment(to, "--to", utcOffsetMinutes) }),
  };
}

/** Writing would empty the file before it is read. Throws `USAGE_WRITE` when both are one file. */
function another(written: string, read: string): string {
  const [target, source] = [written, read].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (
    target === undefined ||
    target.isCharacterDevice() ||
    target.dev !== source?.dev ||
    target.ino !== source.ino
  )
    return written;
  throw new AppError("USAGE_WRITE", `Cannot write "${written}": it is the capture that is read`, {
    hint: "name another file with --write",
  });
}

/** No rules where events are only written, none were named. */
function rulesOf(options: ReplayCommandOptions, settings: Settings, terminal: Terminal): RuleSet {
  const paths = options.rules.length > 0 ? options.rules : settings.rulesFiles;
  if (options.write !== undefined && options.rules.length === 0 && options.config === undefined)
    return compileRuleSet([], { matching: "first" });
  return loadRuleSet(paths, { settings, enable: [], onWarning: (text) => terminal.note(text) }).set;
}

function settingsOf(options: ReplayCommandOptions, terminal: Terminal): Settings {
  const { config, override } = options;
  const { settings, notes } = loadConfig(config, {
    environment: process.env,
    overrides: override,
    rules: options.rules,
  });
  for (const note of notes) terminal.note(note);
  return settings;
}

function count(value: number): string {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, " ");
}

function rate(perSecond: number): string {
  return perSecond >= 1e6
    ? `${(perSecond / 1e6).toFixed(2)} M`
    : perSecond >= 1e3
      ? `${Math.round(perSecond / 1e3)} k`
      : String(Math.round(perSecond));
}
