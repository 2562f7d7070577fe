import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../lib/errors.ts";
import { containerOfCgroup } from "./cgroup-path.ts";
import {
  cgroupIdAt,
  type CgroupRoots,
  cgroupRoots,
  hostCgroupRoot,
  scanContainerCgroups,
} from "./cgroup-scan.ts";
import type { Container, ContainerRuntime } from "./container.ts";
import { ContainerRecord } from "./container-record.ts";
import type { DockerClient, DockerEvent } from "./docker-client.ts";
import { watchDocker } from "./docker-watch.ts";

export interface ContainerRegistryOptions {
  /** The APIs to ask; none is fine: then containers have ids but no names. */
  readonly clients: readonly DockerClient[];
  /** One line, once for each time that an API is out of reach. */
  readonly onProblem?: (message: string) => void;
  /**
   * A container has stopped: it has no cgroup any more, or its runtime says so. Called once for
   * each run.
   */
  readonly onStopped?: (container: Container) => void;
  /** Where cgroups are mounted; default that of the host. */
  readonly cgroupRoot?: string;
}

/**
 * Which container a cgroup is. Containers appear by the kernel's word (`cgroupAppeared`) or the
 * runtime's (`create`), whichever comes first, and are then asked for at once. A container is one
 * object for its whole life, updated in place. What has stopped stays known for a while, since
 * alerts come late; bounded by STOPPED_MAX and CONTAINERS_MAX.
 */
export class ContainerRegistry {
  readonly #options: ContainerRegistryOptions;
  readonly #roots: CgroupRoots;
  readonly #byCgroup = new Map<number, ContainerRecord>();
  readonly #byFullId = new Map<string, ContainerRecord>();
  /** In the order of their ends. */
  readonly #stopped = new Set<ContainerRecord>();
  readonly #goneCgroups = new Set<number>();
  readonly #asking = new Map<ContainerRecord, "once" | "again">();
  readonly #runtimes = new Map<DockerClient, ContainerRuntime>();
  readonly #stop = new AbortController();

  constructor(options: ContainerRegistryOptions) {
    this.#options = options;
    this.#roots = cgroupRoots(options.cgroupRoot ?? hostCgroupRoot());
  }

  /**
   * Starts to follow the runtimes; resolves when each has listed its containers (and they are
   * known) or is out of reach. Never rejects.
   */
  async start(): Promise<void> {
    await Promise.all(this.#options.clients.map((client) => this.#watch(client)));
  }

  /** Ends all connections. What is known stays. */
  stop(): void {
    this.#stop.abort();
  }

  /** Takes in the cgroups that exist already. */
  scanCgroups(): void {
    for (const { id, path } of scanContainerCgroups(this.#options.cgroupRoot ?? hostCgroupRoot()))
      this.cgroupAppeared(id, path);
  }

  /** The kernel's word that a cgroup with this id (its directory's inode) has this path. */
  cgroupAppeared(id: number, path: string): void {
    const found = containerOfCgroup(path);
    const before = this.#byCgroup.get(id);
    if (before !== undefined && before.fullId === found?.fullId) return;
    if (before !== undefined && this.#stillAt(before, id)) return;
    this.#byCgroup.delete(id);
    if (found === undefined) return;
    const record = this.#record(found.fullId, found.runtime);
    record.cgroups.set(id, path);
    this.#byCgroup.set(id, record);
    this.#goneCgroups.delete(id);
    if (this.#byCgroup.size > CGROUPS_MAX) this.#forgetCgroup(first(this.#byCgroup.keys()));
    this.#started(record);
    // One that was asked for at its creation is asked for again at its `start`, when it has a pid
    // and an address.
    if (record.state === "pending") this.#ask(record);
  }

  /**
   * The cgroup was removed. Its id is still understood for a while: events of its last processes
   * may come later.
   */
  cgroupGone(id: number): void {
    const record = this.#byCgroup.get(id);
    if (record === undefined || this.#stillAt(record, id)) return;
    record.cgroups.delete(id);
    this.#goneCgroups.add(id);
    if (this.#goneCgroups.size > STOPPED_MAX) this.#forgetCgroup(first(this.#goneCgroups));
    if (record.cgroups.size === 0) this.#ended(record);
  }

  /** Undefined on the host. Hot: one look-up. */
  byCgroup(id: number): Container | undefined {
    return this.#byCgroup.get(id);
  }

  /**
   * By the whole id, its first 12 characters, or any beginning of at least 4 that only one
   * container has.
   */
  byId(id: string): Container | undefined {
    const exact = this.#byFullId.get(id);
    if (exact !== undefined || id.length < 4 || id.length >= 64) return exact;
    const matches = [...this.#byFullId.values()].filter((record) => record.fullId.startsWith(id));
    return matches.length === 1 ? matches[0] : undefined;
  }

  /** The one that runs, where a stopped one had the same name before. */
  byName(name: string): Container | undefined {
    const matches = [...this.#byFullId.values()].filter((record) => record.metadata?.name === name);
    return matches.find((record) => record.running) ?? matches.at(-1);
  }

  /**
   * A container by name or id, asking the runtimes where it is not known yet. Undefined when none
   * has it.
   */
  async lookUp(nameOrId: string): Promise<Container | undefined> {
    const known = this.byName(nameOrId) ?? this.byId(nameOrId);
    return known === undefined ? this.lookUpAnew(nameOrId) : this.whenSettled(known, LOOK_UP_MS);
  }

  /**
   * The same by the runtimes' word of now: what is known may be as it was before the start, or
   * another container that had the name before. What is known counts where no runtime answers.
   */
  async lookUpAnew(nameOrId: string): Promise<Container | undefined> {
    let isAbsent = false;
    for (const client of this.#options.clients) {
      const inspected = await client.inspect(nameOrId).catch((error: unknown) => {
        isAbsent ||= error instanceof AppError && error.code === "PEER_DOCKER_NOT_FOUND";
        return undefined;
      });
      if (inspected === undefined || inspected.fullId === "") continue;
      const record = this.#record(inspected.fullId, this.#runtimes.get(client) ?? "docker");
      if (inspected.running) this.#started(record);
      record.know(inspected.metadata);
      return record;
    }
    return isAbsent ? undefined : (this.byName(nameOrId) ?? this.byId(nameOrId));
  }

  /** The containers that run now. */
  list(): Container[] {
    return this.#running();
  }

  /**
   * Resolves at once when the container is known or failed, else when it becomes so or the time is
   * up. Never rejects.
   */
  async whenSettled(container: Container, timeoutMs: number): Promise<Container> {
    return container instanceof ContainerRecord ? container.settled(timeoutMs) : container;
  }

  /**
   * Asks the runtime again now, as for a healthcheck that was changed or an address that was given
   * late. Resolves when it has answered, at the latest after REFRESH_MS. Never rejects: what is
   * known stays.
   */
  async refresh(container: Container): Promise<Container> {
    if (!(container instanceof ContainerRecord)) return container;
    const time = new AbortController();
    const limit = sleep(REFRESH_MS, undefined, { signal: time.signal }).catch(() => undefined);
    await Promise.race([this.#inspect(container), limit]);
    time.abort();
    return container;
  }

  #running(): ContainerRecord[] {
    return [...this.#byFullId.values()].filter((record) => record.running);
  }

  #watch(client: DockerClient): Promise<void> {
    return new Promise((resolve) => {
      const listener = {
        onConnected: (
          _: DockerClient,
          version: { runtime: ContainerRuntime },
          running: readonly string[],
        ) => {
          this.#runtimes.set(client, version.runtime);
          void this.#connected(running, version.runtime).then(resolve);
        },
        onEvent: (_: DockerClient, event: DockerEvent) => this.#happened(client, event),
        onProblem: (_: DockerClient, message: string) => {
          this.#options.onProblem?.(message);
          resolve();
        },
      };
      void watchDocker(client, listener, this.#stop.signal).then(resolve);
    });
  }

  async #connected(running: readonly string[], runtime: ContainerRuntime): Promise<void> {
    const records = running.map((fullId) => this.#record(fullId, runtime));
    for (const record of records) this.#started(record);
    const missed = this.#running().filter(
      (record) =>
        record.runtime === runtime && record.cgroups.size === 0 && !records.includes(record),
    );
    for (const record of missed) this.#ended(record);
    // Also those that could not be asked for while the API was away.
    const waiting = this.#running().filter((record) => record.state !== "known");
    const asked = new Set([...records, ...waiting]);
    for (const record of asked) this.#ask(record);
    await Promise.all([...asked].map((record) => record.settled(LOOK_UP_MS)));
  }

  #happened(client: DockerClient, { action, fullId, name }: DockerEvent): void {
    const ending = action === "die" || action === "destroy";
    const record = ending
      ? this.#byFullId.get(fullId)
      : this.#record(fullId, this.#runtimes.get(client) ?? "docker");
    if (record === undefined) return;
    switch (action) {
      case "create":
        return this.#ask(record);
      case "start":
        this.#started(record);
        return this.#ask(record);
      case "rename":
        if (record.metadata !== undefined) record.metadata = { ...record.metadata, name };
        // An inspect that is under way may bring the old name.
        return this.#ask(record);
      case "die":
      case "destroy":
        return this.#ended(record);
    }
  }

  /** Asks the runtimes; once more after the present question when one is under way. */
  #ask(record: ContainerRecord): void {
    if (this.#asking.has(record)) {
      this.#asking.set(record, "again");
      return;
    }
    const unasked = UNASKED[record.runtime];
    if (unasked !== undefined) return record.fail(unasked);
    this.#asking.set(record, "once");
    void this.#question(record);
  }

  async #question(record: ContainerRecord): Promise<void> {
    do {
      this.#asking.set(record, "once");
      await this.#inspect(record);
    } while (this.#asking.get(record) === "again");
    this.#asking.delete(record);
  }

  async #inspect(record: ContainerRecord): Promise<void> {
    let reason = "no container runtime's API is configured";
    // A runtime may make the cgroup before it admits the container: when all say "not found", ask
    // once more.
    for (const pause of [0, AGAIN_MS]) {
      if (pause > 0) await sleep(pause);
      let absent = false;
      for (const client of this.#options.clients) {
        try {
          const { metadata } = await client.inspect(record.fullId);
          record.runtime =
            this.#runtimes.get(client) ??
            (record.runtime === "unknown" ? "docker" : record.runtime);
          return record.know(metadata);
        } catch (error) {
          absent ||= error instanceof AppError && error.code === "PEER_DOCKER_NOT_FOUND";
          reason = absent ? "no runtime that was asked knows this container" : messageOf(error);
        }
      }
      if (!absent) break;
    }
    record.fail(reason);
  }

  #record(fullId: string, runtime: ContainerRuntime): ContainerRecord {
    const known = this.#byFullId.get(fullId);
    if (known !== undefined) return known;
    const record = new ContainerRecord(fullId, runtime);
    this.#byFullId.set(fullId, record);
    this.#stopped.add(record);
    this.#makeRoom();
    return record;
  }

  #started(record: ContainerRecord): void {
    record.running = true;
    this.#stopped.delete(record);
  }

  #ended(record: ContainerRecord): void {
    if (!record.running) return;
    record.running = false;
    this.#stopped.add(record);
    this.#makeRoom();
    this.#options.onStopped?.(record);
  }

  #makeRoom(): void {
    if (this.#stopped.size > STOPPED_MAX) this.#forget(first(this.#stopped));
    if (this.#byFullId.size > CONTAINERS_MAX)
      this.#forget(first(this.#stopped) ?? first(this.#byFullId.values()));
  }

  #forget(record: ContainerRecord | undefined): void {
    if (record === undefined) return;
    this.#stopped.delete(record);
    this.#byFullId.delete(record.fullId);
    for (const id of record.cgroups.keys()) this.#byCgroup.delete(id);
  }

  #forgetCgroup(id: number | undefined): void {
    if (id === undefined) return;
    this.#byCgroup.delete(id);
    this.#goneCgroups.delete(id);
  }

  /**
   * Ids of v1 and v2 groups may be equal, and notices tell of both. The v2 group's claim is the
   * stronger one: an event carries its v1 id only where the process has no v2 group.
   */
  #stillAt(record: ContainerRecord, id: number): boolean {
    const path = record.cgroups.get(id);
    return (
      path !== undefined &&
      this.#roots.unified !== undefined &&
      cgroupIdAt(this.#roots.unified, path) === id
    );
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

/** Runtimes whose API is not asked yet, and what to say of their containers. */
const UNASKED: Readonly<Partial<Record<ContainerRuntime, string>>> = {
  containerd: "containerd's API is not asked for names yet",
  "cri-o": "CRI-O's API is not asked for names yet",
};
const STOPPED_MAX = 4096;
const CONTAINERS_MAX = 16_384;
const CGROUPS_MAX = 100_000;
const AGAIN_MS = 150;
const LOOK_UP_MS = 10_000;
const REFRESH_MS = 1000;
