import type { OutputFields } from "../alerts/alert.ts";
import { LOSS_REASONS, lostRecords } from "../capture/losses.ts";
import type { MetricsSettings } from "../config/settings.ts";
import { METRICS_RULE } from "../outputs/metrics-line.ts";
import type { News } from "../news/news.ts";
import type { Subscriber } from "./news-stream.ts";
import type { WatchStats } from "./watch-options.ts";

/** What does not change while a watch runs. */
export interface MetricsHost {
  readonly version: string;
  readonly hostname: string;
  readonly kernel: string;
  readonly processors: number;
  /** Epoch nanoseconds of the watch's start. */
  readonly startedAt: bigint;
  /** Microseconds of processor time that this process had taken then. */
  readonly cpuMicros: number;
}

/** What is measured at one moment. */
export interface Measured {
  readonly stats: WatchStats;
  /** Lines that outputs lost. */
  readonly outputDrops: number;
  /** Epoch nanoseconds. */
  readonly now: bigint;
  /** Of this process: bytes, and microseconds of processor time since its start. */
  readonly memory: { readonly rss: number };
  readonly cpuMicros: number;
}

/** Falco's metrics, by its names; counts the alerts of each rule as they are published. */
export class MetricsSnapshots implements Subscriber {
  readonly name = "metrics";
  readonly #settings: MetricsSettings;
  readonly #host: MetricsHost;
  readonly #byRule = new Map<string, number>();
  #matches = 0;
  #before: Counted | undefined;

  constructor(settings: MetricsSettings, host: MetricsHost) {
    this.#settings = settings;
    this.#host = host;
  }

  take(news: News): void {
    if (news.kind !== "alert" || news.alert.rule === METRICS_RULE) return;
    this.#matches += 1;
    const { rule } = news.alert;
    const isKnown = this.#byRule.has(rule) || this.#byRule.size < RULES_MAX;
    const name = isKnown ? rule : "others";
    this.#byRule.set(name, (this.#byRule.get(name) ?? 0) + 1);
  }

  /** The next snapshot; rates are since the one before. */
  next(measured: Measured): OutputFields {
    const counted = countedIn(measured);
    const { startedAt, cpuMicros } = this.#host;
    const before = this.#before ?? { now: startedAt, events: 0, drops: 0, cpuMicros };
    this.#before = counted;
    const seconds = Math.max(Number(counted.now - before.now) / 1e9, 1e-3);
    const rate = (part: "events" | "drops"): number =>
      Math.round((10 * (counted[part] - before[part])) / seconds) / 10;
    const { rules, resources, state, kernel } = this.#settings;
    return {
      ...this.#always(measured),
      "falco.num_evts": counted.events,
      "falco.num_evts_prev": before.events,
      "falco.evts_rate_sec": rate("events"),
      ...(rules ? this.#rules() : {}),
      ...this.#filled(resources ? this.#resources(counted, before, measured.memory.rss) : {}),
      ...this.#filled(state ? stateFields(measured.stats) : {}),
      ...(kernel
        ? {
            "scap.n_evts": counted.events,
            "scap.n_evts_prev": before.events,
            "scap.evts_rate_sec": rate("events"),
            "scap.n_drops": counted.drops,
            "scap.n_drops_prev": before.drops,
            "scap.evts_drop_rate_sec": rate("drops"),
            "scap.n_drops_perc": percentage(
              counted.drops - before.drops,
              counted.events - before.events,
            ),
            ...this.#filled(lossFields(measured.stats)),
          }
        : {}),
    };
  }

  #always({ now, stats, outputDrops }: Measured): OutputFields {
    const { version, hostname, kernel, processors, startedAt } = this.#host;
    return {
      "evt.time": now,
      "evt.hostname": hostname,
      "evt.source": "syscall",
      "falco.version": version,
      "falco.start_ts": startedAt,
      "falco.duration_sec": Number((now - startedAt) / 1_000_000_000n),
      "falco.kernel_release": kernel,
      "falco.host_num_cpus": processors,
      "falco.outputs_queue_num_drops": outputDrops,
      "scap.engine_name": stats.live?.variant ?? "none",
    };
  }

  #rules(): OutputFields {
    const counts = [...this.#byRule].map(([rule, count]) => [
      `falco.rules.${rule.replaceAll(/[^\w]+/g, "_").replaceAll(/^_+|_+$/g, "")}`,
      count,
    ]);
    return { "falco.rules.matches_total": this.#matches, ...Object.fromEntries(counts) };
  }

  #resources(counted: Counted, before: Counted, rss: number): OutputFields {
    const micros = Number(counted.now - before.now) / 1000;
    const memory = this.#settings.megabytes
      ? { "falco.memory_rss_mb": Math.round(rss / 1e5) / 10 }
      : { "falco.memory_rss_kb": Math.round(rss / 1024) };
    return {
      "falco.cpu_usage_perc": percentage(counted.cpuMicros - before.cpuMicros, micros),
      ...memory,
    };
  }

  /** Without what is 0, unless that is asked for. */
  #filled(fields: OutputFields): OutputFields {
    if (this.#settings.empty) return fields;
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0));
  }
}

interface Counted {
  readonly now: bigint;
  readonly events: number;
  readonly drops: number;
  readonly cpuMicros: number;
}

function countedIn({ stats: { live }, now, cpuMicros }: Measured): Counted {
  const drops = live === undefined ? 0 : lostRecords(live.probe.dropped);
  return { now, cpuMicros, events: live?.probe.sent ?? 0, drops };
}

function stateFields({ live, containers }: WatchStats): OutputFields {
  return {
    "falco.n_threads": live?.processes ?? 0,
    "falco.n_containers": containers?.containers ?? 0,
  };
}

/** Losses by reason, under Falco's names where it has the reason. */
function lossFields({ live }: WatchStats): OutputFields {
  if (live === undefined) return {};
  const { dropped } = live.probe;
  return Object.fromEntries(LOSS_REASONS.map((reason) => [LOSS_NAMES[reason], dropped[reason]]));
}

const LOSS_NAMES: Readonly<Record<(typeof LOSS_REASONS)[number], string>> = {
  ringFull: "scap.n_drops_buffer_total",
  overShare: "scap.n_drops_over_share",
  scratchBusy: "scap.n_drops_scratch_map",
  skipped: "scap.n_drops_skipped",
  gone: "scap.n_drops_gone",
  unread: "scap.n_drops_unread",
};

function percentage(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.round((1000 * part) / whole) / 10;
}

/** Rules that are counted apart; what is beyond is one. */
const RULES_MAX = 5000;
