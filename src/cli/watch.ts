import { setTimeout as sleep } from "node:timers/promises";
import { ownHostPid } from "../capture/own-process.ts";
import { hostNameOf } from "../config/host-name.ts";
import type { Settings } from "../config/settings.ts";
import { RuleMeter } from "../engine/rule-meter.ts";
import type { History } from "../history/history.ts";
import type { Subscriber } from "../engine/news-stream.ts";
import { startWatch } from "../engine/watch.ts";
import type { Watch } from "../engine/watch-options.ts";
import type { NewsBody } from "../news/news.ts";
import { lockFolder } from "../outputs/folder-lock.ts";
import type { Output } from "../outputs/output.ts";
import { ReportFolder } from "../outputs/report-folder.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import { parseDuration } from "./duration.ts";
import { EXIT } from "./exit.ts";
import { utcOffsetMinutes } from "./local-time.ts";
import { openHistory } from "./open-history.ts";
import { openSilences } from "./open-silences.ts";
import { reopenOnSignal } from "./reopen-signal.ts";
import { outliveReader } from "./standard-output.ts";
import { endSoon, stopSignal, untilStopped } from "./stop.ts";
import { Terminal } from "./terminal.ts";
import { type WatchMetrics, watchMetrics } from "./watch-metrics.ts";
import type { WatchOptions } from "./watch-options.ts";
import { outputsOf, type ReadOptions, rulesOf, sourceOf, warnOfWriters } from "./watch-parts.ts";
import { statsText, watchSummary } from "./watch-summary.ts";

/** `saker watch`: the main job, until Ctrl-C or for `--duration`. */
export async function watch(options: WatchOptions, read: ReadOptions): Promise<void> {
  const { settings } = read.loaded;
  const durationMs =
    options.duration === undefined ? undefined : parseDuration(options.duration, "--duration");
  const json = options.json === true;
  const audits = !json || options.withAudits === true;
  const terminal = new Terminal({ json, audits, log: settings.log });
  tellOfConfiguration(read, options, terminal);
  // Heard from here on: who stops a watch that is still starting gets its summary, too.
  const stop = new AbortController();
  const stopped = stopSignal().then(() => stop.abort());
  const meter =
    options.stats === true ? new RuleMeter({ now: () => performance.now() }) : undefined;
  goOnWithoutReader(settings, terminal);
  const rules = read.source.kind === "kernel" ? rulesOf(options, settings, terminal) : undefined;
  const reports = new ReportFolder(read.places.folder);
  const lock = lockedBy(reports, terminal);
  let running: Watch | undefined;
  let endTelling = (): void => {};
  const around = { terminal, rules, reports, running: () => running, outputs: () => outputs };
  const silences = await openSilences(settings, around);
  const history = await openHistory(settings, { ...around, silences });
  const metrics = watchMetrics(settings.metrics, hostNameOf(process.env));
  const kept = [...(history ? [history] : []), ...(metrics ? [metrics.snapshots] : [])];
  const publish = (news: NewsBody): void => running?.news.publish(news);
  const outputs = await outputsOf(options, read, { reports, terminal, outbox: history, publish });
  const endReopening = reopenOnSignal(outputs);
  await untilKept(history, stopped);
  const wrapped = (set: RuleSet): RuleSet => meter?.wrap(set) ?? set;
  try {
    running = await startWatch({
      source: await sourceOf(read.source, rules && wrapped(rules.loaded.set)),
      hostname: hostNameOf(process.env),
      utcOffsetMinutes,
      settings,
      reports: options.audit ? reports : undefined,
      nmap: read.nmap,
      // What keeps news has them before those who leave news to it.
      subscribers: [terminal, ...kept, ...outputs],
      silencedBy: (alert) => silences.silencedBy(alert),
      environment: process.env,
      ownPid: ownHostPid(),
      isRoot: process.geteuid?.() === 0,
      signal: stop.signal,
    });
    endTelling = tellNumbers(running, { meter, metrics, outputs, terminal });
    const { useRules, ended } = running;
    rules?.follow({ files: settings.watchRules, use: (changed) => useRules(wrapped(changed)) });
    const why = await untilStopped(stopped, durationMs, ended);
    if (why === "drops") process.exitCode = EXIT.finding;
  } finally {
    endTelling();
    rules?.close();
    await (running ?? closing([...outputs, ...kept])).close();
    await silences.close();
    lock.release();
    endReopening();
    endSoon();
  }
  const unkept = history?.counts().dropped ?? 0;
  for (const line of watchSummary(running.stats(), outputs, unkept)) terminal.note(line);
}

/** What of it has no effect, where reports go, and who else may change it. */
function tellOfConfiguration(
  { loaded, places }: ReadOptions,
  { json, withAudits }: WatchOptions,
  terminal: Terminal,
): void {
  for (const note of [...loaded.notes, ...places.notes]) terminal.note(note);
  warnOfWriters(loaded.files, { terminal, warned: new Set() });
  if (json !== true && withAudits === true)
    terminal.note("--with-audits changes nothing without --json");
}

/** What is seen before the store is open would not outlive a kill; a dead disk holds up nobody. */
async function untilKept(history: History | undefined, stopped: Promise<void>): Promise<void> {
  await Promise.race([history?.ready, stopped, sleep(STORE_OPENS_MS, undefined, { ref: false })]);
}

interface Numbers {
  readonly meter: RuleMeter | undefined;
  readonly metrics: WatchMetrics | undefined;
  readonly outputs: readonly Output[];
  readonly terminal: Terminal;
}

/** `--stats` every five seconds, and Falco's metrics. Returns what ends both. */
function tellNumbers(watch: Watch, { meter, metrics, outputs, terminal }: Numbers): () => void {
  const endMetrics = metrics?.start(watch, outputs);
  const tick = (): void =>
    meter && terminal.note(statsText(watch.stats(), meter, process.memoryUsage.rss()));
  const ticker = meter && setInterval(tick, STATS_INTERVAL_MS);
  return () => {
    clearInterval(ticker);
    endMetrics?.();
  };
}

function goOnWithoutReader({ outputs }: Settings, terminal: Terminal): void {
  outliveReader((reason) => {
    // Alerts' output says so itself.
    if (!outputs.stdout.enabled)
      terminal.problem(`Writing to standard output ends: ${reason}; the watch goes on`);
  });
}

function lockedBy({ path }: ReportFolder, terminal: Terminal): ReturnType<typeof lockFolder> {
  const lock = lockFolder(path);
  if (lock.doubt !== undefined)
    terminal.note(
      `Cannot tell whether another watch writes to ${JSON.stringify(path)}: ${lock.doubt}`,
    );
  return lock;
}

const STATS_INTERVAL_MS = 5000;
const STORE_OPENS_MS = 5000;

/** Subscribers of a watch that did not come about. */
function closing(subscribers: readonly Subscriber[]): Pick<Watch, "close"> {
  return {
    close: async () => {
      await Promise.all(subscribers.map(async (subscriber) => subscriber.close?.()));
    },
  };
}
