import { shortId } from "./cgroup-path.ts";
import type { Container, ContainerMetadata, ContainerRuntime } from "./container.ts";

/**
 * A container while the registry learns about it. Whoever holds one, such as the frozen scene of an
 * alert, sees metadata as soon as it has come: the object stays the same for the container's life,
 * so it is mutable, for the registry alone.
 */
export class ContainerRecord implements Container {
  readonly fullId: string;
  readonly id: string;
  runtime: ContainerRuntime;
  metadata: ContainerMetadata | undefined;
  state: "pending" | "known" | "failed" = "pending";
  declare failure?: string;
  /** True while it has a cgroup or its runtime says so. */
  running = false;
  /** Its live cgroups: id → path. */
  readonly cgroups = new Map<number, string>();
  readonly #waiters = new Set<() => void>();

  constructor(fullId: string, runtime: ContainerRuntime) {
    this.fullId = fullId;
    this.id = shortId(fullId);
    this.runtime = runtime;
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
