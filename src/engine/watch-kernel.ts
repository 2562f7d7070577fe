import { randomUUID } from "node:crypto";
import { makeAlert } from "../alerts/make-alert.ts";
import { factsOfScenes } from "./alert-facts.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { type HostGround, orAborted, reportsText } from "./host-ground.ts";
import { actOnLoss, internalAlert } from "./drop-policy.ts";
import { LiveWatch } from "./live-watch.ts";
import { MatchCaptures } from "./match-captures.ts";
import { serviceNotifierOf } from "./service-notifier.ts";
import type { KernelWatchSource, Watch } from "./watch-options.ts";

/** Watches the running kernel. Throws `KERNEL_…` where that cannot be. */
export async function watchKernel(ground: HostGround, source: KernelWatchSource): Promise<Watch> {
  const { options, containers, ports, repeated, publish } = ground;
  const { settings } = options;
  const factsOf = factsOfScenes(settings.repeats.fields);
  const { promise: ended, resolve: end } = Promise.withResolvers<"drops">();
  const captures = capturesFor(ground);
  const live = new LiveWatch({
    ...options,
    rules: source.rules,
    source: source.by,
    inherited: source.probe,
    containers,
    ports,
    publish,
    ringBytes: settings.ringBytes,
    baseSyscalls: settings.baseSyscalls,
    drops: {
      ...settings.drops,
      onLoss: (loss) =>
        actOnLoss(loss, {
          ...settings.drops,
          publish,
          host: options.hostname,
          mostOf: live.stats().lostBy[0]?.name,
          end: () => end("drops"),
        }),
    },
    captures,
    onAlert: (rule, scene) =>
      repeated.alert(factsOf(rule, scene), scene.event.timestamp, () =>
        makeAlert(rule, scene, randomUUID()),
      ),
  });
  try {
    return await startedWatch(ground, source, { live, captures, ended });
  } catch (error) {
    live.close();
    await captures?.close();
    throw error;
  }
}

interface LoadedWatch {
  readonly live: LiveWatch;
  readonly captures: MatchCaptures | undefined;
  readonly ended: Promise<"drops">;
}

/** Begins to read; what is open then is closed with the watch. */
async function startedWatch(
  ground: HostGround,
  source: KernelWatchSource,
  { live, captures, ended }: LoadedWatch,
): Promise<Watch> {
  const { options, news, containers, publish } = ground;
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
  try {
    await orAborted(live.start(), options.signal);
  } catch (error) {
    heartbeat.close();
    throw error;
  }
  captures?.prepare();
  notifier?.ready(`${means}, ${count}`);
  return {
    news,
    ended,
    stats: () => ({
      ...ground.stats(),
      live: live.stats(),
      silences: heartbeat.silences,
      ...(captures === undefined ? {} : { captures: captures.stats() }),
    }),
    useRules: (rules) => live.useRules(rules),
    examine: (port) => ground.ports.examineAgain(port),
    close: async () => {
      notifier?.stopping();
      heartbeat.close();
      live.close();
      await captures?.close();
      ground.close();
    },
  };
}

function capturesFor({ options, containers, publish }: HostGround): MatchCaptures | undefined {
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
