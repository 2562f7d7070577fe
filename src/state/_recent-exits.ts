/** So many exits are remembered, for so long (libs, sinsp_thread_manager). */
const MAX_EXITS = 8192;
const MAX_AGE_NS = 2_000_000_000n;

/**
 * Threads that have just exited: the parent's own return from its clone may come behind the exit,
 * and must not make the child known again.
 */
export class RecentExits {
  /** By parent and child; the oldest first. */
  readonly #times = new Map<string, bigint>();

  add(parent: number, child: number, time: bigint): void {
    const key = `${parent} ${child}`;
    this.#times.delete(key);
    this.#times.set(key, time);
    const oldest = this.#times.size > MAX_EXITS ? this.#times.keys().next().value : undefined;
    if (oldest !== undefined) this.#times.delete(oldest);
  }

  has(parent: number, child: number, now: bigint): boolean {
    const time = this.#times.get(`${parent} ${child}`);
    return time !== undefined && now >= time && now - time < MAX_AGE_NS;
  }
}
