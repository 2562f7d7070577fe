/**
 * Keeps what happens again and again from flooding whoever reads: of each kind the first, second,
 * fourth, eighth … report is passed on, with how many there were. Kinds are few and fixed: nothing
 * that a container may choose belongs into them.
 */
export class RepeatedReports {
  readonly #report: (text: string) => void;
  readonly #counts = new Map<string, number>();

  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  report(kind: string, text: string): void {
    const count = this.count(kind) + 1;
    this.#counts.set(kind, count);
    const isPowerOfTwo = Number.isInteger(Math.log2(count));
    if (isPowerOfTwo) this.#report(count === 1 ? text : `${text} (${count} so far)`);
  }

  /** How many reports of the kind there were, passed on or not. */
  count(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }
}
