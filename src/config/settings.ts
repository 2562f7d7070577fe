import type { AppendedOutput } from "../rules/append-output.ts";
import type { Priority } from "../rules/priority.ts";
import type { RuleSelection } from "../rules/select-rules.ts";

/**
 * What an instance of Saker may be told; every key has its default here, and `saker.yaml` or
 * `falco.yaml` overrides it.
 */
export interface Settings {
  /** Rule files and directories, in order; empty means the shipped rules. */
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
  readonly jsonOutput: boolean;
  readonly timeFormatIso8601: boolean;
  readonly stdoutEnabled: boolean;
  /** A further file for alerts, Falco's file_output. */
  readonly fileOutput: string | undefined;
  /** Alerts of ports that the host itself opens, besides those of containers. */
  readonly hostPorts: boolean;
  /** Size of the probe's ring buffer in bytes. */
  readonly ringBytes: number;
  readonly drops: DropSettings;
  /** Falco's capture: the events around a rule's match go into a file. Undefined when it is off. */
  readonly capture: CaptureSettings | undefined;
}

export const DROP_ACTIONS = ["ignore", "log", "alert", "exit"] as const;
export type DropAction = (typeof DROP_ACTIONS)[number];

/** What is done when events are lost (Falco's syscall_event_drops). */
export interface DropSettings {
  /** Told when more than this share of the events is lost, 0 to 1. */
  readonly threshold: number;
  readonly actions: readonly DropAction[];
  /** Times a second that it may be told, on average. */
  readonly rate: number;
}

export interface CaptureSettings {
  /** Files are called so, with the time and the number of the event behind it. */
  readonly pathPrefix: string;
  /** Rules that ask for it (`capture: true`), or all. */
  readonly mode: "rules" | "all_rules";
  /** How long events are written after a match, in milliseconds, where the rule does not say. */
  readonly durationMs: number;
  /** The most bytes of a file, 0 for no limit. */
  readonly maxBytes: number;
  /**
   * How long before a match its file begins, in milliseconds, as far as `ringBytes` of memory hold
   * it. Ours; Falco's files begin with the match.
   */
  readonly beforeMs: number;
  readonly ringBytes: number;
}

export const DEFAULT_CAPTURE: CaptureSettings = {
  pathPrefix: "/tmp/falco",
  mode: "rules",
  durationMs: 5000,
  maxBytes: 0,
  beforeMs: 5000,
  ringBytes: 32 << 20,
};

export const DEFAULT_SETTINGS: Settings = {
  rulesFiles: [],
  priority: "Debug",
  ruleMatching: "first",
  ruleSelections: [],
  appendOutput: [],
  staticFields: {},
  watchRules: true,
  jsonOutput: false,
  timeFormatIso8601: false,
  stdoutEnabled: true,
  fileOutput: undefined,
  hostPorts: false,
  ringBytes: 8 << 20,
  // Falco tells of losses from a tenth on; we tell of each.
  drops: { threshold: 0, actions: ["log", "alert"], rate: 0.03333 },
  capture: undefined,
};

/** Falco's buf_size_preset: 1 to 10 are 1 to 512 MB. */
export function ringBytesOfPreset(preset: number): number {
  return (1 << 20) << (preset - 1);
}
