import { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { dockerClient, dockerEndpoints } from "../containers/docker-client.ts";

export interface ContainersOfHostOptions {
  /** DOCKER_HOST is read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onProblem: (message: string) => void;
  readonly onStopped?: (container: Container) => void;
}

/** The containers of this host, not asked for yet: `start()` them. */
export function containersOfHost(options: ContainersOfHostOptions): ContainerRegistry {
  const clients = dockerEndpoints(options.environment["DOCKER_HOST"]).map((endpoint) =>
    dockerClient(endpoint),
  );
  const { onProblem, onStopped } = options;
  const registry = new ContainerRegistry({
    clients,
    onProblem,
    ...(onStopped === undefined ? {} : { onStopped }),
  });
  registry.scanCgroups();
  return registry;
}
