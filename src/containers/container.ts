/** A port that an image declares or a container publishes. */
export interface ContainerPort {
  readonly port: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** Where the host publishes it; absent when it is only declared (EXPOSE). */
  readonly published?: { readonly address: string; readonly port: number };
}

/** A mount of a container, as its runtime lists it. Texts are empty where it does not say. */
export interface ContainerMount {
  readonly source: string;
  readonly destination: string;
  readonly mode: string;
  readonly writable: boolean;
  readonly propagation: string;
}

/** What the runtime says of a container. Texts are empty when the runtime has none. */
export interface ContainerMetadata {
  readonly name: string;
  /** As given at creation, such as `nginx:1.25`. */
  readonly image: string;
  readonly imageId: string;
  readonly imageRepository: string;
  readonly imageTag: string;
  readonly imageDigest: string;
  readonly privileged: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: readonly string[];
  /** The program that the container starts, with its arguments. */
  readonly command: readonly string[];
  /**
   * The program that checks its health, with its arguments; empty where the check is turned off,
   * undefined where there is none.
   */
  readonly healthcheck: readonly string[] | undefined;
  readonly mounts: readonly ContainerMount[];
  readonly ports: readonly ContainerPort[];
  readonly ip: string;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** Host process id of the container's first process, 0 while it is not running. */
  readonly pid: number;
  /** Nanoseconds since the Unix epoch. */
  readonly createdAt: bigint;
  /** Nanoseconds since the Unix epoch, 0 before the first start. */
  readonly startedAt: bigint;
  /** The Kubernetes pod that it belongs to, where the runtime itself says so. */
  readonly pod?: ContainerPod | undefined;
  /** What the Kubernetes API says of that pod; undefined where it is not asked or does not know. */
  readonly podFacts?: PodFacts | undefined;
}

/** What the Kubernetes API says of a pod; each is undefined until it has. */
export interface PodFacts {
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
  /** Kind and name of its controller, as `Deployment/shop`; empty for a pod that has none. */
  readonly owner: string | undefined;
}

/** What a runtime says of a container's pod. Texts are empty where it says nothing. */
export interface ContainerPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** The whole id of the container that holds the pod's namespaces; empty for none. */
  readonly sandboxId: string;
  /** The pod's own labels; undefined where only the API knows them and did not say. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly ip: string;
}

/** The kind of runtime that runs a container; `unknown` as long as nothing names it. */
export type ContainerRuntime =
  | "docker"
  | "podman"
  | "containerd"
  | "cri-o"
  | "lxc"
  | "libvirt-lxc"
  | "systemd-nspawn"
  | "nomad"
  | "bpm"
  | "unknown";

/**
 * A container known by its cgroup. `metadata` arrives later than the container's first events may.
 */
export interface Container {
  /** 64 hexadecimal digits where the runtime uses such ids, else its name there. */
  readonly fullId: string;
  /** The first 12 characters, the whole for what has only a name: Falco's `container.id`. */
  readonly id: string;
  readonly runtime: ContainerRuntime;
  readonly metadata: ContainerMetadata | undefined;
  /**
   * `pending` while the runtime is being asked; `failed` with the reason in `failure`, after which
   * nothing more will come.
   */
  readonly state: "pending" | "known" | "failed";
  /**
   * True as long as only the name of its control group says that it is this container: it may turn
   * out to be another one, or none.
   */
  readonly isClaimed?: boolean;
  readonly failure?: string;
}
