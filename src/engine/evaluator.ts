import type { Container } from "../containers/container.ts";
import { Correlator, type CorrelatorStats } from "../rules/correlator.ts";
import type { Alerting, RuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";

/** Who gets matches, and who is asked for what is missing. */
export interface EvaluatorOptions {
  readonly onMatch: (rule: Alerting, scene: CurrentScene) => void;
  /** Resolves when the runtime has told about a container, or will not in time. */
  readonly whenSettled?: (container: Container) => Promise<Container>;
  /** What a control group is, for a container that no runtime turned out to know. */
  readonly containerOf?: (cgroup: number, pidNamespace: number) => Container | undefined;
  /** What a scene that waited made the engine throw; the others go on. */
  readonly onFailure: (thrown: unknown) => void;
}

/** What had to wait, in events and alerts since the start. */
export interface EvaluatorStats {
  /** Events that waited for metadata, or alerts that did. */
  readonly held: number;
  /** Those that should have waited but did not, because too many waited. */
  readonly notHeld: number;
  readonly correlator: CorrelatorStats;
}

/** What waits for metadata at once, over all containers: scenes, and bytes of their events. */
const HELD_MAX = 20_000;
const HELD_BYTES_MAX = 64 << 20;
/** The part of it that one container may take: who floods does not take the others' room. */
const SHARE = 1 / 4;

/**
 * Asks rules about scenes, and lets a scene wait where a rule's condition or its output asks for
 * what is on its way: metadata that a container's runtime is asked for, accounts that are being
 * read. Hot.
 */
export class Evaluator {
  readonly #options: EvaluatorOptions;
  readonly #waiting = new Map<string, Queue>();
  readonly #correlator = new Correlator();
  #held = 0;
  #notHeld = 0;
  #waitingCount = 0;
  #waitingBytes = 0;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
  }

  stats(): EvaluatorStats {
    return { held: this.#held, notHeld: this.#notHeld, correlator: this.#correlator.stats() };
  }

  /** From now on these rules are in place: what only others had counted is forgotten. */
  use(rules: RuleSet): void {
    this.#correlator.keep(rules.correlations);
  }

  /** The rules of the scene's event are asked, in their order. */
  evaluate(scene: CurrentScene, rules: RuleSet): void {
    const { code } = scene.event;
    const missing = this.#missingIn(scene, {
      metadata: this.#asksContainer(scene, rules),
      accounts: rules.accountCodes.has(code),
    });
    if (missing === undefined) this.#ask(scene, rules, false);
    else this.#hold(scene, missing, (frozen) => this.#ask(frozen, rules, true));
  }

  /**
   * True where a rule asks what only the runtime says, or any rule is asked of a container that may
   * turn out to be another one.
   */
  #asksContainer({ container, event }: CurrentScene, rules: RuleSet): boolean {
    if (container?.state !== "pending") return false;
    const [bucket, feeds] = [rules.forEvent(event.code), rules.feedsOf(event.code)];
    if (container.isClaimed === true) return bucket.length > 0 || feeds.length > 0;
    return (
      bucket.some((rule) => rule.needsMetadata) ||
      feeds.some(({ rule, correlation }) => rule.needsMetadata || correlation.needsMetadata)
    );
  }

  /** `hasWaited`: what was missing had its time to come, nothing waits a second time. */
  #ask(scene: CurrentScene, rules: RuleSet, hasWaited: boolean): void {
    for (const rule of rules.forEvent(scene.event.code)) {
      if (!scene.holds(rule.condition)) continue;
      this.#tell(rule, scene, hasWaited);
      if (rules.matching === "first") break;
    }
    // Whether or not another rule was told first: nobody hides a match from a count.
    for (const feed of rules.feedsOf(scene.event.code)) {
      if (!scene.holds(feed.rule.condition)) continue;
      const progress = this.#correlator.see(feed, scene);
      if (progress?.isComplete !== true) continue;
      scene.correlated = progress;
      this.#tell(feed.correlation, scene, hasWaited);
      scene.correlated = undefined;
    }
  }

  #tell(rule: Alerting, scene: CurrentScene, hasWaited: boolean): void {
    const { onMatch } = this.#options;
    const missing = hasWaited
      ? undefined
      : this.#missingIn(scene, {
          metadata: rule.outputNeedsMetadata,
          accounts: rule.outputNeedsAccounts,
        });
    if (missing === undefined) onMatch(rule, scene);
    else this.#hold(scene, missing, (frozen) => onMatch(rule, frozen));
  }

  /** Undefined when nothing that is needed is on its way; who has to wait waits for all there is. */
  #missingIn({ container, accounts, process }: CurrentScene, needs: Needs): Missing | undefined {
    const isPending = container?.state === "pending" && this.#options.whenSettled !== undefined;
    const waits = needs.metadata && isPending;
    const reading =
      (needs.accounts || waits) && process !== undefined
        ? accounts.reading?.(process.uid, process.gid)
        : undefined;
    if (!waits && reading === undefined) return undefined;
    const key = `${container?.runtime} ${container?.fullId} ${isPending} ${reading !== undefined}`;
    return { key, metadata: isPending ? container : undefined, accounts: reading };
  }

  /** Keeps the scene until what is missing has come: for the whole evaluation, or for one output. */
  #hold(scene: CurrentScene, missing: Missing, resume: Held["resume"]): void {
    const known = this.#waiting.get(missing.key);
    if (!this.#hasRoom(known)) {
      this.#notHeld += 1;
      resume(scene);
      return;
    }
    const frozen = scene.freeze();
    const queue = known ?? { held: [], bytes: 0 };
    queue.held.push({ scene: frozen, resume });
    queue.bytes += frozen.event.bytes.length;
    this.#held += 1;
    this.#waitingCount += 1;
    this.#waitingBytes += frozen.event.bytes.length;
    if (known !== undefined) return;
    this.#waiting.set(missing.key, queue);
    void this.#arrival(missing).then(() => this.#release(missing.key));
  }

  /** A control group may have had a container's name and nothing else. */
  #correct(scene: CurrentScene): void {
    const { container, process } = scene;
    const { containerOf } = this.#options;
    if (container?.state === "failed" && process !== undefined && containerOf !== undefined)
      scene.container = containerOf(process.cgroup, process.pidNamespace);
  }

  #hasRoom(queue: Queue | undefined): boolean {
    return (
      this.#waitingCount < HELD_MAX &&
      this.#waitingBytes < HELD_BYTES_MAX &&
      (queue === undefined ||
        (queue.held.length < HELD_MAX * SHARE && queue.bytes < HELD_BYTES_MAX * SHARE))
    );
  }

  async #arrival({ metadata, accounts }: Missing): Promise<void> {
    const { whenSettled } = this.#options;
    await Promise.all([metadata === undefined ? undefined : whenSettled?.(metadata), accounts]);
  }

  #release(key: string): void {
    const queue = this.#waiting.get(key);
    if (queue === undefined) return;
    this.#waiting.delete(key);
    this.#waitingCount -= queue.held.length;
    this.#waitingBytes -= queue.bytes;
    for (const { scene, resume } of queue.held) {
      try {
        this.#correct(scene);
        resume(scene);
      } catch (thrown) {
        this.#options.onFailure(thrown);
      }
    }
  }
}

/** What is asked for that may be on its way. */
interface Needs {
  readonly metadata: boolean;
  readonly accounts: boolean;
}

/** What a scene lacks that is on its way; who waits for the same has the same key. */
interface Missing {
  readonly key: string;
  /** The container that its runtime is asked for. */
  readonly metadata: Container | undefined;
  readonly accounts: Promise<void> | undefined;
}

interface Held {
  readonly scene: CurrentScene;
  readonly resume: (scene: CurrentScene) => void;
}

/** Of those who wait for the same. */
interface Queue {
  readonly held: Held[];
  bytes: number;
}
