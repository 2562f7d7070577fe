import type { WatchDoor } from "../web/handlers.ts";
import type { Questions } from "./messages.ts";

/** A question as it goes to the watch's thread. */
export interface Question {
  readonly id: number;
  readonly what: keyof Questions;
  readonly about: unknown;
}

/** The watch, asked from another thread: what it does not answer in time has no answer. */
export class Questioner implements WatchDoor {
  readonly #ask: (question: Question) => void;
  readonly #open = new Map<number, (answer: unknown) => void>();
  #last = 0;

  constructor(ask: (question: Question) => void) {
    this.#ask = ask;
  }

  health() {
    return this.#answer("health", undefined);
  }

  async rules() {
    return (await this.#answer("rules", undefined)) ?? [];
  }

  rule(name: string) {
    return this.#answer("rule", name);
  }

  async examine(port: Questions["examine"]["about"]) {
    // No answer and a good one are not the same here.
    const answer = await this.#answer("examine", port);
    return answer === "" ? undefined : (answer ?? "the watch does not answer");
  }

  silences() {
    return this.#answer("silences", undefined);
  }

  silence(request: Questions["silence"]["about"]) {
    return this.#answer("silence", request);
  }

  endSilence(id: string) {
    return this.#answer("endSilence", id);
  }

  answered(id: number, answer: unknown): void {
    this.#open.get(id)?.(answer);
  }

  #answer<What extends keyof Questions>(
    what: What,
    about: Questions[What]["about"],
  ): Promise<Questions[What]["answer"] | undefined> {
    if (this.#open.size >= OPEN_MAX) return Promise.resolve(undefined);
    const id = (this.#last += 1);
    const { promise, resolve } = Promise.withResolvers<Questions[What]["answer"] | undefined>();
    const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    this.#open.set(id, (answer) => resolve(answer as Questions[What]["answer"]));
    this.#ask({ id, what, about });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#open.delete(id);
    });
  }
}

const PATIENCE_MS = 2000;
const OPEN_MAX = 64;
