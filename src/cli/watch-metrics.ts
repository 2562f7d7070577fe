import { availableParallelism, release } from "node:os";
import type { MetricsSettings } from "../config/settings.ts";
import { internalAlert } from "../engine/drop-policy.ts";
import { MetricsSnapshots } from "../engine/metrics-snapshot.ts";
import type { Watch } from "../engine/watch-options.ts";
import { METRICS_RULE } from "../outputs/metrics-line.ts";
import { METRICS_FILE } from "../outputs/open-outputs.ts";
import { linesLost, type Output } from "../outputs/output.ts";
import { VERSION } from "./version.ts";

/** Falco's metrics, at their interval, while a watch runs. */
export interface WatchMetrics {
  readonly snapshots: MetricsSnapshots;
  /** Writes the first after one interval. Returns what ends it. */
  start(watch: Watch, outputs: readonly Output[]): () => void;
}

/** What `metrics` of the configuration asks for; undefined where it is off. */
export function watchMetrics(
  settings: MetricsSettings | undefined,
  hostname: string,
): WatchMetrics | undefined {
  if (settings === undefined) return undefined;
  const snapshots = new MetricsSnapshots(settings, {
    version: VERSION,
    hostname,
    kernel: release(),
    processors: availableParallelism(),
    startedAt: nowNs(),
    cpuMicros: cpuMicros(),
  });
  const start = (watch: Watch, outputs: readonly Output[]): (() => void) => {
    const file = outputs.find(({ name }) => name === METRICS_FILE);
    const tick = (): void => tell({ settings, snapshots, hostname, watch, outputs, file });
    const timer = setInterval(tick, settings.intervalMs);
    return () => clearInterval(timer);
  };
  return { snapshots, start };
}

interface Telling {
  readonly settings: MetricsSettings;
  readonly snapshots: MetricsSnapshots;
  readonly hostname: string;
  readonly watch: Watch;
  readonly outputs: readonly Output[];
  readonly file: Output | undefined;
}

function tell({ settings, snapshots, hostname, watch, outputs, file }: Telling): void {
  const now = nowNs();
  const fields = snapshots.next({
    stats: watch.stats(),
    outputDrops: outputs.reduce((sum, output) => sum + linesLost(output.counts()), 0),
    now,
    memory: { rss: process.memoryUsage.rss() },
    cpuMicros: cpuMicros(),
  });
  const alert = internalAlert({
    rule: METRICS_RULE,
    priority: "Informational",
    message: "Falco metrics snapshot",
    fields,
    host: hostname,
  });
  // As an alert it reaches the file, too, which is one of the outputs.
  if (settings.rule) watch.news.publish({ kind: "alert", alert }, alert.time);
  else file?.take({ kind: "alert", alert, sequence: 0, time: now, host: hostname });
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
