import { PRIORITIES } from "../rules/priority.ts";
import type { Kept } from "../store/kept.ts";
import { auditPage } from "../store/audit-queries.ts";
import { portPage } from "../store/port-queries.ts";
import type { Answer } from "./answer.ts";
import { familyText, type Family, type Sample } from "./open-metrics.ts";
import type { Site } from "./handlers.ts";
import type { WatchHealth } from "./schemas/health.ts";

/** What metrics are made from; readers of the live stream are told of where there is one. */
export interface MetricsSite extends Pick<Site, "store" | "storeHealth" | "watch" | "version"> {
  readonly stream?: Pick<Site["stream"], "readers">;
}

type Counted = Map<string, { readonly labels: Record<string, string>; count: number }>;

/** What `/metrics` says. Alerts are counted from the start of this process on. */
export class Metrics {
  readonly #site: MetricsSite;
  readonly #leave: () => void;
  /** By their labels, of those that were told and of those that were silenced. */
  readonly #told: Counted = new Map();
  readonly #silenced: Counted = new Map();

  constructor(site: MetricsSite) {
    this.#site = site;
    this.#leave = site.store.follow((kept) => kept.forEach((one) => this.#count(one)));
  }

  close(): void {
    this.#leave();
  }

  /** `accept`: OpenMetrics where it is asked for, else Prometheus' text format. */
  async answer(accept: string): Promise<Answer> {
    const isOpenMetrics = accept.includes("application/openmetrics-text");
    const families = await this.#families();
    const text = families.map((family) => familyText(family, isOpenMetrics)).join("");
    return {
      status: 200,
      headers: {
        "content-type": isOpenMetrics
          ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
          : "text/plain; version=0.0.4; charset=utf-8",
      },
      body: isOpenMetrics ? `${text}# EOF\n` : text,
    };
  }

  #count({ alert }: Kept): void {
    if (alert === undefined) return;
    const { rule, source, host, priority, silence } = alert.series;
    const alerts = silence === "" ? this.#told : this.#silenced;
    const isKnown = alerts.size < SERIES_MAX;
    const labels = {
      hostname: host,
      rule: isKnown ? rule : OTHERS,
      priority: PRIORITIES[priority] ?? "",
      source,
    };
    const key = JSON.stringify(labels);
    const known = alerts.get(key);
    if (known !== undefined) known.count += 1;
    else if (isKnown || alerts.size < SERIES_MAX * 2) alerts.set(key, { labels, count: 1 });
  }

  async #families(): Promise<readonly Family[]> {
    const { watch, storeHealth, stream, version } = this.#site;
    const [health, store, expiry] = await Promise.all([
      watch.health(),
      storeHealth(),
      this.#portFamilies(),
    ]);
    const samples = (alerts: Counted): Sample[] =>
      [...alerts.values()].map(({ labels, count }) => ({ labels, value: count }));
    return [
      gauge("saker_info", "The version that runs", [{ labels: { version }, value: 1 }]),
      counter(
        "falcosecurity_falcosidekick_falco_events",
        "Alerts, as falcosidekick counts them",
        samples(this.#told),
      ),
      counter("saker_alerts", "Alerts that were not silenced", samples(this.#told)),
      counter("saker_alerts_silenced", "Alerts that were silenced", samples(this.#silenced)),
      ...(health === undefined ? [] : watchFamilies(health)),
      ...expiry,
      gauge("saker_store_bytes", "Size of the store", [{ value: store.bytes }]),
      gauge("saker_store_alerts", "Alerts in the store", [{ value: store.alerts }]),
      gauge("saker_store_waiting", "News that are not kept yet", [{ value: store.waiting }]),
      counter("saker_store_dropped", "News that were not kept", byReason(store.dropped)),
      ...(stream === undefined ? [] : streamFamilies(stream.readers)),
    ];
  }

  async #portFamilies(): Promise<readonly Family[]> {
    const { store } = this.#site;
    const ports = await portPage(store.backend, { state: "open", limit: PORTS_MAX });
    const grades = new Map<string, number>();
    for (const { audit } of ports) {
      const grade = audit?.grade ?? (audit?.tls === 0 ? "no TLS" : "none");
      grades.set(grade, (grades.get(grade) ?? 0) + 1);
    }
    const audits = await auditPage(store.backend, { limit: 1 });
    const ends = ports.flatMap(({ audit }) => Date.parse(audit?.not_after ?? "") || []);
    const end = ends.length === 0 ? [] : [{ value: Math.min(...ends) / 1000 }];
    return [
      gauge(
        "saker_ports_open",
        "Open ports by the grade of their last audit",
        [...grades].map(([grade, value]) => ({ labels: { grade }, value })),
      ),
      gauge(
        "saker_certificate_end_timestamp_seconds",
        "When the first certificate of an open port ends",
        end,
      ),
      gauge(
        "saker_last_audit_timestamp_seconds",
        "When the last audit was kept",
        audits.map(({ id }) => ({ value: id / 1e6 })),
      ),
    ];
  }
}

function streamFamilies({ open, missed }: Site["stream"]["readers"]): readonly Family[] {
  return [
    gauge("saker_stream_readers", "Readers of the live stream", [{ value: open }]),
    counter("saker_stream_missed", "Events that slow readers were not sent", [{ value: missed }]),
  ];
}

function watchFamilies({ events, ports, outputs, startedAt }: WatchHealth): readonly Family[] {
  const lost = Object.values(events?.dropped ?? {}).reduce((sum, count) => sum + count, 0);
  const byOutput = (value: (output: WatchHealth["outputs"][number]) => number): Sample[] =>
    outputs.map((output) => ({
      labels: { output: output.name, target: output.target },
      value: value(output),
    }));
  const sum = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  return [
    gauge("saker_start_timestamp_seconds", "When the watch began", [{ value: startedAt / 1000 }]),
    ...(events === null
      ? []
      : [
          counter("falcosecurity_scap_n_evts", "Events, as Falco counts them", [
            { value: events.sent },
          ]),
          counter("falcosecurity_scap_n_drops", "Lost events, as Falco counts them", [
            { value: lost },
          ]),
          counter("saker_events_seen", "Calls that rules ask about, in the kernel", [
            { value: events.seen },
          ]),
          counter("saker_events_kept_in_kernel", "Calls that no rule can match", [
            { value: events.keptInKernel },
          ]),
          counter("saker_events_sent", "Events that the kernel sent", [{ value: events.sent }]),
          counter("saker_events_dropped", "Events that were lost", byReason(events.dropped)),
        ]),
    ...(ports === null
      ? []
      : [
          counter("saker_ports_examined", "Audits of ports", [{ value: ports.examined }]),
          counter("saker_ports_not_examined", "Ports for which there was no room or time", [
            { value: ports.notExamined },
          ]),
        ]),
    counter(
      "saker_output_delivered",
      "Lines that an output delivered",
      byOutput(({ delivered }) => delivered),
    ),
    counter(
      "saker_output_digested",
      "Alerts over an output's limit, told by rule in one",
      byOutput(({ digested }) => digested),
    ),
    gauge(
      "saker_output_waiting",
      "Lines that wait for an output",
      byOutput(({ waiting }) => waiting),
    ),
    counter(
      "saker_output_lost",
      "Lines that an output refused or dropped",
      byOutput(({ refused, dropped }) => sum(refused) + sum(dropped)),
    ),
  ];
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "counter", samples };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "gauge", samples };
}

function byReason(counts: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(counts).map(([reason, value]) => ({ labels: { reason }, value }));
}

/** Rules, hosts and sources that are told apart; what is beyond is one. */
const SERIES_MAX = 1000;
const OTHERS = "others";
const PORTS_MAX = 2000;
