import type { CaptureSink } from "../capture/capture-parser.ts";
import {
  type CgroupContainer,
  claimsOf,
  containerOfCgroup,
  reportedId,
  shortId,
} from "../containers/cgroup-path.ts";
import type { Container } from "../containers/container.ts";
import { parseContainerEvent } from "../containers/container-event.ts";
import type { Event } from "../events/event.ts";
import { EVENT_TYPES, eventType } from "../events/schema.ts";
import type { CorrelatorStats } from "../rules/correlator.ts";
import type { Alerting, RuleSet } from "../rules/rule-set.ts";
import { accountsOf } from "../state/accounts.ts";
import { CurrentScene } from "../state/current-scene.ts";
import type { HostEntries } from "../state/host-entries.ts";
import type { Accounts } from "../state/scene.ts";
import type { Thread } from "../state/thread.ts";
import { Evaluator } from "./evaluator.ts";
import { ThreadTable } from "../state/thread-table.ts";
import { Timeline } from "../state/timeline.ts";

/** Which rules meet which events of a capture, and who gets matches. */
export interface ReplayOptions {
  readonly rules: RuleSet;
  readonly hostname: string;
  readonly utcOffsetMinutes: (epochMs: number) => number;
  readonly onMatch: (rule: Alerting, scene: CurrentScene) => void;
  /**
   * Every event that is shown, matched or not, before the rules are asked; the scene is the next
   * event's after the callback.
   */
  readonly onScene?: (scene: CurrentScene) => void;
  /** Events that are not meant are applied and not shown. */
  readonly where?: (scene: CurrentScene) => boolean;
  /**
   * Events before and after these are applied and not shown: epoch nanoseconds, once the time of
   * the first event is known.
   */
  readonly from?: (first: bigint) => bigint;
  readonly to?: (first: bigint) => bigint;
  /** An event came that is well behind `to`: no other is likely to be shown. */
  readonly onPast?: () => void;
}

/** The most threads kept, as in the real engine twice over; one takes about a kilobyte. */
const MAX_THREADS = 524_288;

/** The most containers that events told of. */
const MAX_CONTAINERS = 16_384;

/** scap's event codes end below this. */
const MAX_CODES = 512;

/**
 * A capture as the source: the state of the host from its list and events alone, then the rules of
 * the event's type. Hot: an event without rules costs its state alone.
 */
export class Replay implements CaptureSink {
  readonly threads = new ThreadTable({ capacity: MAX_THREADS });
  readonly #options: ReplayOptions;
  readonly #scene: CurrentScene;
  readonly #evaluator: Evaluator;
  readonly #times = new Timeline();
  readonly #counts = new Float64Array(MAX_CODES);
  readonly #containers = new Map<string, Container>();
  /** By the list of control groups itself, which a process keeps for long. */
  readonly #byCgroups = new WeakMap<readonly string[], Container>();
  /** In no container by all that the capture has told until now. */
  #onHost = new WeakSet<readonly string[]>();
  #accounts: Accounts = accountsOf({ users: [], groups: [] });
  readonly #hasWindow: boolean;
  #window: { readonly from: bigint | undefined; readonly to: bigint | undefined } | undefined;
  #shown = 0;
  /** Whether the event that came last was shown: within the window, and meant. */
  wasShown = false;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#evaluator = new Evaluator({
      onMatch: options.onMatch,
      // A capture's scenes wait for nothing.
      onFailure: (thrown) => {
        throw thrown;
      },
    });
    this.#hasWindow = options.from !== undefined || options.to !== undefined;
    this.#scene = new CurrentScene({
      processes: this.threads,
      threads: this.threads,
      hostname: options.hostname,
      utcOffsetMinutes: options.utcOffsetMinutes,
      times: this.#times,
      containerById: (fullId) => this.#containers.get(shortId(fullId)),
    });
  }

  /** Events that rules were asked about or might have been. */
  get shown(): number {
    return this.#shown;
  }

  /** What counts and sequences did not take into account. */
  get correlator(): CorrelatorStats {
    return this.#evaluator.stats().correlator;
  }

  /** Events shown by their names, the most frequent first. */
  byType(): [name: string, count: number][] {
    const named = [...this.#counts.entries()]
      .filter(([, count]) => count > 0)
      .map(([code, count]): [string, number] => [nameOf(code), count]);
    return named.toSorted(([, left], [, right]) => right - left);
  }

  host(entries: HostEntries): void {
    this.threads.enter(entries);
    this.#accounts = accountsOf(entries);
  }

  event(event: Event, isShown: boolean): void {
    this.wasShown = false;
    this.#times.see(event);
    this.threads.apply(event);
    const { code } = event;
    if (code === CONTAINER) this.#containerReported(event.text(0) ?? "");
    else if (code === ASYNC && event.text(1) === "container")
      this.#containerReported(event.text(2) ?? "");
    const { rules, onScene, where } = this.#options;
    if (
      !isShown ||
      event.type === undefined ||
      code === PLUGIN ||
      (this.#hasWindow && !this.#isWithin(event.timestamp))
    )
      return;
    this.#shown += 1;
    this.#counts[code] = (this.#counts[code] ?? 0) + 1;
    const isAsked = rules.forEvent(code).length > 0 || rules.feedsOf(code).length > 0;
    if (!isAsked && onScene === undefined && where === undefined) {
      this.wasShown = true;
      return;
    }
    const { thread } = this.threads;
    const scene = this.#scene.show(
      event,
      thread?.process,
      this.#containerOf(thread),
      this.#accounts,
    );
    if (where !== undefined && !where(scene)) return;
    this.wasShown = true;
    onScene?.(scene);
    if (isAsked) this.#evaluator.evaluate(scene, rules);
  }

  #isWithin(timestamp: bigint): boolean {
    const { from, to, onPast } = this.#options;
    if (this.#window === undefined) {
      const { first } = this.#times;
      this.#window = { from: from?.(first), to: to?.(first) };
    }
    const window = this.#window;
    if (window.to !== undefined && timestamp > window.to + DISORDER_NS) onPast?.();
    return (
      (window.from === undefined || timestamp >= window.from) &&
      (window.to === undefined || timestamp <= window.to)
    );
  }

  #containerOf(thread: Thread | undefined): Container | undefined {
    if (thread === undefined || thread.group.cgroups.length === 0) return undefined;
    const { cgroups } = thread.group;
    if (this.#onHost.has(cgroups)) return undefined;
    let found = this.#byCgroups.get(cgroups);
    if (found === undefined) {
      found = this.#containerIn(cgroups);
      if (found === undefined) {
        this.#onHost.add(cgroups);
        return undefined;
      }
      this.#byCgroups.set(cgroups, found);
    }
    // Its metadata may have come since.
    return this.#containers.get(found.id) ?? found;
  }

  #containerIn(cgroups: readonly string[]): Container | undefined {
    for (const cgroup of cgroups) {
      const path = pathOf(cgroup);
      const known = containerOfCgroup(path) ?? this.#reportedAt(path);
      if (known !== undefined)
        return {
          fullId: known.fullId,
          id: reportedId(known),
          runtime: known.runtime,
          metadata: undefined,
          state: "failed",
          failure: "the capture does not tell of it",
        };
    }
    return undefined;
  }

  /** A path that says nothing by itself, as `/default/web`: the capture tells of the container. */
  #reportedAt(path: string): CgroupContainer | undefined {
    return claimsOf(path).find((claim) => this.#containers.has(reportedId(claim)));
  }

  #containerReported(json: string): void {
    const container = parseContainerEvent(json);
    if (container === undefined) return;
    if (this.#containers.size >= MAX_CONTAINERS && !this.#containers.has(container.id))
      this.#containers.clear();
    // A path that meant nothing may be this one's.
    if (!this.#containers.has(container.id)) this.#onHost = new WeakSet();
    this.#containers.set(container.id, container);
  }
}

/** Of `CONTROLLER=PATH`. */
function pathOf(cgroup: string): string {
  return cgroup.slice(cgroup.indexOf("=") + 1);
}

/** How far events of several processors may be out of order. */
const DISORDER_NS = 2_000_000_000n;

const CONTAINER = eventType("container").code;
const ASYNC = eventType("asyncevent").code;
const PLUGIN = eventType("pluginevent").code;

function nameOf(code: number): string {
  return EVENT_TYPES[code]?.name ?? `code ${code}`;
}
