import type { RefusedFile } from "./refused-file.ts";

/** Whose refusals they are, who hears of them, and where they are kept. */
export interface RefusalsOptions {
  readonly output: string;
  readonly target: string;
  readonly onProblem: (text: string) => void;
  readonly refused?: RefusedFile | undefined;
}

/** What the other side of one output refused for good: counted by reason, each reason told once. */
export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #counts = new Map<string, number>();
  readonly #told = new Set<string>();

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** So many alerts; `lines` of them are kept. */
  add(reason: string, alerts: number, lines: readonly string[] = []): void {
    const { output, target, refused, onProblem } = this.#options;
    if (lines.length > 0) refused?.keep({ output, target, reason, lines });
    const isKnown = this.#counts.has(reason) || this.#counts.size < MAX_REASONS;
    const word = isKnown ? reason : "other reasons";
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + alerts);
    if (this.#told.has(reason) || this.#told.size >= MAX_REASONS) return;
    this.#told.add(reason);
    const where = refused === undefined ? "counted" : `kept in ${JSON.stringify(refused.path)}`;
    onProblem(`Cannot write to ${target}: ${reason}; what is refused is ${where}`);
  }
}

/** Reasons are the other side's words: no more than so many are counted apart. */
const MAX_REASONS = 20;
