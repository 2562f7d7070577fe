import type { BaseSyscalls } from "../rules/selected-calls.ts";
import type { JsonProperties } from "../alerts/format.ts";
import type { OutputSettings } from "../outputs/open-outputs.ts";
import type { Option } from "../outputs/option.ts";
import { outputOptions } from "../outputs/registry.ts";
import type { Severity } from "../outputs/syslog.ts";
import type { AppendedOutput } from "../rules/append-output.ts";
import type { Priority } from "../rules/priority.ts";
import type { RuleSelection } from "../rules/select-rules.ts";
import type { CaptureMode, DropAction, Durability } from "./choices.ts";
import type { ValueOf } from "./key.ts";
import { KEYS, outputKey } from "./keys.ts";
import { intervalMs } from "./metrics-keys.ts";

/** What an instance of Saker may be told. */
export interface Settings {
  /** Rule files and folders, in order; empty means the shipped rules. */
  readonly rulesFiles: readonly string[];
  readonly priority: Priority;
  readonly ruleMatching: "first" | "all";
  /** Rules switched on and off by name or tag, in this order, once all are loaded. */
  readonly ruleSelections: readonly RuleSelection[];
  readonly appendOutput: readonly AppendedOutput[];
  /** Constant fields: `static.NAME`. */
  readonly staticFields: Readonly<Record<string, string>>;
  /** Rules are loaded anew when their files change (Falco's watch_config_files). */
  readonly watchRules: boolean;
  /** Alerts are lines of JSON wherever they go. */
  readonly jsonOutput: boolean;
  /** Which properties these lines have. */
  readonly jsonProperties: JsonProperties;
  readonly timeFormatIso8601: boolean;
  readonly outputs: OutputSettings;
  readonly log: LogSettings;
  /** Alerts of ports that the host itself opens, besides those of containers. */
  readonly hostPorts: boolean;
  /** Undefined: the Kubernetes API is not asked. */
  readonly kubernetes: KubernetesSettings | undefined;
  /** Size of the probe's ring buffer in bytes. */
  readonly ringBytes: number;
  readonly baseSyscalls: BaseSyscalls;
  readonly drops: DropSettings;
  readonly repeats: RepeatSettings;
  /** Falco's capture: the events around a rule's match go into a file. Undefined when it is off. */
  readonly capture: CaptureSettings | undefined;
  readonly store: StoreSettings;
  /** Undefined: nothing is served. */
  readonly web: WebSettings | undefined;
  /** Falco's webserver, beside the page; undefined: none. */
  readonly webserver: WebserverSettings | undefined;
  /** Undefined: none are written. */
  readonly metrics: MetricsSettings | undefined;
  /** The capture that is replayed in place of watching (engine.kind: replay); undefined for none. */
  readonly replayFile: string | undefined;
  /** Buffers print as Base64. */
  readonly base64Buffers: boolean;
}

/** How the Kubernetes API is asked. */
export interface KubernetesSettings {
  /** What it calls this host; undefined where the environment or the host's own name says. */
  readonly node: string | undefined;
  /** Empty for what the environment says. */
  readonly url: string;
  readonly tokenFile: string;
  readonly caFile: string;
}

/** Falco's webserver: what asks whether a watch lives. */
export interface WebserverSettings {
  readonly address: string;
  /** 0 for any. */
  readonly port: number;
  readonly healthzPath: string;
  /** Whether it answers `/metrics`. */
  readonly metrics: boolean;
  /** Certificate and key in one file (PEM); undefined for plain HTTP. */
  readonly certificate: string | undefined;
}

/** Falco's metrics: what of, how often, and where to. */
export interface MetricsSettings {
  readonly intervalMs: number;
  /** As an alert to all outputs. */
  readonly rule: boolean;
  /** Into this file; undefined for none. */
  readonly file: string | undefined;
  readonly rules: boolean;
  readonly resources: boolean;
  readonly state: boolean;
  readonly kernel: boolean;
  /** Memory in megabytes, else in kilobytes. */
  readonly megabytes: boolean;
  /** Counters that are 0, too. */
  readonly empty: boolean;
}

/** Where alerts, ports and audits are kept, and for how long. */
export interface StoreSettings {
  /** Off: in memory. */
  readonly enabled: boolean;
  /** Of the database; undefined for one in the report folder. */
  readonly path: string | undefined;
  /** Of a PostgreSQL server, in place of a file. */
  readonly url: string | undefined;
  readonly durability: Durability;
  readonly days: number;
  readonly megabytes: number;
}

/** Where the page, its API and metrics are served. */
export interface WebSettings {
  readonly address: string;
  /** 0 for any. */
  readonly port: number;
  /** Further names by which it is reached. */
  readonly hosts: readonly string[];
  /** Files, PEM; both or none. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** With TLS on loopback, too. */
  readonly tls: boolean;
  /** Without TLS to others than this host, too. */
  readonly insecure: boolean;
}

/** Where Saker's own problems (warning) and notes (info) go. */
export interface LogSettings {
  readonly level: Severity;
  readonly stderr: boolean;
}

/** What is done when events are lost (Falco's syscall_event_drops). */
export interface DropSettings {
  /** Told when more than this share of the events is lost, 0 to 1. */
  readonly threshold: number;
  readonly actions: readonly DropAction[];
  /** Times a second that it may be told, on average. */
  readonly rate: number;
}

/** How many alerts are published of what repeats; the rest is counted. */
export interface RepeatSettings {
  /** Of alerts of one rule with the same fields, in an interval; 0 for no limit. */
  readonly max: number;
  /** Of all alerts of one container, or of the host, in an interval; 0 for no limit. */
  readonly containerMax: number;
  readonly intervalMs: number;
  /** Names of fields that tell alerts of one rule apart. */
  readonly fields: readonly string[];
}

/** How matches are captured into files: where, for how long, and how much disk at most. */
export interface CaptureSettings {
  /** Files are called so, with the time and the number of the event behind it. */
  readonly pathPrefix: string;
  /** Rules that ask for it (`capture: true`), or all. */
  readonly mode: CaptureMode;
  /** How long events are written after a match, in milliseconds, where the rule does not say. */
  readonly durationMs: number;
  /** The most bytes of a file, 0 for no limit. */
  readonly maxBytes: number;
  /** The most files that may lie there, and bytes of all of them; 0 for no limit. Ours. */
  readonly maxFiles: number;
  readonly maxTotalBytes: number;
  /**
   * How long before a match its file begins, in milliseconds, as far as `ringBytes` of memory hold
   * it. Ours; Falco's files begin with the match.
   */
  readonly beforeMs: number;
  readonly ringBytes: number;
}

/** What all keys' values mean together; their order in the file has no part in it. */
export function settingsFrom(valueOf: ValueOf): Settings {
  const rulesFiles = valueOf(KEYS.rulesFiles);
  return {
    rulesFiles: rulesFiles.length > 0 ? rulesFiles : valueOf(KEYS.rulesFile),
    priority: valueOf(KEYS.priority),
    ruleMatching: valueOf(KEYS.ruleMatching),
    ruleSelections: valueOf(KEYS.ruleSelections),
    appendOutput: valueOf(KEYS.appendOutput),
    staticFields: valueOf(KEYS.staticFields),
    watchRules: valueOf(KEYS.watchRules),
    jsonOutput: valueOf(KEYS.json),
    jsonProperties: {
      output: valueOf(KEYS.jsonOutputProperty),
      message: valueOf(KEYS.jsonMessageProperty),
      outputFields: valueOf(KEYS.jsonOutputFieldsProperty),
      tags: valueOf(KEYS.jsonTagsProperty),
    },
    timeFormatIso8601: valueOf(KEYS.isoTime),
    outputs: outputSettings(valueOf),
    log: { level: valueOf(KEYS.logLevel), stderr: valueOf(KEYS.logStderr) },
    hostPorts: valueOf(KEYS.hostPorts),
    kubernetes: valueOf(KEYS.kubernetesApi) ? kubernetesSettings(valueOf) : undefined,
    ringBytes: ringBytesOfPreset(ringPreset(valueOf)),
    baseSyscalls: {
      customSet: valueOf(KEYS.baseCustomSet),
      repair: valueOf(KEYS.baseRepair),
      all: valueOf(KEYS.baseAll),
    },
    drops: {
      threshold: valueOf(KEYS.dropThreshold),
      actions: valueOf(KEYS.dropActions),
      rate: valueOf(KEYS.dropRate),
    },
    repeats: {
      max: valueOf(KEYS.repeatsMax),
      containerMax: valueOf(KEYS.repeatsContainerMax),
      intervalMs: valueOf(KEYS.repeatsInterval),
      fields: valueOf(KEYS.repeatsFields),
    },
    capture: valueOf(KEYS.captureEnabled) ? captureSettings(valueOf) : undefined,
    store: {
      enabled: valueOf(KEYS.storeEnabled),
      path: valueOf(KEYS.storePath) || undefined,
      url: valueOf(KEYS.storeUrl) || undefined,
      durability: valueOf(KEYS.storeDurability),
      days: valueOf(KEYS.storeDays),
      megabytes: valueOf(KEYS.storeMegabytes),
    },
    web: valueOf(KEYS.webEnabled) ? webSettings(valueOf) : undefined,
    webserver: valueOf(KEYS.webserverEnabled) ? webserverSettings(valueOf) : undefined,
    metrics: valueOf(KEYS.metricsEnabled) ? metricsSettings(valueOf) : undefined,
    replayFile: valueOf(KEYS.engineKind) === "replay" ? valueOf(KEYS.replayFile) : undefined,
    base64Buffers: valueOf(KEYS.base64Buffers),
  };
}

const MEBIBYTE = 1 << 20;

/** Every key's default. */
export const DEFAULT_SETTINGS: Settings = settingsFrom((key) => key.default);

function outputSettings(valueOf: ValueOf): OutputSettings {
  return {
    ...outputOptions(({ section, options }) => optionValues(section, options, valueOf)),
    custom: {
      fields: valueOf(KEYS.customFields),
      templates: valueOf(KEYS.templatedFields),
      tags: valueOf(KEYS.customTags),
    },
    capacity: valueOf(KEYS.queueCapacity) || undefined,
    slowMs: valueOf(KEYS.outputTimeout),
    logLevel: valueOf(KEYS.logSyslog) ? valueOf(KEYS.logLevel) : undefined,
  };
}

function optionValues(
  section: string,
  options: Readonly<Record<string, Option<unknown>>>,
  valueOf: ValueOf,
): object {
  const entries = Object.entries(options);
  return Object.fromEntries(
    entries.map(([name, option]) => [name, valueOf(outputKey(section, option))]),
  );
}

function webSettings(valueOf: ValueOf): WebSettings {
  return {
    address: valueOf(KEYS.webAddress),
    port: valueOf(KEYS.webPort),
    hosts: valueOf(KEYS.webHosts),
    certificate: valueOf(KEYS.webCertificate) || undefined,
    key: valueOf(KEYS.webKey) || undefined,
    tls: valueOf(KEYS.webTls),
    insecure: valueOf(KEYS.webInsecure),
  };
}

function kubernetesSettings(valueOf: ValueOf): KubernetesSettings {
  return {
    node: valueOf(KEYS.kubernetesNode) || undefined,
    url: valueOf(KEYS.kubernetesUrl),
    tokenFile: valueOf(KEYS.kubernetesTokenFile),
    caFile: valueOf(KEYS.kubernetesCaFile),
  };
}

function webserverSettings(valueOf: ValueOf): WebserverSettings {
  return {
    address: valueOf(KEYS.webserverAddress),
    port: valueOf(KEYS.webserverPort),
    healthzPath: valueOf(KEYS.webserverHealthz),
    metrics: valueOf(KEYS.webserverMetrics) && valueOf(KEYS.metricsEnabled),
    certificate: valueOf(KEYS.webserverTls) ? valueOf(KEYS.webserverCertificate) : undefined,
  };
}

const HOUR_MS = 3_600_000;

function metricsSettings(valueOf: ValueOf): MetricsSettings {
  return {
    intervalMs: intervalMs(valueOf(KEYS.metricsInterval)) ?? HOUR_MS,
    rule: valueOf(KEYS.metricsRule),
    file: valueOf(KEYS.metricsFile) || undefined,
    rules: valueOf(KEYS.metricsRules),
    resources: valueOf(KEYS.metricsResources),
    state: valueOf(KEYS.metricsState),
    kernel: valueOf(KEYS.metricsKernel),
    megabytes: valueOf(KEYS.metricsMegabytes),
    empty: valueOf(KEYS.metricsEmpty),
  };
}

function captureSettings(valueOf: ValueOf): CaptureSettings {
  return {
    pathPrefix: valueOf(KEYS.capturePathPrefix),
    mode: valueOf(KEYS.captureMode),
    durationMs: valueOf(KEYS.captureDuration),
    maxBytes: valueOf(KEYS.captureMaxFileSize) * 1_000_000,
    maxFiles: valueOf(KEYS.captureMaxFiles),
    maxTotalBytes: valueOf(KEYS.captureMaxTotal) * 1_000_000,
    beforeMs: valueOf(KEYS.captureBefore),
    ringBytes: valueOf(KEYS.captureMemory) * MEBIBYTE,
  };
}

/** Of the engine that is stated, else what a configuration of before `engine` says. */
function ringPreset(valueOf: ValueOf): number {
  const { ringPreset: modern, kmodRingPreset: kmod, ebpfRingPreset: ebpf } = KEYS;
  const presets: Readonly<Record<string, typeof modern>> = { kmod, ebpf };
  const preset = valueOf(presets[valueOf(KEYS.engineKind)] ?? modern);
  return preset === modern.default ? Math.min(valueOf(KEYS.oldRingPreset), 10) : preset;
}

/** Falco's buf_size_preset: 1 to 10 are 1 to 512 MB. */
function ringBytesOfPreset(preset: number): number {
  return MEBIBYTE << (preset - 1);
}
