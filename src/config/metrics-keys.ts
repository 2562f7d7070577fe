import { periodMs } from "../lib/duration.ts";
import { defineKey as key } from "./key.ts";
import { FLAG, IP_ADDRESS, TEXT, whole } from "./value-type.ts";

/** Falco's `webserver` and `metrics`: what a probe of health asks, and what is told of itself. */
export const METRICS_KEYS = {
  webserverEnabled: key("webserver.enabled", FLAG, {
    default: false,
    doc: "`/healthz`, `/versions` and, where both `metrics.enabled` and `webserver.prometheus_metrics_enabled` are on, `/metrics` are answered to everybody who reaches this address, as Falco does. The page has an address of its own (`web`).",
  }),
  webserverAddress: key("webserver.listen_address", IP_ADDRESS, {
    default: "0.0.0.0",
    doc: "Where it listens.",
  }),
  webserverPort: key("webserver.listen_port", whole("port", 0, 65_535), {
    default: 8765,
    doc: "At which port, 0 for any.",
  }),
  webserverHealthz: key("webserver.k8s_healthz_endpoint", TEXT, {
    default: "/healthz",
    doc: "The path at which it says that it lives.",
  }),
  webserverMetrics: key("webserver.prometheus_metrics_enabled", FLAG, {
    default: false,
    doc: "The metrics of `web` at `/metrics` here, too, where `metrics.enabled` is on.",
  }),
  webserverTls: key("webserver.ssl_enabled", FLAG, { default: false, doc: "It speaks TLS." }),
  webserverCertificate: key("webserver.ssl_certificate", TEXT, {
    default: "/etc/falco/falco.pem",
    doc: "Its certificate and key, both in one file (PEM).",
  }),
  metricsEnabled: key("metrics.enabled", FLAG, {
    default: false,
    doc: "Falco's metrics are written.",
  }),
  metricsInterval: key("metrics.interval", TEXT, {
    default: "1h",
    doc: "How often, from `100ms` to `24d`, such as `30s` or `1h30m`.",
    unsupported: {
      topic: "metrics.interval",
      reason: "it is no time from 100ms to 24d, such as 30s or 1h30m: 1h is used",
      when: (text) => intervalMs(text) === undefined,
    },
  }),
  metricsRule: key("metrics.output_rule", FLAG, {
    default: true,
    doc: 'As an alert, "Falco internal: metrics snapshot", to all outputs. Falco\'s own default where the key is missing is false.',
  }),
  metricsFile: key("metrics.output_file", TEXT, {
    default: "",
    doc: "Into this file, a line of JSON each time.",
  }),
  metricsRules: key("metrics.rules_counters_enabled", FLAG, {
    default: false,
    doc: "How many alerts each rule has given, `falco.rules.NAME`.",
  }),
  metricsResources: key("metrics.resource_utilization_enabled", FLAG, {
    default: false,
    doc: "Processor and memory that Saker takes: `falco.cpu_usage_perc`, `falco.memory_rss_mb`.",
  }),
  metricsState: key("metrics.state_counters_enabled", FLAG, {
    default: false,
    doc: "What is known of processes: `falco.n_threads`, `falco.n_containers`.",
  }),
  metricsKernel: key("metrics.kernel_event_counters_enabled", FLAG, {
    default: false,
    doc: "What the kernel sent and lost: `scap.n_evts`, `scap.n_drops`, and losses by reason.",
  }),
  metricsMegabytes: key("metrics.convert_memory_to_mb", FLAG, {
    default: true,
    doc: "Memory in megabytes; else in kilobytes, `falco.memory_rss_kb`.",
  }),
  metricsEmpty: key("metrics.include_empty_values", FLAG, {
    default: false,
    doc: "Counters that are 0 are written, too.",
  }),
} as const;

/** `metrics.interval` in milliseconds; undefined for what Node's timers cannot wait for. */
export function intervalMs(text: string): number | undefined {
  const ms = periodMs(text.trim());
  return ms !== undefined && ms >= 100 && ms <= 0x7fff_ffff ? ms : undefined;
}
