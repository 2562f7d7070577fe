import { setTimeout as sleep } from "node:timers/promises";
import { type CgroupClaim, claimsOf } from "./cgroup-path.ts";
import { hostCgroupRoot, hostPidNamespace, scanContainerCgroups } from "./cgroup-scan.ts";
import { type CgroupId, CgroupTable } from "./cgroup-table.ts";
import { isWithin, Places } from "./container-places.ts";
import type { Container, ContainerRuntime } from "./container.ts";
import { ContainerRecord } from "./container-record.ts";
import { metadataOf } from "./metadata.ts";
import { CONTAINERS_MAX, RecordTable } from "./record-table.ts";
import type { KnownContainer, Runtime, RuntimeEvent } from "./runtime.ts";
import { type Answer, RuntimeQuestions } from "./runtime-questions.ts";
import { RecordQuestions } from "./record-questions.ts";

/** The runtimes, callbacks and facts of the host that a `ContainerRegistry` works with. */
export interface ContainerRegistryOptions {
  /** Whom to ask; none is fine: then containers have ids but no names. */
  readonly runtimes: readonly Runtime[];
  /** One line, once for each time that a runtime is out of reach. */
  readonly onProblem?: (message: string) => void;
  /**
   * A container has stopped: it has no cgroup any more, or its runtime says so. Called once for
   * each run.
   */
  readonly onStopped?: (container: Container) => void;
  /** Where cgroups are mounted; default that of the host. */
  readonly cgroupRoot?: string;
  /** The inode of the pid namespace of the host's first process; read when absent. */
  readonly hostPidNamespace?: number;
}

/**
 * Which container a cgroup is. Containers appear by the kernel's word (`cgroupAppeared`) or a
 * runtime's, whichever comes first, and the runtimes that may know one are asked for it at once. A
 * cgroup's path is a claim: it counts when a runtime knows the container at this place, or when
 * nobody can say and the layout is a runtime's. The outermost container of a path is the one. A
 * container is one object for its whole life, updated in place. What has stopped stays known for a
 * while, since alerts come late; bounded as in RecordTable.
 */
export class ContainerRegistry {
  readonly #options: ContainerRegistryOptions;
  readonly #cgroupRoot: string;
  readonly #places = new Places();
  readonly #hostPidNamespace: number;
  readonly #runtimes: RuntimeQuestions;
  readonly #questions: RecordQuestions;
  readonly #records = new RecordTable();
  readonly #cgroups: CgroupTable;
  /** Places whose name means nothing, as it turned out, and when. */
  readonly #refused = new Map<string, number>();
  readonly #stop = new AbortController();
  /** Called for a cgroup that is a container's, as it turns out after it appeared. */
  onFound: (cgroup: CgroupId) => void = () => undefined;
  /** Called once for each container, when its runtime has told what it is. */
  onKnown: (container: Container) => void = () => undefined;
  readonly #told = new WeakSet<ContainerRecord>();

  constructor(options: ContainerRegistryOptions) {
    this.#options = options;
    this.#cgroupRoot = options.cgroupRoot ?? hostCgroupRoot();
    this.#cgroups = new CgroupTable(this.#cgroupRoot);
    this.#hostPidNamespace = options.hostPidNamespace ?? hostPidNamespace();
    this.#runtimes = new RuntimeQuestions(options.runtimes);
    this.#questions = new RecordQuestions(this.#runtimes, {
      accepts: (record, known) => this.#accepts(record, known),
      onFirst: (record, known) => this.#learn(record, known),
      onAnswer: (record, answer) => this.#answered(record, answer),
    });
    this.#records.onForgotten = (record) => this.#cgroups.forget(record);
  }

  /**
   * Starts to follow the runtimes; resolves when each has listed its containers (and they are
   * known) or is out of reach. Never rejects.
   */
  async start(): Promise<void> {
    await Promise.all(this.#options.runtimes.map((runtime) => this.#watch(runtime)));
  }

  /** Ends all connections. What is known stays. */
  stop(): void {
    this.#stop.abort();
  }

  /** Questions asked, refused because too many waited, and ids that nobody knew lately. */
  stats() {
    return { ...this.#runtimes.stats(), containers: this.#records.size };
  }

  /** Takes in the cgroups that exist already. */
  scanCgroups(): void {
    for (const { id, path } of scanContainerCgroups(this.#cgroupRoot))
      this.cgroupAppeared(id, path);
  }

  /** The kernel's word that a cgroup with this id (its directory's inode) has this path. */
  cgroupAppeared(id: number, path: string): void {
    const before = this.#cgroups.byId(id);
    if (before?.cgroups.get(id) === path) return;
    if (before !== undefined && this.#cgroups.isStillAt(before, id)) return;
    if (before !== undefined) this.#cgroups.release(before, id);
    const record = this.#recordAt(path);
    if (record === undefined) return;
    this.#attach(record, id, path);
    // One that was asked for at its creation is asked for again at its `start`, when it has a pid
    // and an address.
    if (record.state === "pending") this.#questions.ask(record, parentOf(record.directory));
  }

  /**
   * The cgroup was removed. Its id is still understood for a while: events of its last processes
   * may come later.
   */
  cgroupGone(id: number): void {
    const record = this.#cgroups.byId(id);
    if (record === undefined || this.#cgroups.isStillAt(record, id)) return;
    this.#cgroups.removed(record, id);
    if (record.cgroups.size === 0) this.#ended(record);
  }

  /**
   * Undefined on the host. Hot: one look-up. `pidNamespace` (its inode): that of the process; one in
   * the host's is in no container of which nothing but a cgroup's name is known.
   */
  byCgroup(id: number, pidNamespace?: number): Container | undefined {
    const record = this.#cgroups.byId(id);
    if (record?.proof === "layout" && pidNamespace === this.#hostPidNamespace) return undefined;
    return record;
  }

  /** The container in whose cgroup, or below it, a path lies; only of those that are known. */
  byPath(path: string): Container | undefined {
    return this.#cgroups.byPath(path);
  }

  /**
   * By the whole id, its first 12 characters, or any beginning of at least 4 that only one
   * container has. The one that runs, where several have the same id.
   */
  byId(id: string): Container | undefined {
    return this.#records.byId(id);
  }

  /** The one that runs, where a stopped one had the same name before. */
  byName(name: string): Container | undefined {
    return this.#records.byName(name);
  }

  /**
   * A container by name or id, asking the runtimes where it is not known yet. Undefined when none
   * has it.
   */
  async lookUp(nameOrId: string): Promise<Container | undefined> {
    const known = this.#records.byName(nameOrId) ?? this.#records.byId(nameOrId);
    if (known === undefined) return this.lookUpAnew(nameOrId);
    await known.settled(LOOK_UP_MS);
    const hasProcess = known.metadata === undefined || known.metadata.pid !== 0;
    return hasProcess || !known.running ? known : this.refresh(known);
  }

  /**
   * The same by the runtimes' word of now: what is known may be as it was before the start, or
   * another container that had the name before. What is known counts where no runtime answers.
   */
  async lookUpAnew(nameOrId: string): Promise<Container | undefined> {
    let isAbsent = false;
    for (const runtime of this.#options.runtimes) {
      const asked = runtime.inspect({ id: nameOrId }).then((found) => {
        isAbsent ||= found === undefined;
        return found;
      });
      const found = await asked.catch(() => undefined);
      if (found === undefined) continue;
      const record = this.#spokenOf(found.fullId, runtime);
      if (found.running === true) this.#started(record);
      if (this.#accepts(record, found)) this.#know(record, found);
      return record;
    }
    return isAbsent ? undefined : (this.byName(nameOrId) ?? this.byId(nameOrId));
  }

  /** The containers that run now. */
  list(): Container[] {
    return this.#records.running();
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
    await this.#questions.askNow(container, REFRESH_MS);
    return container;
  }

  #watch(runtime: Runtime): Promise<void> {
    return new Promise((resolve) => {
      const listener = {
        onConnected: (running: readonly string[]) =>
          void this.#connected(runtime, running).then(resolve),
        onEvent: (event: RuntimeEvent) => this.#happened(runtime, event),
        onProblem: (message: string | undefined) => {
          if (message !== undefined) this.#options.onProblem?.(message);
          resolve();
        },
      };
      void runtime.watch(listener, this.#stop.signal).then(resolve);
    });
  }

  async #connected(runtime: Runtime, running: readonly string[]): Promise<void> {
    this.#runtimes.forgetAll();
    const records = new Set<ContainerRecord>();
    for (const fullId of running.slice(0, CONTAINERS_MAX)) {
      const record = this.#spokenOf(fullId, runtime);
      this.#started(record);
      records.add(record);
    }
    const own = this.#records.running().filter((record) => record.source === runtime);
    const missed = own.filter((record) => record.cgroups.size === 0 && !records.has(record));
    for (const record of missed) this.#ended(record);
    // Also those that could not be asked for while it was away.
    const waiting = this.#records
      .running()
      .filter(
        (record) =>
          record.state !== "known" && this.#runtimes.runtimesFor(record).includes(runtime),
      );
    const asked = new Set([...records, ...waiting]);
    for (const record of asked) this.#questions.ask(record, runtime.name);
    await Promise.all([...asked].map((record) => record.settled(LOOK_UP_MS)));
  }

  #happened(runtime: Runtime, { action, fullId, name }: RuntimeEvent): void {
    this.#runtimes.forget(fullId);
    const record =
      action === "ended" ? this.#knownOf(fullId, runtime) : this.#spokenOf(fullId, runtime);
    if (record === undefined) return;
    switch (action) {
      case "created":
        return this.#questions.ask(record, runtime.name);
      case "started":
        this.#started(record);
        return this.#questions.ask(record, runtime.name);
      case "renamed":
        if (record.metadata !== undefined && name !== undefined)
          record.metadata = { ...record.metadata, name };
        // An inspect that is under way may bring the old name.
        return this.#questions.ask(record, runtime.name);
      case "ended":
        return this.#ended(record);
    }
  }

  #answered(record: ContainerRecord, answer: Answer): void {
    if (answer.kind === "known") {
      record.source ??= answer.by;
      return this.#know(record, answer.container);
    }
    if (record.directory === undefined || record.proof === "runtime")
      return record.fail(answer.kind === "unasked" ? answer.reason : UNKNOWN);
    const isOther = answer.kind === "elsewhere" || this.#isSeenElsewhere(record);
    if (isOther || !record.isDistinct) return this.#refuse(record);
    if (NAMED.has(record.runtime)) record.know(metadataOf({ name: record.fullId }));
    else record.fail(answer.kind === "unasked" ? answer.reason : UNKNOWN);
    if (answer.kind === "absent" || NAMED.has(record.runtime)) this.#believeLayout(record);
  }

  /**
   * Nobody knows it, but that is how a container's control group looks. Whatever is in it may be a
   * container that is known, where Saker itself runs inside of the unknown one.
   */
  #believeLayout(record: ContainerRecord): void {
    const { directory = "" } = record;
    if (this.#cgroups.byPath(directory) !== record) return this.#refuse(record);
    record.proof = "layout";
    const holdsClaim = (path: string): boolean =>
      claimsOf(path).some((claim) => claim.directory.startsWith(`${directory}/`));
    for (const [id, path] of [...record.cgroups].filter(([, path]) => holdsClaim(path))) {
      this.#cgroups.release(record, id);
      this.cgroupAppeared(id, path);
    }
  }

  /** What the runtime says first, while it still looks for more. */
  #learn(record: ContainerRecord, known: KnownContainer): void {
    record.runtime = known.runtime;
    this.#prove(record, known);
    if (known.isComplete || record.state === "known") this.#settle(record, known);
    else record.metadata = record.metadataWith(known);
  }

  #settle(record: ContainerRecord, known: KnownContainer): void {
    record.know(record.metadataWith(known));
    if (this.#told.has(record)) return;
    this.#told.add(record);
    this.onKnown(record);
  }

  #know(record: ContainerRecord, known: KnownContainer): void {
    record.runtime = known.runtime;
    this.#prove(record, known);
    this.#settle(record, known);
    if (known.running === true) this.#started(record);
    // Its process starts later than its control group, and not all runtimes tell when.
    if (record.running && known.metadata.pid === 0) void this.#askLater(record);
  }

  async #askLater(record: ContainerRecord): Promise<void> {
    if (record.isAskedLater) return;
    record.isAskedLater = true;
    for (const pause of ASK_LATER_MS) {
      await sleep(pause, undefined, { ref: false, signal: this.#stop.signal }).catch(
        () => undefined,
      );
      if (this.#stop.signal.aborted || !record.running || record.metadata?.pid !== 0) return;
      this.#questions.ask(record, parentOf(record.directory));
    }
  }

  /** True when what a runtime says of this id is said of this record. */
  #accepts(record: ContainerRecord, known: KnownContainer): boolean {
    const { directory } = record;
    if (directory === undefined || record.proof === "runtime") return true;
    // Where nobody says where it is: where it was seen first.
    return this.#places.isAt(known, directory) ?? !this.#isSeenElsewhere(record);
  }

  #isSeenElsewhere({ fullId, directory }: ContainerRecord): boolean {
    return this.#records
      .all(fullId)
      .some(
        ({ proof, directory: other }) =>
          proof === "runtime" && other !== undefined && other !== directory,
      );
  }

  /** Where it is, and which cgroups it has: also those that appeared before this was known. */
  #prove(record: ContainerRecord, known: KnownContainer): void {
    record.proof = "runtime";
    const { directory } = record;
    if (directory !== undefined && this.#places.isGone(known, directory)) this.#moveAway(record);
    for (const place of this.#places.of(known)) {
      if (record.places.has(place) || this.#isOthers(place, record)) continue;
      const before = this.#cgroups.place(record, place);
      for (const cgroup of this.#cgroups.at(place)) this.#take(record, cgroup, place);
      if (before !== undefined) this.#records.forget(before);
    }
  }

  /** Of two runtimes that claim one place, the first has it. */
  #isOthers(place: string, { source }: ContainerRecord): boolean {
    const owner = this.#cgroups.byPath(place);
    return owner?.proof === "runtime" && owner.running && owner.source !== source;
  }

  /** A cgroup that was somebody else's, or nobody's. */
  #take(record: ContainerRecord, cgroup: CgroupId, path: string): void {
    record.directory ??= path;
    const owner = this.#cgroups.byId(cgroup.id);
    if (owner === record) return;
    owner?.cgroups.delete(cgroup.id);
    this.#attach(record, cgroup.id, path);
    this.onFound(cgroup);
  }

  /** The name of its control group was a lie, or meant something else. */
  #refuse(record: ContainerRecord): void {
    const { directory = "" } = record;
    const cgroups = [...record.cgroups];
    this.#records.forget(record);
    this.#moveOn(directory, cgroups);
    record.fail("its control group only has a container's name");
  }

  /** The container is elsewhere; what is in the control group that had its name is not it. */
  #moveAway(record: ContainerRecord): void {
    const { directory = "" } = record;
    const cgroups = [...record.cgroups].filter(([, path]) => isWithin(path, directory));
    this.#cgroups.unplace(record, directory);
    record.directory = undefined;
    for (const [id] of cgroups) this.#cgroups.release(record, id);
    this.#moveOn(directory, cgroups);
  }

  #moveOn(directory: string, cgroups: readonly (readonly [id: number, path: string])[]): void {
    this.#refused.delete(directory);
    this.#refused.set(directory, performance.now());
    if (this.#refused.size > REFUSED_MAX) this.#refused.delete(first(this.#refused.keys()) ?? "");
    for (const [id, path] of cgroups) this.cgroupAppeared(id, path);
  }

  #isRefused(directory: string): boolean {
    return performance.now() - (this.#refused.get(directory) ?? -Infinity) < REFUSED_MS;
  }

  #recordAt(path: string): ContainerRecord | undefined {
    const placed = this.#cgroups.byPath(path, ({ proof }) => proof !== "layout");
    if (placed !== undefined) {
      placed.directory ??= [...placed.places].find((place) => isWithin(path, place));
      return placed;
    }
    const claim = claimsOf(path).find(
      ({ directory }) => !this.#isRefused(directory) && !this.#cgroups.hasAt(directory),
    );
    return claim === undefined ? this.#cgroups.byPath(path) : this.#claimed(claim);
  }

  #claimed({ fullId, runtime, directory, isDistinct }: CgroupClaim): ContainerRecord {
    const unplaced = this.#records
      .all(fullId)
      .find(
        (one) =>
          one.directory === undefined && one.places.size === 0 && mayBe(one.runtime, runtime),
      );
    // What its runtime says nothing about is where it is seen first, until it has a process.
    const record = unplaced ?? this.#records.add(new ContainerRecord(fullId, runtime));
    record.directory = directory;
    record.isDistinct = isDistinct;
    this.#cgroups.place(record, directory);
    return record;
  }

  /** The record of what a runtime speaks of, whatever its place. */
  #spokenOf(fullId: string, runtime: Runtime): ContainerRecord {
    const [kind] = runtime.kinds;
    const only = runtime.kinds.length === 1 && kind !== undefined ? kind : "unknown";
    const known = this.#knownOf(fullId, runtime);
    const record = known ?? this.#records.add(new ContainerRecord(fullId, only));
    record.source ??= runtime;
    return record;
  }

  #knownOf(fullId: string, runtime: Runtime): ContainerRecord | undefined {
    const all = this.#records.all(fullId);
    const own = all.filter(
      (record) =>
        (record.source ?? runtime) === runtime &&
        (record.runtime === "unknown" || runtime.kinds.includes(record.runtime)),
    );
    return own.findLast((record) => record.running) ?? own.at(-1);
  }

  #attach(record: ContainerRecord, id: number, path: string): void {
    this.#cgroups.add(record, id, path);
    this.#started(record);
  }

  #started(record: ContainerRecord): void {
    record.running = true;
    this.#records.started(record);
  }

  #ended(record: ContainerRecord): void {
    if (!record.running) return;
    record.running = false;
    this.#records.ended(record);
    this.#options.onStopped?.(record);
  }
}

function mayBe(one: ContainerRuntime, other: ContainerRuntime): boolean {
  return one === other || one === "unknown" || other === "unknown";
}

function parentOf(directory: string | undefined): string {
  return directory === undefined ? "" : directory.slice(0, directory.lastIndexOf("/"));
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

/** Of these a control group's name is the container's. */
const NAMED: ReadonlySet<ContainerRuntime> = new Set([
  "lxc",
  "libvirt-lxc",
  "systemd-nspawn",
  "nomad",
  "bpm",
]);
const UNKNOWN = "no runtime that was asked knows this container";
const REFUSED_MAX = 4096;
const LOOK_UP_MS = 10_000;
const REFRESH_MS = 1000;
const REFUSED_MS = 10_000;
const ASK_LATER_MS = [300, 1000, 3000];
