import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerRecord } from "./container-record.ts";
import type { KnownContainer } from "./runtime.ts";
import type { Answer, RuntimeQuestions } from "./runtime-questions.ts";

/** What is done with answers. */
export interface RecordAnswers {
  /** True where what a runtime says is said of this record. */
  readonly accepts: (record: ContainerRecord, known: KnownContainer) => boolean;
  /** What is known at once, while more is looked for. */
  readonly onFirst: (record: ContainerRecord, known: KnownContainer) => void;
  readonly onAnswer: (record: ContainerRecord, answer: Answer) => void;
}

/** A question under way. */
interface Question {
  /** The container's place, as far as it was known then. */
  readonly directory: string | undefined;
  isAgain: boolean;
}

/** What is asked of records: one question at a time for each, however many want to know. */
export class RecordQuestions {
  readonly #runtimes: RuntimeQuestions;
  readonly #answers: RecordAnswers;
  readonly #asking = new Map<ContainerRecord, Question>();

  constructor(runtimes: RuntimeQuestions, answers: RecordAnswers) {
    this.#runtimes = runtimes;
    this.#answers = answers;
  }

  /**
   * Asks the runtimes; once more after the present question when one is under way, at once where
   * that was about its id alone and its place is known now.
   */
  ask(record: ContainerRecord, asker: string): void {
    const asking = this.#asking.get(record);
    if (asking !== undefined && asking.directory === record.directory) {
      asking.isAgain = true;
      return;
    }
    const question = { directory: record.directory, isAgain: false };
    this.#asking.set(record, question);
    void this.#question(record, question, asker);
  }

  /** Asks out of turn. Resolves with the answer, at the latest after the time. Never rejects. */
  async askNow(record: ContainerRecord, timeoutMs: number): Promise<void> {
    const time = new AbortController();
    const limit = sleep(timeoutMs, undefined, { signal: time.signal }).catch(() => undefined);
    const asking = this.#runtimes
      .now(record, this.#optionsFor(record))
      .then((answer) => this.#answers.onAnswer(record, answer));
    await Promise.race([asking, limit]);
    time.abort();
  }

  async #question(record: ContainerRecord, question: Question, asker: string): Promise<void> {
    do {
      question.isAgain = false;
      const options = { asker, ...this.#optionsFor(record) };
      const answer = await this.#runtimes.ask(record, options);
      // That nobody knows it is not said as long as it is asked for anew.
      const isLast = !question.isAgain && this.#asking.get(record) === question;
      if (isLast || answer.kind === "known") this.#answers.onAnswer(record, answer);
    } while (question.isAgain);
    if (this.#asking.get(record) === question) this.#asking.delete(record);
  }

  #optionsFor(record: ContainerRecord) {
    return {
      accepts: (known: KnownContainer) => this.#answers.accepts(record, known),
      onFirst: (known: KnownContainer) => this.#answers.onFirst(record, known),
    };
  }
}
