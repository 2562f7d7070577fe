import { randomUUID } from "node:crypto";
import type { Alert } from "../alerts/alert.ts";
import {
  CUT_REASONS,
  type CutCounts,
  LOSS_REASONS,
  type LossCounts,
  lostRecords,
} from "../capture/losses.ts";
import type { LoadedConfig } from "../config/config-file.ts";
import { hostNameOf } from "../config/host-name.ts";
import type { Settings } from "../config/settings.ts";
import type { ProbeCounters } from "../capture/probe.ts";
import { HANDED, handedProbe } from "../engine/confinement.ts";
import { AlertWriter } from "../engine/alert-writer.ts";
import { AlertWatch } from "../engine/alert-watch.ts";
import type { Loss } from "../engine/drop-watch.ts";
import type { HostNamesStats } from "../engine/host-names.ts";
import { LiveWatch, type LiveWatchOptions } from "../engine/live-watch.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { MatchCaptures } from "../engine/match-captures.ts";
import { PortExaminer } from "../engine/port-examiner.ts";
import { ReportFolder } from "../engine/report-folder.ts";
import { RuleMeter } from "../engine/rule-meter.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import { parseDuration } from "./duration.ts";
import { EXIT } from "./exit.ts";
import { utcOffsetMinutes } from "./local-time.ts";
import { LiveRules } from "./live-rules.ts";
import { loadRuleSet } from "./load-rule-set.ts";
import { stopSignal, untilStopped } from "./stop.ts";
import { Terminal } from "./terminal.ts";
import { VERSION } from "./version.ts";
import type { Source, WatchOptions } from "./watch-options.ts";

/** What the options mean. */
export interface ReadOptions {
  readonly source: Source;
  readonly loaded: LoadedConfig;
}

/** `saker watch`: the main job, until Ctrl-C or for `--duration`. */
export async function watch(
  options: WatchOptions,
  { source, loaded: { settings, ignored } }: ReadOptions,
): Promise<void> {
  const durationMs =
    options.duration === undefined ? undefined : parseDuration(options.duration, "--duration");
  const terminal = new Terminal({ json: options.json === true });
  for (const key of ignored) terminal.note(`${key} is not used by Saker ${VERSION}`);
  // Heard from here on: who stops a watch that is still starting gets its summary, too.
  const ended = Promise.withResolvers<void>();
  const stopped = Promise.race([stopSignal(), ended.promise]);
  const stop = ended.resolve;
  if (source.kind === "falco")
    await watchFalco(source.file, { options, settings, terminal, stopped, stop, durationMs });
  else await watchKernel({ options, settings, terminal, stopped, stop, durationMs }, source.by);
}

interface Run {
  readonly options: WatchOptions;
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly stopped: Promise<void>;
  readonly stop: () => void;
  readonly durationMs: number | undefined;
}

async function watchKernel(run: Run, source: LiveWatchOptions["source"]): Promise<void> {
  const { options, settings, terminal } = run;
  const rules = rulesOf(run);
  const meter =
    options.stats === true ? new RuleMeter({ now: () => performance.now() }) : undefined;
  const metered = (set: RuleSet): RuleSet => meter?.wrap(set) ?? set;
  const outlets = openOutlets(run, undefined);
  let live: LiveWatch | undefined;
  const containers = containersOfHost({
    environment: process.env,
    onProblem: (text) => terminal.problem(text),
    onStopped: (container) => live?.containerStopped(container),
  });
  const captures =
    settings.capture === undefined
      ? undefined
      : new MatchCaptures({
          settings: settings.capture,
          containers,
          onNote: (text) => terminal.note(text),
          onProblem: (text) => terminal.problem(text),
          onLimit: (path) => outlets.onAlert(captureLimitAlert(path, hostNameOf(process.env))),
        });
  try {
    live = new LiveWatch({
      rules: metered(rules.loaded.set),
      source,
      handed: takeHandedProbe(),
      containers,
      hostname: hostNameOf(process.env),
      ringBytes: settings.ringBytes,
      utcOffsetMinutes,
      onAlert: outlets.onAlert,
      onNote: (text) => terminal.note(text),
      onProblem: (text) => terminal.problem(text),
      drops: { ...settings.drops, onTold: (loss) => tellLoss(loss, run, outlets.onAlert) },
      examiner: outlets.examiner,
      captures,
    });
    // After the probe: a host that cannot be watched is said at once, and what starts while the
    // runtimes answer is seen.
    await Promise.race([containers.start(), run.stopped]);
    const { set, files } = rules.loaded;
    const watching = live;
    rules.follow({
      files: settings.watchRules,
      use: (changed) => watching.useRules(metered(changed)),
    });
    terminal.note(
      `watching this host: ${live.variant === "sockets" ? "sockets and processes" : `eBPF (${live.variant})`}, ${set.rules.length} rules from ${files.length} files, ${containers.list().length} containers; reports in ${outlets.folder.path}`,
    );
    const ticker =
      options.stats === true
        ? setInterval(() => terminal.note(statsText(watching.stats(), meter)), STATS_INTERVAL_MS)
        : undefined;
    await Promise.race([live.start(), run.stopped]);
    await untilStopped(run.stopped, run.durationMs);
    clearInterval(ticker);
  } finally {
    rules.close();
    live?.close();
    containers.stop();
    outlets.close();
  }
  const { events, probe, openPorts, processes, refreshed } = live.stats();
  const dropped = lostRecords(probe.dropped) + outlets.dropped();
  terminal.note(
    `${events} events, ${dropped} dropped, ${outlets.alerts()} alerts, ${outlets.examined()} ports examined, ${openPorts} open; ${processes} processes known`,
  );
  if (probe.filtered > 0) terminal.note(kernelLine(probe));
  for (const line of cutLines(probe.cut)) terminal.note(line);
  if (refreshed > 0) terminal.note(`${refreshed} processes were looked up again after losses`);
  if (dropped > 0) terminal.note(dropLine(live, outlets.dropped()));
}

/** It is of no use to anybody a second time. */
function takeHandedProbe() {
  const handed = handedProbe(process.env);
  delete process.env[HANDED];
  return handed;
}

/** What syscall_event_drops says is to be done when events were lost. */
function tellLoss(
  loss: Loss,
  { settings, terminal, stop }: Run,
  onAlert: (alert: Alert) => void,
): void {
  const { actions } = settings.drops;
  const share = `${loss.events} of ${loss.seen} events were lost (${lossText(loss)})`;
  if (actions.includes("ignore")) return;
  if (actions.includes("log") || actions.includes("exit")) terminal.problem(share);
  if (actions.includes("alert")) onAlert(dropAlert(loss, hostNameOf(process.env)));
  if (!actions.includes("exit")) return;
  process.exitCode = EXIT.finding;
  stop();
}

/** As Falco tells it of itself. */
function dropAlert({ events, seen, ringFull, scratchBusy }: Loss, host: string): Alert {
  return {
    rule: "Falco internal: syscall event drop",
    priority: "Debug",
    source: "internal",
    tags: [],
    time: BigInt(Date.now()) * 1_000_000n,
    hostname: host,
    message: `Falco internal: syscall event drop. ${events} system calls dropped.`,
    outputFields: {
      n_evts: seen,
      n_drops: events,
      n_drops_buffer_total: ringFull,
      n_drops_scratch_map: scratchBusy,
      ebpf_enabled: 1,
    },
    uuid: randomUUID(),
  };
}

/** As Falco tells it of itself. */
function captureLimitAlert(path: string, host: string): Alert {
  return {
    rule: "Falco internal: capture size limit reached",
    priority: "Informational",
    source: "internal",
    tags: [],
    time: BigInt(Date.now()) * 1_000_000n,
    hostname: host,
    message: `Capture ${path} has reached its size limit (capture.max_file_size_mb): it ends here`,
    outputFields: { path },
    uuid: randomUUID(),
  };
}

function rulesOf({ options, settings, terminal }: Run): LiveRules {
  const paths = options.rules.length > 0 ? options.rules : settings.rulesFiles;
  const load = () =>
    loadRuleSet(paths, {
      settings,
      enable: settings.hostPorts || options.hostPorts === true ? ["Port opened on host"] : [],
      onWarning: (text) => terminal.note(text),
    });
  return new LiveRules({ paths, load, terminal });
}

async function watchFalco(file: string, run: Run): Promise<void> {
  const { terminal } = run;
  const outlets = openOutlets(run, file === "-" ? undefined : file);
  const containers = containersOfHost({
    environment: process.env,
    onProblem: (text) => terminal.problem(text),
  });
  await Promise.race([containers.start(), run.stopped]);
  const watch = new AlertWatch({
    containers,
    onAlert: outlets.onAlert,
    onProblem: (text) => terminal.problem(text),
    examiner: outlets.examiner,
    startedAt: BigInt(Date.now()) * 1_000_000n,
  });
  terminal.note(
    `watching Falco's alerts from ${file === "-" ? "standard input" : file}; reports in ${outlets.folder.path}`,
  );
  try {
    if (file === "-") await untilStopped(run.stopped, run.durationMs, watch.read(process.stdin));
    else {
      watch.follow(file);
      await untilStopped(run.stopped, run.durationMs);
    }
  } finally {
    watch.close();
    containers.stop();
    outlets.close();
  }
  const { badLines, pastPorts } = watch.stats();
  terminal.note(
    `${outlets.alerts()} alerts, ${badLines} bad lines, ${outlets.dropped()} dropped, ${outlets.examined()} ports examined, ${pastPorts} past ones left`,
  );
}

/** Where alerts and audits go: files, terminal, counters. */
function openOutlets({ options, settings, terminal }: Run, sourceFile: string | undefined) {
  const folder = new ReportFolder(options.report);
  const format = { isoTime: settings.timeFormatIso8601, utcOffsetMinutes };
  const onProblem = (text: string): void => terminal.problem(text);
  const writer = new AlertWriter({
    folder,
    format,
    json: settings.jsonOutput,
    extraFile: settings.fileOutput,
    sourceFile,
    onProblem,
  });
  let [alerts, examined] = [0, 0];
  const examiner = options.audit
    ? new PortExaminer({
        folder,
        onProblem,
        onReport: (report, stem) => {
          examined += 1;
          terminal.audit(report, stem);
        },
      })
    : undefined;
  return {
    folder,
    examiner,
    alerts: () => alerts,
    examined: () => examined,
    dropped: () => writer.dropped + (examiner?.dropped ?? 0),
    onAlert: (alert: Parameters<AlertWriter["write"]>[0]): void => {
      alerts += 1;
      const line = writer.write(alert);
      if (settings.stdoutEnabled) terminal.alert(alert, line, format);
    },
    close: (): void => {
      examiner?.close();
      writer.close();
    },
  };
}

const STATS_INTERVAL_MS = 5000;

function statsText(stats: ReturnType<LiveWatch["stats"]>, meter: RuleMeter | undefined): string {
  const { events, held, probe, processes, openPorts, hostNames } = stats;
  const megabytes = Math.round(process.memoryUsage.rss() / (1 << 20));
  const line = `${events} events (${lostRecords(probe.dropped)} dropped, ${held} waited), ${processes} processes, ${openPorts} open ports, ${megabytes} MB`;
  return [
    line,
    ...nameLines(hostNames),
    kernelLine(probe),
    ...cutLines(probe.cut),
    ...typeLines(probe),
    ...costLines(meter),
  ].join("\n");
}

/** Host names that stand in rules, with some that nothing can be compared with. */
function nameLines({ names, without }: HostNamesStats): string[] {
  if (names === 0) return [];
  const shown =
    without.slice(0, MAX_NAMES_SHOWN).join(", ") + (without.length > MAX_NAMES_SHOWN ? ", …" : "");
  return [
    `${names} host names in rules, ${without.length} without an address${shown === "" ? "" : `: ${shown}`}`,
  ];
}

const MAX_NAMES_SHOWN = 3;

/** What the kernel saw and what of it came out. */
function kernelLine({ seen, filtered, sent }: ProbeCounters): string {
  return `the kernel saw ${seen} calls of these events, kept ${filtered} that no rule can match, sent ${sent}`;
}

const MAX_EVENT_TYPES = 6;

/** The events that were seen most, with what became of them. */
function typeLines({ byCode }: ProbeCounters): string[] {
  const rows = [...byCode]
    .toSorted(([, left], [, right]) => right.seen - left.seen)
    .slice(0, MAX_EVENT_TYPES);
  return rows.map(
    ([code, { seen, filtered, sent, dropped }]) =>
      `  ${EVENT_TYPES[code]?.name ?? code}: ${seen} seen, ${filtered} kept in the kernel, ${sent} sent, ${dropped} dropped`,
  );
}

const MAX_COSTLY_RULES = 5;

/** The rules that take most of the time, by the times of some of their evaluations. */
function costLines(meter: RuleMeter | undefined): string[] {
  const rows = meter?.top(MAX_COSTLY_RULES) ?? [];
  return rows.map(
    ({ name, evaluations, matches, share, meanNs }) =>
      `  ${Math.round(share * 100)} % of rule time: ${name} (${evaluations} evaluations, ${matches} matches, ${Math.round(meanNs)} ns each)`,
  );
}

const CUT_WORDS: Readonly<Record<keyof CutCounts, string>> = {
  text: "had a text longer than 4095 bytes",
  path: "a path deeper than 64 folders",
  record: "more than fits",
};

/** None when all events were sent whole. */
function cutLines(cut: CutCounts): string[] {
  const reasons = CUT_REASONS.filter((reason) => cut[reason] > 0).map(
    (reason) => `${cut[reason]} ${CUT_WORDS[reason]}`,
  );
  return reasons.length === 0 ? [] : [`sent, but cut at a limit: ${reasons.join(", ")}`];
}

const LOSS_WORDS: Readonly<Record<keyof LossCounts, string>> = {
  ringFull: "events found the ring full: with eBPF a larger --buffer helps",
  scratchBusy: "met a busy CPU buffer",
  skipped: "found the probe at work for another task on their processor",
  gone: "processes had ended before they could be looked at",
};

function lossText(losses: LossCounts): string {
  const reasons = LOSS_REASONS.filter((reason) => losses[reason] > 0).map(
    (reason) => `${losses[reason]} ${LOSS_WORDS[reason]}`,
  );
  return reasons.join(", ") || "none in the kernel";
}

function dropLine(live: LiveWatch, written: number): string {
  const { dropped } = live.stats().probe;
  const byCpu = dropped.byCpu
    .flatMap((lost, cpu) => (lost === 0 ? [] : [`CPU ${cpu}: ${lost}`]))
    .join(", ");
  return `dropped: ${byCpu === "" ? "" : `${byCpu}; `}${lossText(dropped)}, ${written} lines or audits had no room`;
}
