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
 * there cost a look each and are found when they come. `dockerHost` (the value of DOCKER_HOST):
 * where Docker is to be asked instead of at its usual place. Throws `CONFIG_DOCKER_HOST`.
 */
export function runtimesOfHost(dockerHost: string | undefined): readonly Runtime[] {
  const isGiven = dockerHost !== undefined && dockerHost !== "";
  const storage = storageRoots();
  const dataRoot = isGiven ? undefined : dockerDataRoot();
  const docker = dockerRuntime({ client: dockerClient(dockerEndpoint(dockerHost)), dataRoot });
  const podman = podmanRuntime(dockerClient(`unix://${socketOnHost(PODMAN_SOCKET)}`), storage);
  return [
    ...CONTAINERD_STATES.map(containerdRuntime).map(quiet),
    isGiven ? docker : quiet(docker),
    quiet(podman),
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
function storageRoots(): StorageRoots {
  const settings = readSettings(hostPath("/etc/containers/storage.conf"));
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
