import { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { runtimesOfHost } from "../containers/runtimes-of-host.ts";

/** Which runtimes are asked, and who hears of containers that end. */
export interface ContainersOfHostOptions {
  /** DOCKER_HOST, CONTAINERD_ADDRESS and such are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onProblem: (message: string) => void;
  readonly onStopped?: (container: Container) => void;
}

/** The containers of this host, not asked for yet: `start()` them. */
export function containersOfHost(options: ContainersOfHostOptions): ContainerRegistry {
  const runtimes = runtimesOfHost(options.environment);
  const { onProblem, onStopped } = options;
  const registry = new ContainerRegistry({
    runtimes,
    onProblem,
    ...(onStopped === undefined ? {} : { onStopped }),
  });
  registry.scanCgroups();
  return registry;
}
