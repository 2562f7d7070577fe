import { decisiveChecks, type Explanation } from "./explain.ts";

/** Different comparisons whose failures are counted. */
const MAX_CHECKS = 1000;

/** So many of those that failed most often are named. */
const NAMED = 5;

/**
 * Counts what explanations came to: up to `limit` matches, and as many that are none, are worth
 * telling; the others are counted by the comparisons that decided.
 */
export class ExplanationTally {
  readonly #limit: number;
  readonly #failures = new Map<string, number>();
  #matches = 0;
  #misses = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** As many matches as were asked for. */
  get isFull(): boolean {
    return this.#matches >= this.#limit;
  }

  /** Counts one; true when it is to be told. */
  add(explanation: Explanation): boolean {
    if (this.isFull) return false;
    if (explanation.holds) {
      this.#matches += 1;
      return true;
    }
    this.#misses += 1;
    for (const { check = "" } of decisiveChecks(explanation)) {
      const known = this.#failures.get(check);
      if (known !== undefined || this.#failures.size < MAX_CHECKS)
        this.#failures.set(check, (known ?? 0) + 1);
    }
    return this.#misses <= this.#limit;
  }

  /** How many matched; where none did, why, the commonest reason first. */
  summary(): readonly string[] {
    if (this.#matches + this.#misses === 0) return [];
    const counts = `${this.#matches} of ${this.#matches + this.#misses} events match`;
    if (this.#matches > 0) return [counts];
    const reasons = [...this.#failures].toSorted(([, a], [, b]) => b - a).slice(0, NAMED);
    return [
      `${counts}; what decided most often:`,
      ...reasons.map(([check, count]) => `  ${count} times  ${check}`),
    ];
  }
}
