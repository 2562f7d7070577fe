import { ownHostPid } from "../capture/own-process.ts";
import type { LoadedConfig } from "../config/config-file.ts";
import { hostNameOf } from "../config/host-name.ts";
import type { Settings } from "../config/settings.ts";
import { INHERITED_PROBE, inheritedProbe } from "./confinement.ts";
import type { Subscriber } from "../engine/news-stream.ts";
import type { ReportPlaces } from "../config/report-places.ts";
import { RuleMeter } from "../engine/rule-meter.ts";
import { startWatch, type Watch, type WatchSource } from "../engine/watch.ts";
import { ReportFolder } from "../outputs/report-folder.ts";
import { openOutputs } from "../outputs/open-outputs.ts";
import type { Output } from "../outputs/output.ts";
import { PROBE_EVENTS } from "../events/probe-events.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import { parseDuration } from "./duration.ts";
import { EXIT } from "./exit.ts";
import { LiveRules } from "./live-rules.ts";
import { loadRuleSet } from "./load-rule-set.ts";
import { formatOf } from "./format-of.ts";
import { utcOffsetMinutes } from "./local-time.ts";
import { reopenOnSignal } from "./reopen-signal.ts";
import { endSoon, stopSignal, untilStopped } from "./stop.ts";
import { Terminal } from "./terminal.ts";
import type { Source, WatchOptions } from "./watch-options.ts";
import { statsText, watchSummary } from "./watch-summary.ts";

/** What the options mean. */
export interface ReadOptions {
  readonly source: Source;
  readonly loaded: LoadedConfig;
  readonly places: ReportPlaces;
}

/** `saker watch`: the main job, until Ctrl-C or for `--duration`. */
export async function watch(options: WatchOptions, read: ReadOptions): Promise<void> {
  const { settings, notes } = read.loaded;
  const durationMs =
    options.duration === undefined ? undefined : parseDuration(options.duration, "--duration");
  const json = options.json === true;
  const audits = !json || options.withAudits === true;
  const terminal = new Terminal({ json, audits, log: settings.log });
  for (const note of [...notes, ...read.places.notes]) terminal.note(note);
  // Heard from here on: who stops a watch that is still starting gets its summary, too.
  const stop = new AbortController();
  const stopped = stopSignal().then(() => stop.abort());
  const meter =
    options.stats === true ? new RuleMeter({ now: () => performance.now() }) : undefined;
  const rules = read.source.kind === "kernel" ? rulesOf(options, settings, terminal) : undefined;
  const reports = new ReportFolder(read.places.folder);
  const outputs = await outputsOf(options, read, { reports, terminal });
  const endReopening = reopenOnSignal(outputs);
  const alerts = new AlertCount();
  let running: Watch | undefined;
  try {
    running = await startWatch({
      source: sourceOf(read.source, rules?.loaded.set, meter),
      hostname: hostNameOf(process.env),
      utcOffsetMinutes,
      settings,
      reports: options.audit ? reports : undefined,
      subscribers: [terminal, alerts, ...outputs],
      environment: process.env,
      ownPid: ownHostPid(),
      isRoot: process.geteuid?.() === 0,
      signal: stop.signal,
    });
    const { useRules, stats, ended } = running;
    rules?.follow({
      files: settings.watchRules,
      use: (changed) => useRules(meter?.wrap(changed) ?? changed),
    });
    const ticker =
      options.stats === true
        ? setInterval(
            () => terminal.note(statsText(stats(), meter, process.memoryUsage.rss())),
            STATS_INTERVAL_MS,
          )
        : undefined;
    const why = await untilStopped(stopped, durationMs, ended);
    if (why === "drops") process.exitCode = EXIT.finding;
    clearInterval(ticker);
  } finally {
    rules?.close();
    await running?.close();
    await Promise.all(outputs.map((output) => output.close()));
    endReopening();
    endSoon();
  }
  for (const line of watchSummary(running.stats(), { alerts: alerts.count, outputs }))
    terminal.note(line);
}

const STATS_INTERVAL_MS = 5000;

/** Counts alerts, whatever becomes of them. */
class AlertCount implements Subscriber {
  readonly name = "count";
  count = 0;

  take({ kind }: Parameters<Subscriber["take"]>[0]): void {
    if (kind === "alert") this.count += 1;
  }
}

function sourceOf(
  source: Source,
  rules: RuleSet | undefined,
  meter: RuleMeter | undefined,
): WatchSource {
  if (source.kind === "falco")
    return { kind: "falco", input: source.file === "-" ? process.stdin : source.file };
  if (rules === undefined) throw new Error("a kernel is watched by rules");
  const probe = inheritedProbe(process.env);
  // It is of no use to anybody a second time.
  delete process.env[INHERITED_PROBE];
  return { kind: "kernel", by: source.by, rules: meter?.wrap(rules) ?? rules, probe };
}

function rulesOf(options: WatchOptions, settings: Settings, terminal: Terminal): LiveRules {
  const paths = options.rules.length > 0 ? options.rules : settings.rulesFiles;
  const load = () =>
    loadRuleSet(paths, {
      settings,
      enable: settings.hostPorts || options.hostPorts === true ? ["Port opened on host"] : [],
      ...(options.source === "sockets" ? {} : { seenEvents: PROBE_EVENTS }),
      onWarning: (text) => terminal.note(text),
    });
  return new LiveRules({ paths, load, terminal });
}

function outputsOf(
  options: WatchOptions,
  { source, loaded: { settings }, places }: ReadOptions,
  { reports, terminal }: { readonly reports: ReportFolder; readonly terminal: Terminal },
): Promise<readonly Output[]> {
  return openOutputs(settings.outputs, {
    format: formatOf(settings),
    json: settings.jsonOutput,
    stdout: {
      stream: process.stdout,
      json: options.json === true ? true : undefined,
      paint: terminal.paint,
    },
    environment: process.env,
    report: {
      alertFiles: [reports.alertsFile, ...places.alertFiles],
      openPortFiles: [reports.openPortFile, ...places.openPortFiles],
    },
    sourceFile: source.kind === "falco" && source.file !== "-" ? source.file : undefined,
    onProblem: (text) => terminal.problem(text),
    onNote: (text) => terminal.note(text),
  });
}
