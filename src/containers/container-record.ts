import { reportedId } from "./cgroup-path.ts";
import type { Container, ContainerMetadata, ContainerRuntime } from "./container.ts";
import { boundedMetadata, mergedMetadata } from "./metadata.ts";
import type { KnownContainer, Runtime } from "./runtime.ts";

/** How much is known of whether a record is a container at all. */
export type Proof =
  /** A runtime says so, at this place. */
  | "runtime"
  /** The layout of its control group is a runtime's: then its processes have their own namespace. */
  | "layout"
  /** Its name alone says so, as long as nobody was asked. */
  | "name";

/**
 * A container while the registry learns about it. Whoever holds one, such as the frozen scene of an
 * alert, sees metadata as soon as it has come: the object stays the same for the container's life,
 * so it is mutable, for the registry and what adds to its answers alone.
 */
export class ContainerRecord implements Container {
  readonly fullId: string;
  readonly id: string;
  runtime: ContainerRuntime;
  metadata: ContainerMetadata | undefined;
  state: "pending" | "known" | "failed" = "pending";
  declare failure?: string;
  proof: Proof = "name";
  /** The runtime that spoke of it first: it alone is asked from then on. */
  source: Runtime | undefined;
  /** Its control group, once it is known or claimed. */
  directory: string | undefined;
  /** Where its runtime says that its control group is, or will be. */
  readonly places = new Set<string>();
  /** False where its path says nothing, as `/default/web`. */
  isDistinct = true;
  /** Whether it is asked for again, since its process had not started. */
  isAskedLater = false;
  /** True while it has a cgroup or its runtime says so. */
  running = false;
  /** Its live cgroups: id → path. */
  readonly cgroups = new Map<number, string>();
  readonly #waiters = new Set<() => void>();

  constructor(fullId: string, runtime: ContainerRuntime) {
    this.fullId = fullId;
    this.id = reportedId({ fullId, runtime });
    this.runtime = runtime;
  }

  get isClaimed(): boolean {
    return this.state === "pending" && this.proof === "name";
  }

  /** What is said in part takes nothing away of what was known before. */
  metadataWith({ isComplete, metadata }: KnownContainer): ContainerMetadata {
    const bounded = boundedMetadata(metadata);
    return isComplete || this.metadata === undefined
      ? bounded
      : mergedMetadata(this.metadata, bounded);
  }

  know(metadata: ContainerMetadata): void {
    this.metadata = metadata;
    this.state = "known";
    delete this.failure;
    this.#wake();
  }

  /** What is known stays known: a container that has vanished keeps its last metadata. */
  fail(reason: string): void {
    if (this.state === "known") return;
    this.state = "failed";
    this.failure = reason;
    this.#wake();
  }

  /** Resolves when the state is no longer `pending`, or after the time is up. */
  settled(timeoutMs: number): Promise<this> {
    if (this.state !== "pending") return Promise.resolve(this);
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(finish);
        resolve(this);
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#waiters.add(finish);
    });
  }

  #wake(): void {
    for (const finish of this.#waiters) finish();
  }
}
