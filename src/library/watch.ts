import { hostname } from "node:os";
import { ownHostPid } from "../capture/own-process.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { startWatch as startEngine } from "../engine/watch.ts";
import type { WatchSource } from "../engine/watch-options.ts";
import { AppError } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { ReportFolder } from "../outputs/report-folder.ts";
import { type CompiledRules, ruleSetOf } from "./_compiled-rules.ts";
import { localOffsetMinutes } from "./_local-time.ts";
import { compileRules, readRules } from "./rules.ts";

/**
 * The package's door `saker/watch`: this host watched, and all that is seen as one stream of news.
 * The kernel as source needs root, or what `saker doctor` says.
 */
export type { CompiledRules, News };

/** The errors of all doors: `code` says whose fault it is, `hint` what to do. */
export { AppError as SakerError };

/** What is watched, by which rules, and who gets the news. */
export interface WatchOptions {
  /**
   * `auto`, the default: the kernel's events by eBPF, and where it does not take that by sockets and
   * processes; or a running Falco's JSON alerts, a file that is followed or a stream.
   */
  readonly source?:
    | "auto"
    | "ebpf"
    | "sockets"
    | { readonly falco: string | NodeJS.ReadableStream };
  /** From `saker/rules`; by default the rules that Saker ships. A Falco has its own. */
  readonly rules?: CompiledRules;
  /**
   * The folder for reports of ports: what opens is then examined, and `audit` news comes of it. By
   * default nothing is examined and nothing written.
   */
  readonly reports?: string;
  /** Called with all news, in their order. What it throws is counted and reported as a problem. */
  readonly onNews: (news: News) => void;
  /** What alerts and news call this host; by default its own name. */
  readonly hostname?: string;
  /** The environment that DOCKER_HOST is read from; by default that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A watch that runs. */
export interface RunningWatch {
  /** Puts other rules in place, between two events. */
  useRules(rules: CompiledRules): void;
  /** Resolves when the source ended by itself, as a stream of alerts does. */
  readonly ended: Promise<unknown>;
  /** Ends the watch; no news comes afterwards. */
  close(): Promise<void>;
}

/**
 * Starts to watch; resolves when what was there before is known. Rejects with `KERNEL_…` where the
 * kernel cannot be watched: missing privilege or feature, with what to do.
 */
export async function startWatch(options: WatchOptions): Promise<RunningWatch> {
  const { onNews, reports, environment = process.env } = options;
  const running = await startEngine({
    source: sourceOf(options),
    hostname: options.hostname ?? hostname(),
    utcOffsetMinutes: localOffsetMinutes,
    settings: DEFAULT_SETTINGS,
    reports: reports === undefined ? undefined : new ReportFolder(reports),
    subscribers: [{ name: "onNews", take: onNews }],
    environment,
    ownPid: ownHostPid(),
    isRoot: process.geteuid?.() === 0,
  });
  return {
    useRules: (rules) => running.useRules(ruleSetOf(rules)),
    ended: running.ended,
    close: () => running.close(),
  };
}

function sourceOf({ source = "auto", rules }: WatchOptions): WatchSource {
  if (typeof source === "object") return { kind: "falco", input: source.falco };
  return { kind: "kernel", by: source, rules: ruleSetOf(rules ?? compileRules(readRules())) };
}
