import type { Container } from "../containers/container.ts";
import { Event } from "../events/event.ts";
import type { CompiledRule, RuleSet } from "../rules/rule-set.ts";
import { CurrentScene, type SceneSurroundings } from "../state/current-scene.ts";
import type { ProcessTable } from "../state/process-table.ts";
import type { Accounts } from "../state/scene.ts";
import { Timeline } from "../state/timeline.ts";

export interface PipelineOptions extends SceneSurroundings {
  readonly processes: ProcessTable;
  readonly containerOf: (cgroup: number) => Container | undefined;
  readonly accountsOf: (container: Container | undefined, pid: number) => Accounts;
  /** Resolves when the runtime has told about a container, or will not within a second. */
  readonly whenSettled: (container: Container) => Promise<Container>;
  readonly rules: RuleSet;
  readonly onMatch: (rule: CompiledRule, scene: CurrentScene) => void;
  /** Every event, before the rules are asked. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  readonly onNotice: (event: Event) => void;
}

/** The most events that wait for metadata at once, over all containers. */
const MAX_HELD = 20_000;

/** scap's event codes end below this. */
const MAX_CODES = 512;

export interface PipelineStats {
  readonly events: number;
  readonly malformed: number;
  readonly held: number;
  /** Events that should have waited for metadata but did not, because too many waited. */
  readonly notHeld: number;
  readonly byType: ReadonlyMap<string, number>;
}

/**
 * Records in, matches out: state first, then the rules of the event's type. Hot: an event without
 * rules costs its state alone.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #event = new Event();
  readonly #times = new Timeline();
  readonly #scene: CurrentScene;
  readonly #waiting = new Map<string, Held[]>();
  readonly #counts = new Float64Array(MAX_CODES);
  #rules: RuleSet;
  #events = 0;
  #malformed = 0;
  #held = 0;
  #waitingCount = 0;
  #notHeld = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.#scene = new CurrentScene({ ...options, times: this.#times });
  }

  /**
   * Rules that take effect with the next event; events that wait for metadata keep those that they
   * met.
   */
  set rules(rules: RuleSet) {
    this.#rules = rules;
  }

  stats(): PipelineStats {
    const byType = new Map<string, number>();
    const probe = this.#event;
    for (const [code, count] of this.#counts.entries()) {
      probe.code = code;
      if (count > 0) byType.set(probe.type?.name ?? `code ${code}`, count);
    }
    return {
      events: this.#events,
      malformed: this.#malformed,
      held: this.#held,
      notHeld: this.#notHeld,
      byType,
    };
  }

  /** One record of a live source. The bytes are the source's and are not kept. */
  record(bytes: Uint8Array, view: DataView, start: number, length: number): void {
    const event = this.#event;
    if (!event.load(bytes, view, start, length, true)) {
      this.#malformed += 1;
      return;
    }
    if (event.isNotice) {
      this.#options.onNotice(event);
      return;
    }
    this.#events += 1;
    event.num = this.#events;
    this.#times.see(event);
    this.#counts[event.code] = (this.#counts[event.code] ?? 0) + 1;
    this.#options.onEvent?.(event);
    const process = this.#options.processes.apply(event);
    const rules = this.#rules;
    const bucket = rules.forEvent(event.code);
    if (bucket.length === 0) return;
    const container = this.#options.containerOf(process.cgroup);
    const scene = this.#scene.show(
      event,
      process,
      container,
      this.#options.accountsOf(container, process.pid),
    );
    const waits = container?.state === "pending" && bucket.some((rule) => rule.needsMetadata);
    if (waits) this.#hold(scene, container, (frozen) => this.#evaluate(frozen, rules, true));
    else this.#evaluate(scene, rules, false);
  }

  /** `hasWaited`: the container had its time to become known, nothing waits a second time. */
  #evaluate(scene: CurrentScene, rules: RuleSet, hasWaited: boolean): void {
    for (const rule of rules.forEvent(scene.event.code)) {
      if (!scene.holds(rule.condition)) continue;
      const container = scene.container;
      const waits = !hasWaited && container?.state === "pending" && rule.outputNeedsMetadata;
      if (waits) this.#hold(scene, container, (frozen) => this.#options.onMatch(rule, frozen));
      else this.#options.onMatch(rule, scene);
      if (rules.matching === "first") return;
    }
  }

  /**
   * Keeps the scene until its container is known: for the whole evaluation, or for one alert's
   * output.
   */
  #hold(scene: CurrentScene, container: Container, resume: Held["resume"]): void {
    if (this.#waitingCount >= MAX_HELD) {
      this.#notHeld += 1;
      resume(scene);
      return;
    }
    this.#held += 1;
    this.#waitingCount += 1;
    const held: Held = { scene: scene.freeze(), resume };
    const queue = this.#waiting.get(container.fullId);
    if (queue !== undefined) {
      queue.push(held);
      return;
    }
    this.#waiting.set(container.fullId, [held]);
    void this.#options.whenSettled(container).then(() => this.#release(container));
  }

  #release(container: Container): void {
    const queue = this.#waiting.get(container.fullId) ?? [];
    this.#waiting.delete(container.fullId);
    this.#waitingCount -= queue.length;
    for (const { scene, resume } of queue) resume(scene);
  }
}

interface Held {
  readonly scene: CurrentScene;
  readonly resume: (scene: CurrentScene) => void;
}
