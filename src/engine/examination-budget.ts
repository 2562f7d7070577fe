/** What a container may still have examined. */
interface Account {
  left: number;
  /** When that was so; milliseconds. */
  at: number;
}

/**
 * How many ports of one container are examined: each costs time and has two files, and a container
 * opens some thousand a second. A thousand at once, and then one a second.
 */
export class ExaminationBudget {
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();
  #refused = 0;

  /** `now`: milliseconds, of a clock that does not jump. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Ports that were beyond it. */
  get refused(): number {
    return this.#refused;
  }

  /** False when `key` has used up its budget: it is counted. */
  take(key: string): boolean {
    const now = this.#now();
    const account = this.#accounts.get(key) ?? { left: AT_ONCE, at: now };
    account.left = Math.min(AT_ONCE, account.left + (now - account.at) / EACH_MS);
    account.at = now;
    if (this.#accounts.size >= ACCOUNTS_MAX) this.#forgetFull(now);
    this.#accounts.set(key, account);
    if (account.left < 1) {
      this.#refused += 1;
      return false;
    }
    account.left -= 1;
    return true;
  }

  /** Who has all of it again is as one that was never seen. */
  #forgetFull(now: number): void {
    for (const [key, { left, at }] of this.#accounts)
      if (left + (now - at) / EACH_MS >= AT_ONCE) this.#accounts.delete(key);
  }
}

const AT_ONCE = 1000;
const EACH_MS = 1000;
const ACCOUNTS_MAX = 1024;
