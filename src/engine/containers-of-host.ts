import { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { type KubernetesFacts, withKubernetes } from "../containers/kubernetes-facts.ts";
import { runtimesOfHost } from "../containers/runtimes-of-host.ts";

/** Which runtimes are asked, and who hears of containers that end. */
export interface ContainersOfHostOptions {
  /** DOCKER_HOST, CONTAINERD_ADDRESS and such are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onProblem: (message: string) => void;
  readonly onStopped?: (container: Container) => void;
  /** Asked for what runtimes do not know of pods; nobody is when left out. */
  readonly kubernetes?: KubernetesFacts | undefined;
}

/** The containers of this host, not asked for yet: `start()` them. Throws `CONFIG_DOCKER_HOST`. */
export function containersOfHost(options: ContainersOfHostOptions): ContainerRegistry {
  const { onProblem, onStopped, kubernetes } = options;
  const runtimes = runtimesOfHost(options.environment);
  const registry = new ContainerRegistry({
    runtimes:
      kubernetes === undefined
        ? runtimes
        : runtimes.map((runtime) => withKubernetes(runtime, kubernetes)),
    onProblem,
    ...(onStopped === undefined ? {} : { onStopped }),
  });
  registry.scanCgroups();
  return registry;
}
