import type { Container } from "../containers/container.ts";
import { Event } from "../events/event.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import { Evaluator, type EvaluatorOptions, type EvaluatorStats } from "./evaluator.ts";
import { CurrentScene, type SceneSurroundings } from "../state/current-scene.ts";
import type { ProcessTable } from "../state/process-table.ts";
import type { Accounts } from "../state/scene.ts";
import { Timeline } from "../state/timeline.ts";

/**
 * What records meet on their way to a match; `onFailure` gets the first thing that one made the
 * engine throw.
 */
export interface PipelineOptions extends SceneSurroundings, EvaluatorOptions {
  readonly processes: ProcessTable;
  readonly containerOf: (cgroup: number, pidNamespace: number) => Container | undefined;
  readonly accountsOf: (container: Container | undefined, pid: number) => Accounts;
  readonly rules: RuleSet;
  /** Every event, before the rules are asked. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  readonly onNotice: (event: Event) => void;
}

/** scap's event codes end below this. */
const MAX_CODES = 512;

/** What became of the records since the start. */
export interface PipelineStats extends EvaluatorStats {
  readonly events: number;
  readonly malformed: number;
  /** Records that made the engine throw. */
  readonly failed: number;
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
  readonly #evaluator: Evaluator;
  readonly #counts = new Float64Array(MAX_CODES);
  #rules: RuleSet;
  #events = 0;
  #malformed = 0;
  #failed = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.#evaluator = new Evaluator({ ...options, onFailure: (thrown) => this.#fail(thrown) });
    this.#scene = new CurrentScene({ ...options, times: this.#times });
  }

  /**
   * Rules that take effect with the next event; events that wait for metadata keep those that they
   * met.
   */
  set rules(rules: RuleSet) {
    this.#rules = rules;
    this.#evaluator.use(rules);
  }

  stats(): PipelineStats {
    const byType = new Map<string, number>();
    const probe = this.#event;
    for (const [code, count] of this.#counts.entries()) {
      probe.code = code;
      if (count > 0) byType.set(probe.type?.name ?? `code ${code}`, count);
    }
    return {
      ...this.#evaluator.stats(),
      events: this.#events,
      malformed: this.#malformed,
      failed: this.#failed,
      byType,
    };
  }

  /**
   * One record of a live source. The bytes are the source's and are not kept. Never throws: what a
   * record makes the engine throw is counted, and reported the first time.
   */
  record(bytes: Uint8Array, view: DataView, start: number, length: number): void {
    try {
      this.#record(bytes, view, start, length);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    this.#failed += 1;
    if (this.#failed === 1) this.#options.onFailure(thrown);
  }

  /** An event that no process made, about a container; the bytes are its own. Never throws, as `record`. */
  tell(event: Event, container: Container): void {
    try {
      this.#events += 1;
      event.num = this.#events;
      this.#counts[event.code] = (this.#counts[event.code] ?? 0) + 1;
      const rules = this.#rules;
      if (rules.forEvent(event.code).length === 0) return;
      const accounts = this.#options.accountsOf(container, 0);
      this.#evaluator.evaluate(this.#scene.show(event, undefined, container, accounts), rules);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #record(bytes: Uint8Array, view: DataView, start: number, length: number): void {
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
    if (rules.forEvent(event.code).length === 0 && rules.feedsOf(event.code).length === 0) return;
    const container = this.#options.containerOf(process.cgroup, process.pidNamespace);
    const scene = this.#scene.show(
      event,
      process,
      container,
      this.#options.accountsOf(container, process.pid),
    );
    this.#evaluator.evaluate(scene, rules);
  }
}
