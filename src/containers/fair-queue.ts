/**
 * Runs jobs, a bounded number at once. Each asker has a line of its own and the askers take turns:
 * one that asks for thousands delays the others by one job each.
 */
export class FairQueue {
  readonly #lines = new Map<string, (() => Promise<void>)[]>();
  readonly #limits: { readonly atOnce: number; readonly perAsker: number };
  #running = 0;
  #refused = 0;

  constructor(limits: { readonly atOnce: number; readonly perAsker: number }) {
    this.#limits = limits;
  }

  /** Jobs that found their asker's line full. */
  get refused(): number {
    return this.#refused;
  }

  /** False when too many of this asker's wait already; then the job will not run. */
  add(asker: string, job: () => Promise<void>, perAsker = this.#limits.perAsker): boolean {
    const line = this.#lines.get(asker) ?? [];
    if (line.length >= perAsker) {
      this.#refused += 1;
      return false;
    }
    line.push(job);
    this.#lines.set(asker, line);
    this.#next();
    return true;
  }

  #next(): void {
    while (this.#running < this.#limits.atOnce) {
      const [turn] = this.#lines;
      if (turn === undefined) return;
      const [asker, line] = turn;
      const job = line.shift();
      // Whose turn it was goes to the end.
      this.#lines.delete(asker);
      if (line.length > 0) this.#lines.set(asker, line);
      if (job === undefined) continue;
      this.#running += 1;
      void job().finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }
}
