import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import type { Alert } from "../alerts/alert.ts";
import { type FormatOptions, jsonLine, textLine } from "../alerts/format.ts";
import { makeAlert } from "../alerts/make-alert.ts";
import { type CaptureEnd, readCapture } from "../capture/scap-reader.ts";
import { loadConfig } from "../config/config-file.ts";
import { hostNameOf } from "../config/host-name.ts";
import { DEFAULT_SETTINGS, type Settings } from "../config/settings.ts";
import { Replay } from "../engine/replay.ts";
import { RuleMeter } from "../engine/rule-meter.ts";
import { AppError } from "../lib/errors.ts";
import { compileRuleSet, type RuleSet } from "../rules/rule-set.ts";
import { CaptureCopy } from "../engine/capture-copy.ts";
import { formatOf } from "./format-of.ts";
import { utcOffsetMinutes } from "./local-time.ts";
import { loadRuleSet } from "./load-rule-set.ts";
import { parseMoment } from "./moment.ts";
import { Progress } from "./progress.ts";
import { stopSignal } from "./stop.ts";
import { printTable } from "./table.ts";
import { Terminal } from "./terminal.ts";
import { parseWhere } from "./where.ts";

export interface ReplayCommandOptions {
  readonly rules: readonly string[];
  readonly config?: string;
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
  const where = options.where === undefined ? undefined : parseWhere(options.where);
  const copy =
    options.write === undefined ? undefined : new CaptureCopy(another(options.write, path));
  const format = formatOf(settings);
  const byRule = new Map<string, number>();
  const progress = new Progress(statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  let alerts = 0;
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const run = new Replay({
    rules: meter?.wrap(rules) ?? rules,
    hostname: hostNameOf(process.env),
    utcOffsetMinutes,
    ...windowOf(options, () => stop.abort()),
    ...(where === undefined ? {} : { where }),
    onMatch: (rule, scene) => {
      alerts += 1;
      byRule.set(rule.name, (byRule.get(rule.name) ?? 0) + 1);
      const alert = makeAlert(rule, scene, randomUUID());
      progress.clear();
      if (settings.outputs.stdout.enabled)
        printAlert(alert, { format, json: options.json === true || settings.jsonOutput, terminal });
    },
  });
  const started = performance.now();
  const usageBefore = process.cpuUsage();
  let end: CaptureEnd;
  try {
    const onProgress = (bytes: number): void =>
      progress.update(bytes, () => `${count(run.shown)} events, ${alerts} alerts`);
    end = await readCapture(path, copy === undefined ? run : copy.beside(run), {
      signal: stop.signal,
      onProgress,
    });
  } finally {
    progress.clear();
    copy?.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(usageBefore);
  if (end.truncated !== undefined)
    terminal.problem(
      `capture "${path}" is not whole: ${end.truncated}; what comes before was replayed`,
    );
  if (end.unknown > 0)
    terminal.problem(
      `${end.unknown} events are of types that Saker's schema does not know: they were counted, and no rule was asked about them`,
    );
  if (run.threads.refused > 0)
    terminal.problem(
      `${run.threads.refused} threads had no room in the table: they are known by their own events alone`,
    );
  const told: Told = {
    path,
    run,
    end,
    alerts,
    byRule,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    rules,
    meter,
  };
  if (options.stats === true) printStats(told, options.json === true);
  terminal.note(
    `${path}: ${count(run.shown)} events in ${seconds.toFixed(2)} s (${rate(end.events / seconds)} events/s), ${alerts} alerts${copy === undefined ? "" : `; ${count(copy.written)} events written to ${options.write ?? ""}`}`,
  );
}

function printAlert(
  alert: Alert,
  { format, json, terminal }: { format: FormatOptions; json: boolean; terminal: Terminal },
): void {
  const line = json ? jsonLine(alert, format) : terminal.paint(alert, textLine(alert, format));
  process.stdout.write(`${line}\n`);
}

interface Told {
  readonly path: string;
  readonly run: Replay;
  readonly end: CaptureEnd;
  readonly alerts: number;
  readonly byRule: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rules: RuleSet;
  readonly meter: RuleMeter | undefined;
}

function printStats(
  { path, run, end, alerts, byRule, seconds, cpuSeconds, rules, meter }: Told,
  json: boolean,
): void {
  const types = run.byType();
  const matched = [...byRule].toSorted(([, left], [, right]) => right - left);
  if (json) {
    const stats = {
      capture: path,
      bytes: end.bytes,
      // Those that rules were asked about: the sum of `eventsByType`.
      events: run.shown,
      read: end.events,
      merged: end.merged,
      unknown: end.unknown,
      unknownBlocks: end.unknownBlocks,
      truncated: end.truncated ?? null,
      alerts,
      rules: rules.rules.length,
      seconds,
      cpuSeconds,
      eventsPerSecond: end.events / seconds,
      threads: run.threads.size,
      eventsByType: Object.fromEntries(types),
      alertsByRule: Object.fromEntries(matched),
    };
    process.stdout.write(`${JSON.stringify({ stats })}\n`);
    return;
  }
  const share = (part: number): string => `${((100 * part) / Math.max(1, run.shown)).toFixed(1)} %`;
  printTable(
    ["EVENT", "COUNT", "SHARE"],
    types.map(([name, events]) => [name, String(events), share(events)]),
  );
  if (matched.length > 0) {
    console.log("");
    printTable(
      ["RULE", "ALERTS"],
      matched.map(([name, matches]) => [name, String(matches)]),
    );
  }
  const costly = meter?.top(MAX_COSTLY_RULES) ?? [];
  if (costly.length > 0) {
    console.log("");
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
  console.log("");
  console.log(
    `${count(run.shown)} events; ${count(end.events)} in the capture with those that make its state alone, ${count(end.unknown)} of unknown types, and ${count(end.merged)} enter events merged into their exits; ${count(end.bytes)} bytes`,
  );
  console.log(
    `${rules.rules.length} rules, ${alerts} alerts; ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of processor time: ${rate(end.events / cpuSeconds)} events a processor second`,
  );
}

const MAX_COSTLY_RULES = 10;

function windowOf({ from, to }: ReplayCommandOptions, onPast: () => void) {
  return {
    ...(from === undefined ? {} : { from: parseMoment(from, "--from", utcOffsetMinutes) }),
    ...(to === undefined ? {} : { to: parseMoment(to, "--to", utcOffsetMinutes), onPast }),
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
  if (options.config === undefined) return DEFAULT_SETTINGS;
  const { settings, notes } = loadConfig(options.config, { environment: process.env });
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
