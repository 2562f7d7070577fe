import type { Alert } from "../alerts/alert.ts";
import type { NmapOptions } from "../audit/nmap-scanner.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { CaptureEnd } from "../capture/capture-parser.ts";
import type { InheritedProbe } from "../capture/probe.ts";
import type { Settings } from "../config/settings.ts";
import type { ReportFolder } from "../outputs/report-folder.ts";
import type { CorrelatorStats } from "../rules/correlator.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";
import type { AlertWatch } from "./alert-watch.ts";
import type { HostPorts } from "./host-ports.ts";
import type { LiveWatch } from "./live-watch.ts";
import type { PortNews } from "../news/news.ts";
import type { MatchCapturesStats } from "./match-captures.ts";
import type { NewsCounts, NewsStream, Subscriber } from "./news-stream.ts";
import type { RepeatedAlertsStats } from "./repeated-alerts.ts";

/** Where events, or ready-made alerts, come from. */
export type WatchSource = KernelWatchSource | FalcoWatchSource | CaptureWatchSource;

/** The running kernel; `auto`: by eBPF, and where the kernel does not take it by sockets. */
export interface KernelWatchSource {
  readonly kind: "kernel";
  readonly by: "auto" | "ebpf" | "sockets";
  readonly rules: RuleSet;
  /** A probe that was loaded before. */
  readonly probe?: InheritedProbe | undefined;
}

/** A running Falco's JSON alerts: a file that is followed, or a stream to its end. */
export interface FalcoWatchSource {
  readonly kind: "falco";
  readonly input: string | NodeJS.ReadableStream;
  /** What the stream is, in words; standard input by default. */
  readonly name?: string;
}

/** A capture file, from its beginning to its end. */
export interface CaptureWatchSource {
  readonly kind: "capture";
  readonly file: string;
  readonly rules: RuleSet;
  /** Events that are not meant make the state and are asked nothing. */
  readonly where?: ((scene: CurrentScene) => boolean) | undefined;
  /** The same of events before and after: epoch nanoseconds, once the first event's are known. */
  readonly from?: ((first: bigint) => bigint) | undefined;
  readonly to?: ((first: bigint) => bigint) | undefined;
  /** Another capture file that gets the events that are meant, with all that they need. */
  readonly copyTo?: string | undefined;
  /** Called now and then with the bytes that were read. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What a watch is started with; nothing of it is read from the process itself. */
export interface WatchOptions {
  readonly source: WatchSource;
  readonly hostname: string;
  readonly utcOffsetMinutes: (epochMs: number) => number;
  readonly settings: Pick<
    Settings,
    "ringBytes" | "drops" | "capture" | "repeats" | "baseSyscalls" | "kubernetes"
  >;
  /** Where reports of ports go; undefined when ports are not to be examined. */
  readonly reports: ReportFolder | undefined;
  /** nmap, where it examines ports in place of Saker. */
  readonly nmap?: NmapOptions | undefined;
  /** Get all news, from the first on. */
  readonly subscribers: readonly Subscriber[];
  /** The id of the silence that an alert falls under; none does by default. */
  readonly silencedBy?: (alert: Alert) => string | undefined;
  /** DOCKER_HOST is read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of this process, as the host calls it. */
  readonly ownPid: number;
  /** Whether this process is root's: who is not cannot watch without eBPF. */
  readonly isRoot: boolean;
  /** Ends a start that is under way; the watch is then to be closed. */
  readonly signal?: AbortSignal;
  /** The longest that the end of one subscriber is waited for, in milliseconds; default 10 s. */
  readonly closeMs?: number;
}

/** A watch that runs. */
export interface Watch {
  readonly news: NewsStream;
  stats(): WatchStats;
  /**
   * Puts other rules in place, between two events. Throws `KERNEL_…` when the kernel does not take
   * them; then the old rules stay. Does nothing where alerts come ready-made. Throws `USAGE_CLOSED`
   * once the watch is closed, or is closing.
   */
  useRules(rules: RuleSet): void;
  /**
   * Examines an open port again: its audit is news, as the first was. Returns why it is not, in
   * words; undefined when it is queued.
   */
  examine(port: PortNews): string | undefined;
  /**
   * `over`: the source ended by itself; `drops`: events were lost and the settings say to end.
   * Rejects with `USAGE_FILE`, `INPUT_CAPTURE_…` when the source cannot be read.
   */
  readonly ended: Promise<"over" | "drops">;
  /**
   * Ends the source, then the subscribers, each within its own bounded time and at most `closeMs`.
   * Safe to call twice.
   */
  close(): Promise<void>;
}

/** What a watch has come to so far; what its source does not have is undefined. */
export interface WatchStats {
  /** Undefined for a capture. */
  readonly ports?: ReturnType<HostPorts["stats"]>;
  readonly news: NewsCounts;
  /** What the kernel's events came to; undefined for other sources. */
  readonly live?: ReturnType<LiveWatch["stats"]>;
  /** Times that the thread which reads events did not run for seconds; undefined as `live`. */
  readonly silences?: number;
  /** Of the questions to runtimes; undefined for a capture. */
  readonly containers?: ReturnType<ContainerRegistry["stats"]>;
  /** Of captures of matches; undefined where there are none. */
  readonly captures?: MatchCapturesStats;
  /** Of alerts that were counted alone; undefined for a capture. */
  readonly repeated?: RepeatedAlertsStats;
  /** Of ready-made alerts; undefined for other sources. */
  readonly falco?: ReturnType<AlertWatch["stats"]>;
  /** Of a capture; undefined for other sources. */
  readonly capture?: CaptureStats;
}

/** What a capture has come to so far. */
export interface CaptureStats {
  /** Events that were within the window and meant; the rest made the state alone. */
  readonly shown: number;
  /** Those by their names, the most frequent first. */
  readonly byType: readonly (readonly [name: string, count: number])[];
  readonly threads: number;
  /** Threads that had no room in the table: known by their own events alone. */
  readonly refusedThreads: number;
  /** Events in the copy. */
  readonly copied: number;
  readonly correlator: CorrelatorStats;
  /** Undefined until the file is read. */
  readonly end?: CaptureEnd | undefined;
}
