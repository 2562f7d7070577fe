import type { Container } from "../containers/container.ts";
import { Event } from "../events/event.ts";
import { CONTEXT } from "../events/record.ts";
import { type Descriptor, descriptorOf } from "./descriptor.ts";
import type { Process } from "./process.ts";
import type { Accounts, Ancestry, Correlated, Scene } from "./scene.ts";
import type { Thread } from "./thread.ts";
import type { ThreadTable } from "./thread-table.ts";
import type { EventTimes } from "./timeline.ts";

/** What stays the same from one scene to the next. */
export interface SceneSurroundings {
  readonly processes: Ancestry;
  readonly hostname: string;
  /**
   * Offset of local time from UTC at a moment, in minutes, east positive: local times in outputs.
   */
  readonly utcOffsetMinutes: (epochMs: number) => number;
  /**
   * Of the stream that the events are from, when they are from one; whoever shows the events keeps
   * it.
   */
  readonly times?: EventTimes;
  readonly containerById?: (fullId: string) => Container | undefined;
  readonly hostNamesOf?: (address: Uint8Array) => readonly string[];
  /** Whether a TCP socket is known to listen on a port of a network namespace. */
  readonly isListening?: (namespace: number, port: number) => boolean;
  /** Where state comes from events alone: the table that has seen the event shown. */
  readonly threads?: ThreadTable;
}

/**
 * The scene that the engine reuses for all events: `show` puts the next event on it. Hot: what a
 * rule does not ask for is not computed.
 */
export class CurrentScene implements Scene {
  readonly processes: Ancestry;
  readonly hostname: string;
  readonly utcOffsetMinutes: (epochMs: number) => number;
  readonly times: EventTimes | undefined;
  generation = 0;
  event: Event = new Event();
  process: Process | undefined;
  container: Container | undefined;
  accounts: Accounts = NO_ACCOUNTS;
  thread: Thread | undefined;
  isResolved = false;
  correlated: Correlated | undefined;
  isDoubtful = false;
  readonly #surroundings: SceneSurroundings;
  #descriptor: Descriptor | undefined;
  #hasDescriptor = false;

  constructor(surroundings: SceneSurroundings) {
    this.#surroundings = surroundings;
    this.processes = surroundings.processes;
    this.hostname = surroundings.hostname;
    this.utcOffsetMinutes = surroundings.utcOffsetMinutes;
    this.times = surroundings.times;
  }

  show(
    event: Event,
    process: Process | undefined,
    container: Container | undefined,
    accounts: Accounts,
  ): this {
    generations += 1;
    this.generation = generations;
    this.event = event;
    this.process = process;
    this.container = container;
    this.accounts = accounts;
    const threads = this.#surroundings.threads;
    this.isResolved = false;
    this.correlated = undefined;
    this.isDoubtful = false;
    this.thread = threads?.thread;
    this.#descriptor = threads?.descriptor;
    this.#hasDescriptor = threads !== undefined;
    return this;
  }

  get descriptor(): Descriptor | undefined {
    if (!this.#hasDescriptor) {
      const passed = this.#passedDescriptor();
      const name = this.isResolved ? this.event.resolved : undefined;
      this.#descriptor = passed === undefined || name === undefined ? passed : { ...passed, name };
      this.#hasDescriptor = true;
    }
    return this.#descriptor;
  }

  get otherName(): string | undefined {
    if (!this.#hasOther) return undefined;
    return this.isResolved ? this.#passedDescriptor()?.name : this.event.resolved;
  }

  /**
   * Whether a condition holds of this scene: with the path that was passed or else, of a file that
   * was opened, with its own; where paths were cut, whether it might. What it holds with is shown
   * from then on.
   */
  holds(condition: (scene: Scene) => boolean): boolean {
    if (this.isResolved || this.isDoubtful) this.#show({});
    if (condition(this)) return true;
    if (this.#hasOther) {
      this.#show({ isResolved: true });
      if (condition(this)) return true;
    }
    if (!this.event.isPathUnknown) return false;
    this.#show({ isDoubtful: true });
    return condition(this);
  }

  /** A capture's events have no second path. */
  get #hasOther(): boolean {
    return this.event.hasResolved && this.#surroundings.threads === undefined;
  }

  #show({ isResolved = false, isDoubtful = false }): void {
    generations += 1;
    this.generation = generations;
    this.isResolved = isResolved;
    this.isDoubtful = isDoubtful;
    this.#hasDescriptor = false;
  }

  #passedDescriptor(): Descriptor | undefined {
    return descriptorOf(this.event, this.process?.cwd ?? "/", this.#isListening);
  }

  readonly #isListening = (port: number): boolean =>
    this.#surroundings.isListening?.(this.event.contextU32(CONTEXT.networkNamespace), port) ??
    false;

  directoryOf(dirfd: number | undefined): string {
    const { threads } = this.#surroundings;
    if (threads !== undefined && this.thread !== undefined)
      return threads.directoryOf(this.thread, dirfd);
    return this.event.directory ?? this.process?.cwd ?? "/";
  }

  containerById(fullId: string): Container | undefined {
    return this.#surroundings.containerById?.(fullId);
  }

  hostNamesOf(address: Uint8Array): readonly string[] {
    return this.#surroundings.hostNamesOf?.(address) ?? NO_NAMES;
  }

  /**
   * A scene that stays as it is now, for an alert or a condition that must wait; ancestors are
   * looked up when asked, as ever.
   */
  freeze(): CurrentScene {
    const { times } = this;
    const surroundings =
      times === undefined
        ? this.#surroundings
        : { ...this.#surroundings, times: { first: times.first, previous: times.previous } };
    const frozen = new CurrentScene(surroundings).show(
      this.event.copy(),
      this.process,
      this.container,
      this.accounts,
    );
    if (this.isResolved || this.isDoubtful) frozen.#show(this);
    frozen.correlated = this.correlated;
    if (this.#surroundings.threads !== undefined) {
      frozen.thread = this.thread;
      frozen.#descriptor = this.#descriptor === undefined ? undefined : copyOf(this.#descriptor);
      frozen.#hasDescriptor = true;
    }
    return frozen;
  }
}

/** A descriptor that stays as it is now: the table's own changes where it is. */
function copyOf(descriptor: Descriptor): Descriptor {
  const {
    number,
    kind,
    name,
    rawName,
    protocol,
    local,
    remote,
    client,
    server,
    isServer,
    connected,
    nameChanged,
    device,
    inode,
    upperLayer,
    lowerLayer,
    isUnknown,
  } = descriptor;
  const copy = {
    number,
    kind,
    name,
    rawName,
    protocol,
    local,
    remote,
    client,
    server,
    isServer,
    connected,
    nameChanged,
    device,
    inode,
    upperLayer,
    lowerLayer,
  };
  return isUnknown === true ? { ...copy, isUnknown } : copy;
}

/** Over all scenes, so that no two of them ever have the same. */
let generations = 0;

const NO_NAMES: readonly string[] = [];

const NO_ACCOUNTS: Accounts = {
  userName: () => undefined,
  userHome: () => undefined,
  userShell: () => undefined,
  groupName: () => undefined,
};
