import type { ContainerMetadata, ContainerRuntime } from "./container.ts";

/** What a runtime knows of one of its containers. */
export interface KnownContainer {
  readonly fullId: string;
  readonly runtime: ContainerRuntime;
  /** Undefined where the runtime does not say. */
  readonly running: boolean | undefined;
  readonly metadata: ContainerMetadata;
  /**
   * Its control group may have any of these paths and no other; empty where the runtime does not
   * say.
   */
  readonly places: readonly string[];
  /** False where others that the runtime has say more: its image is missing, say. */
  readonly isComplete: boolean;
  /** The runtime's own, where it keeps its containers in namespaces. */
  readonly namespace?: string;
}

/** Which container a runtime is asked for. */
export interface RuntimeQuestion {
  /** Its whole id; or its name, for a runtime that knows names itself. */
  readonly id: string;
  /** The control group that it is believed to have: two containers may have one id. */
  readonly directory?: string | undefined;
  /** Who asks: askers take turns. Absent: out of turn. */
  readonly asker?: string | undefined;
  /** Called with what is known at once, if more is to come. */
  readonly onFirst?: ((container: KnownContainer) => void) | undefined;
}

/** Something happened to a container. */
export interface RuntimeEvent {
  readonly action: "created" | "started" | "renamed" | "ended";
  readonly fullId: string;
  /** Of `renamed`. */
  readonly name?: string;
}

/** Who follows a runtime. */
export interface RuntimeListener {
  /**
   * The runtime is there; from here on no event is missed. `running`: the containers that run, as
   * far as it says. Called again after each interruption.
   */
  readonly onConnected: (running: readonly string[]) => void;
  readonly onEvent: (event: RuntimeEvent) => void;
  /**
   * Once for each time that the runtime is out of reach, with the reason unless it is simply not
   * there; then it is tried again quietly.
   */
  readonly onProblem: (message: string | undefined) => void;
}

/** How far a runtime can be asked. */
export interface RuntimeStatus {
  /** Whether its files can be read. */
  readonly hasFiles: boolean;
  /** What its API says it is, as `containerd 1.6.20`; undefined where it has none. */
  readonly version?: string | undefined;
  /** Why its API does not answer. */
  readonly problem?: string | undefined;
  /** What only its API knows, in words; undefined for a runtime that needs none. */
  readonly lacksWithoutApi?: string | undefined;
}

/** What a runtime keeps on disk or in /run, and reads without asking anybody. */
export interface RuntimeFiles extends Omit<Runtime, "status"> {
  /** False where it keeps nothing that can be read: then not to be found means nothing. */
  isThere(): Promise<boolean>;
  /** Whether any of it is this runtime's, where another one may keep its own in the same place. */
  isUsed?(): Promise<boolean>;
}

/** Who can be asked for what files do not say. */
export interface RuntimeApi {
  readonly name: string;
  /** What the files do not say, in words: `addresses and ports`. */
  readonly adds: string;
  /** Name and version, as `containerd 1.6.20`. */
  version(): Promise<string>;
  list(): Promise<readonly string[]>;
  /** As `Runtime.inspect`; `first`: what the files have said already. */
  inspect(
    question: RuntimeQuestion,
    first: KnownContainer | undefined,
  ): Promise<KnownContainer | undefined>;
  /** Absent where it is not followed: its files are. */
  watch?(listener: RuntimeListener, signal: AbortSignal): Promise<void>;
}

/**
 * A container runtime of this host, known by its files, its API or both. Nothing of it waits for
 * ever; an answer is what it says, not what is true.
 */
export interface Runtime {
  /** For people: `docker at unix:///var/run/docker.sock`. */
  readonly name: string;
  /** What its containers may be: only for these it is asked. */
  readonly kinds: readonly ContainerRuntime[];
  /** Ids of the containers that it runs now. Throws `PEER_…` when it cannot be asked. */
  list(): Promise<readonly string[]>;
  /**
   * Undefined when it knows no such container; throws `PEER_…` when it cannot be asked, so that
   * nobody takes one for the other.
   */
  inspect(question: RuntimeQuestion): Promise<KnownContainer | undefined>;
  /** What of it can be used now. */
  status(): Promise<RuntimeStatus>;
  /** Follows it until `signal` aborts, through its restarts. Never rejects. */
  watch(listener: RuntimeListener, signal: AbortSignal): Promise<void>;
}
