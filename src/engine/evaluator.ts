import type { Container } from "../containers/container.ts";
import type { CompiledRule, RuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";

export interface EvaluatorOptions {
  readonly onMatch: (rule: CompiledRule, scene: CurrentScene) => void;
  /** Resolves when the runtime has told about a container, or will not within a second. */
  readonly whenSettled?: (container: Container) => Promise<Container>;
}

export interface EvaluatorStats {
  /** Events that waited for metadata, or alerts that did. */
  readonly held: number;
  /** Those that should have waited but did not, because too many waited. */
  readonly notHeld: number;
}

/** What waits for metadata at once, over all containers: scenes, and bytes of their events. */
const HELD_MAX = 20_000;
const HELD_BYTES_MAX = 64 << 20;

/**
 * Asks rules about scenes, and lets a scene wait where a rule's condition or its output asks for
 * what only a container's runtime knows and has not told yet. Hot.
 */
export class Evaluator {
  readonly #options: EvaluatorOptions;
  readonly #waiting = new Map<string, Held[]>();
  #held = 0;
  #notHeld = 0;
  #waitingCount = 0;
  #waitingBytes = 0;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
  }

  stats(): EvaluatorStats {
    return { held: this.#held, notHeld: this.#notHeld };
  }

  /** The rules of the scene's event are asked, in their order. */
  evaluate(scene: CurrentScene, rules: RuleSet): void {
    const { container } = scene;
    const bucket = rules.forEvent(scene.event.code);
    const waits = this.#isPending(container) && bucket.some((rule) => rule.needsMetadata);
    if (waits) this.#hold(scene, container, (frozen) => this.#ask(frozen, rules, true));
    else this.#ask(scene, rules, false);
  }

  /** `hasWaited`: the container had its time to become known, nothing waits a second time. */
  #ask(scene: CurrentScene, rules: RuleSet, hasWaited: boolean): void {
    const { onMatch } = this.#options;
    for (const rule of rules.forEvent(scene.event.code)) {
      if (!rule.condition(scene)) continue;
      const { container } = scene;
      const waits = !hasWaited && rule.outputNeedsMetadata && this.#isPending(container);
      if (waits) this.#hold(scene, container, (frozen) => onMatch(rule, frozen));
      else onMatch(rule, scene);
      if (rules.matching === "first") return;
    }
  }

  #isPending(container: Container | undefined): container is Container {
    return container?.state === "pending" && this.#options.whenSettled !== undefined;
  }

  /** Keeps the scene until its container is known: for the whole evaluation, or for one output. */
  #hold(scene: CurrentScene, container: Container, resume: Held["resume"]): void {
    if (this.#waitingCount >= HELD_MAX || this.#waitingBytes >= HELD_BYTES_MAX) {
      this.#notHeld += 1;
      resume(scene);
      return;
    }
    const frozen = scene.freeze();
    const held: Held = { scene: frozen, resume };
    this.#held += 1;
    this.#waitingCount += 1;
    this.#waitingBytes += frozen.event.bytes.length;
    const queue = this.#waiting.get(container.fullId);
    if (queue !== undefined) {
      queue.push(held);
      return;
    }
    this.#waiting.set(container.fullId, [held]);
    void this.#options.whenSettled?.(container).then(() => this.#release(container));
  }

  #release(container: Container): void {
    const queue = this.#waiting.get(container.fullId) ?? [];
    this.#waiting.delete(container.fullId);
    this.#waitingCount -= queue.length;
    for (const { scene, resume } of queue) {
      this.#waitingBytes -= scene.event.bytes.length;
      resume(scene);
    }
  }
}

interface Held {
  readonly scene: CurrentScene;
  readonly resume: (scene: CurrentScene) => void;
}
