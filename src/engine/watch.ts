import type { HandedProbe } from "../capture/probe.ts";
import type { Settings } from "../config/settings.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { NewsBody } from "../news/news.ts";
import type { ReportFolder } from "../outputs/report-folder.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import { AlertWatch } from "./alert-watch.ts";
import { containersOfHost } from "./containers-of-host.ts";
import { actOnLoss, internalAlert } from "./drop-policy.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { HostPorts } from "./host-ports.ts";
import { LiveWatch } from "./live-watch.ts";
import { MatchCaptures } from "./match-captures.ts";
import { NewsStream, type Subscriber } from "./news-stream.ts";
import { serviceNotifierOf } from "./service-notifier.ts";

/** Where events, or ready-made alerts, come from. */
export type WatchSource =
  /** The running kernel; `auto`: by eBPF, and where the kernel does not take it by sockets. */
  | {
      readonly kind: "kernel";
      readonly by: "auto" | "ebpf" | "sockets";
      readonly rules: RuleSet;
      /** A probe that was loaded before. */
      readonly probe?: HandedProbe | undefined;
    }
  /** A running Falco's JSON alerts: a file that is followed, or a stream to its end. */
  | { readonly kind: "falco"; readonly input: string | NodeJS.ReadableStream };

export interface WatchOptions {
  readonly source: WatchSource;
  readonly hostname: string;
  readonly utcOffsetMinutes: (epochMs: number) => number;
  readonly settings: Pick<Settings, "ringBytes" | "drops" | "capture">;
  /** Where reports of ports go; undefined when ports are not to be examined. */
  readonly reports: ReportFolder | undefined;
  /** Get all news, from the first on. */
  readonly subscribers: readonly Subscriber[];
  /** DOCKER_HOST is read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of this process, as the host calls it. */
  readonly ownPid: number;
  /** Whether this process is root's: who is not cannot watch without eBPF. */
  readonly isRoot: boolean;
  /** Ends a start that is under way; the watch is then to be closed. */
  readonly signal?: AbortSignal;
}

/** A watch that runs. */
export interface Watch {
  readonly news: NewsStream;
  stats(): WatchStats;
  /**
   * Puts other rules in place, between two events. Throws `KERNEL_…` when the kernel does not take
   * them; then the old rules stay. Does nothing where alerts come ready-made.
   */
  useRules(rules: RuleSet): void;
  /**
   * `over`: the source ended by itself; `drops`: events were lost and the settings say to end.
   * Rejects with `USAGE_FILE` when the source's stream cannot be read.
   */
  readonly ended: Promise<"over" | "drops">;
  /** Ends the source. Subscribers are the caller's to close, after it. */
  close(): Promise<void>;
}

export interface WatchStats {
  readonly ports: ReturnType<HostPorts["stats"]>;
  readonly news: { readonly published: number; readonly failures: ReadonlyMap<string, number> };
  /** What the kernel's events came to; undefined for other sources. */
  readonly live?: ReturnType<LiveWatch["stats"]>;
  /** Times that the thread which reads events did not run for seconds; undefined as `live`. */
  readonly silences?: number;
  /** Of ready-made alerts; undefined for other sources. */
  readonly falco?: ReturnType<AlertWatch["stats"]>;
}

/** What both kinds of source stand on. */
interface Ground {
  readonly options: WatchOptions;
  readonly news: NewsStream;
  readonly containers: ContainerRegistry;
  readonly ports: HostPorts;
  readonly publish: (body: NewsBody, time?: bigint) => void;
}

/**
 * Starts to watch: source → state → rules → news, and the ports that open. Resolves when what was
 * there before the start is known and reported; everything that is seen from then on is news.
 * Throws `KERNEL_…` where the kernel cannot be watched.
 */
export async function startWatch(options: WatchOptions): Promise<Watch> {
  const news = new NewsStream({
    host: options.hostname,
    now: () => BigInt(Date.now()) * 1_000_000n,
    subscribers: options.subscribers,
  });
  const publish = news.publish.bind(news);
  const containers = containersOfHost({
    environment: options.environment,
    onProblem: (text) => publish({ kind: "problem", text }),
    onStopped: (container) => ports.containerStopped(container),
  });
  const ports = new HostPorts({ containers, publish, reports: options.reports });
  const ground: Ground = { options, news, containers, ports, publish };
  try {
    return options.source.kind === "kernel"
      ? await watchKernel(ground, options.source)
      : await watchFalco(ground, options.source);
  } catch (thrown) {
    ports.close();
    containers.stop();
    throw thrown;
  }
}

async function watchKernel(
  ground: Ground,
  source: WatchSource & { readonly kind: "kernel" },
): Promise<Watch> {
  const { options, news, containers, ports, publish } = ground;
  const { settings } = options;
  const { promise: ended, resolve: end } = Promise.withResolvers<"drops">();
  const captures = capturesFor(ground);
  const live = new LiveWatch({
    ...options,
    rules: source.rules,
    source: source.by,
    handed: source.probe,
    containers,
    ports,
    publish,
    ringBytes: settings.ringBytes,
    drops: {
      ...settings.drops,
      onTold: (loss) =>
        actOnLoss(loss, {
          ...settings.drops,
          publish,
          host: options.hostname,
          mostOf: live.stats().lostBy[0]?.name,
          end: () => end("drops"),
        }),
    },
    captures,
  });
  // After the probe: a host that cannot be watched is said at once, and what starts while the
  // runtimes answer is seen.
  await orAborted(containers.start(), options.signal);
  const means = live.variant === "sockets" ? "sockets and processes" : `eBPF (${live.variant})`;
  const count = `${source.rules.rules.length} rules, ${containers.list().length} containers`;
  publish({ kind: "note", text: `watching this host: ${means}, ${count}${reportsText(options)}` });
  const onProblem = (text: string): void => publish({ kind: "problem", text });
  const { environment, ownPid } = options;
  const notifier = serviceNotifierOf(environment, { ownPid, onProblem });
  const heartbeat = startHeartbeat({ onProblem, notifier });
  await orAborted(live.start(), options.signal);
  captures?.prepare();
  notifier?.ready(`${means}, ${count}`);
  return {
    news,
    ended,
    stats: () => ({ ...statsOf(ground), live: live.stats(), silences: heartbeat.silences }),
    useRules: (rules) => live.useRules(rules),
    close: async () => {
      notifier?.stopping();
      heartbeat.close();
      live.close();
      await captures?.close();
      closeGround(ground);
    },
  };
}

async function watchFalco(
  ground: Ground,
  { input }: WatchSource & { readonly kind: "falco" },
): Promise<Watch> {
  const { options, news, containers, ports, publish } = ground;
  await orAborted(containers.start(), options.signal);
  const watch = new AlertWatch({
    containers,
    publish,
    ports: options.reports === undefined ? undefined : ports,
    startedAt: BigInt(Date.now()) * 1_000_000n,
  });
  const from = typeof input === "string" ? input : "standard input";
  publish({ kind: "note", text: `watching Falco's alerts from ${from}${reportsText(options)}` });
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<"over">();
  // Who does not wait for the end has no use for its reason.
  ended.catch(() => {});
  if (typeof input === "string") {
    const text = `${input} is not there yet: waiting for it`;
    if (!watch.follow(input)) publish({ kind: "note", text });
  } else void watch.read(input).then(() => end("over"), fail);
  return {
    news,
    ended,
    stats: () => ({ ...statsOf(ground), falco: watch.stats() }),
    useRules: () => {},
    close: async () => {
      watch.close();
      closeGround(ground);
    },
  };
}

function capturesFor({ options, containers, publish }: Ground): MatchCaptures | undefined {
  const { settings, hostname } = options;
  if (settings.capture === undefined) return undefined;
  return new MatchCaptures({
    settings: settings.capture,
    containers,
    onNote: (text) => publish({ kind: "note", text }),
    onProblem: (text) => publish({ kind: "problem", text }),
    onLimit: (path) => {
      const alert = internalAlert({
        rule: "Falco internal: capture size limit reached",
        priority: "Informational",
        message: `Capture ${path} has reached its size limit (capture.max_file_size_mb): it ends here`,
        fields: { path },
        host: hostname,
      });
      publish({ kind: "alert", alert }, alert.time);
    },
  });
}

function statsOf({ ports, news }: Ground): WatchStats {
  return { ports: ports.stats(), news: { published: news.published, failures: news.failures } };
}

function closeGround({ ports, containers }: Ground): void {
  ports.close();
  containers.stop();
}

function reportsText({ reports }: WatchOptions): string {
  return reports === undefined ? "" : `; reports in ${reports.path}`;
}

/** Resolves when `work` has, or when there is no use in it any more. */
async function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await Promise.race([work, aborted]);
}
