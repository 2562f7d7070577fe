import { messageOf } from "../lib/errors.ts";
import type { ContainerRuntime } from "./container.ts";
import { FairQueue } from "../lib/fair-queue.ts";
import type { KnownContainer, Runtime } from "./runtime.ts";

/** A container that runtimes are asked for. */
export interface Asked {
  readonly fullId: string;
  readonly runtime: ContainerRuntime;
  readonly directory: string | undefined;
  /** Who alone is to be asked. */
  readonly source: Runtime | undefined;
}

/**
 * What came of a question. `absent`: all that may know it say that they do not; `elsewhere`: one
 * knows the id, but not at this place; `unasked`: not all of them could be asked.
 */
export type Answer =
  | { readonly kind: "known"; readonly container: KnownContainer; readonly by: Runtime }
  | { readonly kind: "absent" | "elsewhere" }
  | { readonly kind: "unasked"; readonly reason: string };

/** A question that has been put. */
interface Asking {
  readonly answer: Promise<Answer>;
  /** Something is known, or nothing will be. */
  readonly told: Promise<unknown>;
}

/** Who asks `RuntimeQuestions` for a container, and which answers it takes. */
export interface QuestionOptions {
  /** Who asks: askers take turns. */
  readonly asker: string;
  /** True where what a runtime says may be this container, and not only one with its id. */
  readonly accepts: (container: KnownContainer) => boolean;
  /** What the first answer says while more is to come. */
  readonly onFirst: (container: KnownContainer) => void;
}

/**
 * Questions to the runtimes of a host: each only to those that may know the answer, askers in
 * turns, what nobody knows not asked again for a while.
 */
export class RuntimeQuestions {
  readonly #runtimes: readonly Runtime[];
  /** A runtime that hangs holds up those alone who ask it. */
  readonly #queues = new Map<Runtime, FairQueue>();
  /** Ids that nobody knew, and when: in the order of their answers. */
  readonly #absent = new Map<string, number>();
  #asked = 0;

  constructor(runtimes: readonly Runtime[]) {
    this.#runtimes = runtimes;
  }

  stats() {
    const refused = [...this.#queues.values()].reduce((sum, queue) => sum + queue.refused, 0);
    return { asked: this.#asked, refused, unknown: this.#absent.size };
  }

  /** The runtimes that may have it: those of its kind, or the one that spoke of it. */
  runtimesFor({ runtime, source }: Pick<Asked, "runtime" | "source">): readonly Runtime[] {
    if (source !== undefined) return [source];
    if (runtime === "unknown") return this.#runtimes;
    return this.#runtimes.filter(({ kinds }) => kinds.includes(runtime));
  }

  /** A runtime has spoken of it: what was not known may be known now. */
  forget(fullId: string): void {
    this.#absent.delete(fullId);
  }

  /** Whatever could not be known before may be known now. */
  forgetAll(): void {
    this.#absent.clear();
  }

  /** Resolves when its turns have come and the runtimes have answered. Never rejects. */
  async ask(asked: Asked, { asker, ...options }: QuestionOptions): Promise<Answer> {
    const since = performance.now() - (this.#absent.get(asked.fullId) ?? -Infinity);
    if (since < ABSENT_MS) return { kind: "absent" };
    return this.#all({ ...asked, asker }, options, (runtime, ask) =>
      this.#inTurn(runtime, asker, ask),
    );
  }

  /** As `ask`, out of turn. */
  now(asked: Asked, options: Omit<QuestionOptions, "asker">): Promise<Answer> {
    return this.#all(asked, options, (_, ask) => ask().answer);
  }

  /** Asks all that may know it at once; the first who does decides. */
  #all(
    asked: Asked & { readonly asker?: string },
    { accepts, onFirst }: Omit<QuestionOptions, "asker">,
    turn: (runtime: Runtime, ask: () => Asking) => Promise<Answer>,
  ): Promise<Answer> {
    this.#asked += 1;
    const { fullId: id, directory, asker } = asked;
    let by: Runtime | undefined;
    const isMeant = (runtime: Runtime, known: KnownContainer): boolean => {
      if ((by ?? runtime) !== runtime || !accepts(known)) return false;
      by = runtime;
      return true;
    };
    const inspect = async (runtime: Runtime, onTold: () => void): Promise<Answer> => {
      const first = (known: KnownContainer): void => {
        if (isMeant(runtime, known)) onFirst(known);
        onTold();
      };
      try {
        const container = await runtime.inspect({ id, directory, asker, onFirst: first });
        if (container === undefined) return { kind: "absent" };
        return isMeant(runtime, container)
          ? { kind: "known", container, by: runtime }
          : { kind: "elsewhere" };
      } catch (error) {
        return { kind: "unasked", reason: messageOf(error) };
      }
    };
    const ask = (runtime: Runtime): Asking => {
      const told = Promise.withResolvers<void>();
      const answer = inspect(runtime, told.resolve);
      return { answer, told: Promise.race([told.promise, answer]) };
    };
    const answers = this.runtimesFor(asked).map((runtime) => turn(runtime, () => ask(runtime)));
    const known = Promise.race(answers.map(async (one) => ifKnown(await one)));
    const decided = Promise.all(answers).then((all) => this.#decided(id, all));
    return Promise.race([known, decided]);
  }

  #decided(id: string, answers: readonly Answer[]): Answer {
    const of = (kind: Answer["kind"]) => answers.find((answer) => answer.kind === kind);
    const decisive = of("known") ?? of("elsewhere") ?? of("unasked");
    if (decisive !== undefined) return decisive;
    if (answers.length === 0) return { kind: "unasked", reason: NOBODY };
    this.#remember(id);
    return { kind: "absent" };
  }

  /** The next one's turn is when something is known: who is asked for more has turns of its own. */
  #inTurn(runtime: Runtime, asker: string, ask: () => Asking): Promise<Answer> {
    const queue = this.#queues.get(runtime) ?? new FairQueue(LIMITS);
    this.#queues.set(runtime, queue);
    return new Promise((resolve) => {
      // What a runtime lists itself is there: all of it is asked for.
      const limit = asker === runtime.name ? Infinity : QUESTIONS_WAITING;
      const begin = async (): Promise<void> => {
        const { answer, told } = ask();
        resolve(answer);
        await told;
      };
      const isTaken = queue.push(asker, begin, limit);
      const reason = "too many containers of one control group are asked for";
      if (!isTaken) resolve({ kind: "unasked", reason });
    });
  }

  #remember(id: string): void {
    this.#absent.delete(id);
    this.#absent.set(id, performance.now());
    const [oldest] = this.#absent.keys();
    if (this.#absent.size > ABSENT_MAX && oldest !== undefined) this.#absent.delete(oldest);
  }
}

/** What is not known yet does not decide: another may know it. */
function ifKnown(answer: Answer): Answer | Promise<never> {
  return answer.kind === "known" ? answer : new Promise<never>(() => undefined);
}

const NOBODY = "no container runtime that could be asked is configured";
const QUESTIONS_AT_ONCE = 32;
const QUESTIONS_WAITING = 1024;
const ABSENT_MS = 10_000;
const ABSENT_MAX = 8192;

/** Of one runtime's queue: every asker has its own line. */
const LIMITS = {
  capacity: Infinity,
  capacityOfKey: QUESTIONS_WAITING,
  parallel: QUESTIONS_AT_ONCE,
  parallelOfKey: QUESTIONS_AT_ONCE,
};
