import { dirname } from "node:path";
import { hostPath } from "../lib/host-root.ts";
import { containerdRuntime } from "./containerd-runtime.ts";
import { crioRuntime } from "./crio-runtime.ts";
import { dockerClient, dockerEndpoint, socketOnHost } from "./docker-client.ts";
import { dockerRuntime, podmanRuntime } from "./docker-runtime.ts";
import { filesRuntime } from "./layered-runtime.ts";
import { machineFiles } from "./machine-files.ts";
import { rootlessPodman } from "./rootless-podman.ts";
import type { Runtime } from "./runtime.ts";
import { readSettings } from "./state-file.ts";
import type { StorageRoots } from "./storage-files.ts";

/**
 * The runtimes that may be on this host, in the order in which they are asked. Those that are not
 * there cost a look each and are found when they come. The variables are those of the runtimes' own
 * clients: DOCKER_HOST, CONTAINERD_ADDRESS, CONTAINER_HOST and CONTAINERS_STORAGE_CONF name other
 * places than the usual ones. Throws `CONFIG_DOCKER_HOST`.
 */
export function runtimesOfHost(
  environment: Readonly<Record<string, string | undefined>>,
): readonly Runtime[] {
  const dockerHost = environment["DOCKER_HOST"] || undefined;
  const storage = storageRoots(environment["CONTAINERS_STORAGE_CONF"]);
  const dataRoot = dockerHost === undefined ? dockerDataRoot() : undefined;
  const docker = dockerRuntime({ client: dockerClient(dockerEndpoint(dockerHost)), dataRoot });
  const podmanHost = environment["CONTAINER_HOST"] || `unix://${socketOnHost(PODMAN_SOCKET)}`;
  const containerdSocket = environment["CONTAINERD_ADDRESS"] || undefined;
  const states = containerdSocket === undefined ? CONTAINERD_STATES : [dirname(containerdSocket)];
  return [
    ...states.map(containerdRuntime).map(quiet),
    dockerHost === undefined ? quiet(docker) : docker,
    quiet(podmanRuntime(dockerClient(podmanHost), storage)),
    quiet(crioRuntime(CRIO_SOCKET, storage)),
    filesRuntime(rootlessPodman()),
    filesRuntime(machineFiles(MACHINES)),
  ];
}

/** A runtime that nobody asked for by name is no problem when it is not there. */
function quiet(runtime: Runtime): Runtime {
  return {
    ...runtime,
    watch: (listener, signal) => {
      const onProblem = (message: string | undefined): void =>
        listener.onProblem(message?.endsWith(ABSENT) === true ? undefined : message);
      return runtime.watch({ ...listener, onProblem }, signal);
    },
  };
}

function dockerDataRoot(): string {
  const settings = readSettings(hostPath("/etc/docker/daemon.json"));
  const [, root = "/var/lib/docker"] = /"data-root"\s*:\s*"([^"\\]+)"/.exec(settings) ?? [];
  return root;
}

/** Its settings are TOML; of them two words count. */
function storageRoots(path = "/etc/containers/storage.conf"): StorageRoots {
  const settings = readSettings(hostPath(path));
  const word = (key: string): string | undefined =>
    new RegExp(`^\\s*${key}\\s*=\\s*"([^"]+)"`, "m").exec(settings)?.[1];
  return {
    root: word("graphroot") ?? "/var/lib/containers/storage",
    runRoot: word("runroot") ?? "/run/containers/storage",
  };
}

/** containerd's own, then those of k3s and RKE2, k0s, MicroK8s, Bottlerocket. */
const CONTAINERD_STATES = [
  "/run/containerd",
  "/run/k3s/containerd",
  "/run/k0s/containerd",
  "/var/snap/microk8s/common/run/containerd",
  "/run/host-containerd",
];
const PODMAN_SOCKET = "/run/podman/podman.sock";
const CRIO_SOCKET = "/run/crio/crio.sock";
const MACHINES = "/run/systemd/machines";
const ABSENT = "no such socket";
