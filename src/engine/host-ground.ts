import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { NewsBody } from "../news/news.ts";
import { containersOfHost } from "./containers-of-host.ts";
import { HostPorts } from "./host-ports.ts";
import { kubernetesOfHost } from "./kubernetes-of-host.ts";
import type { NewsStream } from "./news-stream.ts";
import { RepeatedAlerts } from "./repeated-alerts.ts";
import type { WatchOptions, WatchStats } from "./watch-options.ts";

/** What the sources that watch a host stand on: its containers and its ports. */
export interface HostGround {
  readonly options: WatchOptions;
  readonly news: NewsStream;
  readonly containers: ContainerRegistry;
  readonly ports: HostPorts;
  readonly repeated: RepeatedAlerts;
  readonly publish: (body: NewsBody, time?: bigint) => void;
  stats(): WatchStats;
  close(): void;
}

/** Nothing is asked of the runtimes yet: `containers.start()`. Throws `CONFIG_…`. */
export function hostGround(options: WatchOptions, news: NewsStream): HostGround {
  const publish = news.publish.bind(news);
  const kubernetes = kubernetesOfHost(options, { publish, containers: () => containers.list() });
  const containers = containersOfHost({
    kubernetes,
    environment: options.environment,
    onProblem: (text) => publish({ kind: "problem", text }),
    onStopped: (container) => ports.containerStopped(container),
  });
  const ports = new HostPorts({
    containers,
    publish,
    reports: options.reports,
    nmap: options.nmap,
  });
  void kubernetes?.follow();
  const repeated = new RepeatedAlerts({
    settings: options.settings.repeats,
    publish: (alert) => publish({ kind: "alert", alert }, alert.time),
  });
  return {
    options,
    news,
    containers,
    ports,
    repeated,
    publish,
    stats: () => ({
      ports: ports.stats(),
      news: news.counts(),
      repeated: repeated.stats(),
      containers: containers.stats(),
    }),
    close: () => {
      repeated.close();
      ports.close();
      kubernetes?.stop();
      containers.stop();
    },
  };
}

/** `; reports in FOLDER`, where there are any. */
export function reportsText({ reports }: WatchOptions): string {
  return reports === undefined ? "" : `; reports in ${reports.path}`;
}

/** Resolves when `work` has, or when there is no use in it any more. */
export async function orAborted(
  work: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return work;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await Promise.race([work, aborted]);
}
