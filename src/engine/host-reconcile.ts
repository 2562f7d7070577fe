import { reconcileCgroups } from "../capture/reconcile-cgroups.ts";
import type { CgroupKey } from "../capture/kernel-source.ts";
import { messageOf } from "../lib/errors.ts";
import { type FoundListener, withOwners } from "../ports/inventory-scan.ts";
import type { OpenSocket } from "../ports/port-inventory.ts";
import { reconcileListeners } from "../ports/reconcile-listeners.ts";

/** What is believed of the host, and who hears where it is otherwise. */
export interface HostReconcileOptions {
  /** Network namespaces by inode, each with some processes that were last seen in it. */
  readonly namespaces: () => ReadonlyMap<number, Iterable<number>>;
  /** The sockets that are held to listen in a namespace. */
  readonly believed: (namespace: number) => readonly OpenSocket[];
  readonly onCgroup: (group: CgroupKey, path: string) => void;
  /** A socket listens, and nobody knew. */
  readonly onFound: (listener: FoundListener) => void;
  /** One does not listen any more. */
  readonly onEnded: (socket: OpenSocket) => void;
  readonly onNote: (text: string) => void;
  readonly onProblem: (text: string) => void;
  /** Milliseconds, of a clock that does not jump. */
  readonly now: () => number;
}

/**
 * Compares what is held to be there with the host itself, soon after events were lost and now and
 * then anyway: containers' control groups and listening sockets. What was missed is found late, and
 * meets the same rules. One comparison at once, with growing pauses while events go on being lost.
 */
export class HostReconcile {
  readonly #options: HostReconcileOptions;
  #hasLost = false;
  #isRunning = false;
  #isClosed = false;
  #next = 0;
  #pauseMs = MIN_PAUSE_MS;
  /** Inodes of sockets found last time: one that is missed again had no room in the inventory. */
  #missed: ReadonlySet<number> = new Set();
  #comparisons = 0;

  constructor(options: HostReconcileOptions) {
    this.#options = options;
    this.#next = options.now() + EVERY_MS;
  }

  /** Events were lost. */
  lost(): void {
    if (!this.#hasLost) this.#next = Math.min(this.#next, this.#options.now() + this.#pauseMs);
    this.#hasLost = true;
  }

  /** A comparison that runs comes to nothing: what it would tell is closed. */
  close(): void {
    this.#isClosed = true;
  }

  /** To be called about once a second. Resolves when a comparison that was due is over. */
  async tick(): Promise<void> {
    const { now, onProblem } = this.#options;
    if (this.#isRunning || now() < this.#next) return;
    this.#isRunning = true;
    this.#pauseMs = this.#hasLost ? Math.min(2 * this.#pauseMs, EVERY_MS) : MIN_PAUSE_MS;
    this.#hasLost = false;
    try {
      await this.#compare();
    } catch (thrown) {
      onProblem(`Cannot compare what is known with the host: ${messageOf(thrown)}`);
    } finally {
      this.#isRunning = false;
      this.#next = now() + (this.#hasLost ? this.#pauseMs : EVERY_MS);
    }
  }

  async #compare(): Promise<void> {
    const { namespaces, believed, onCgroup, onFound, onEnded, onNote } = this.#options;
    // First: who opened a socket is known by its control group.
    const { missed: groups } = await reconcileCgroups(() => []);
    if (this.#isClosed) return;
    for (const group of groups) onCgroup(group, group.path);
    const { missed, ended } = await reconcileListeners({ namespaces: namespaces(), believed });
    if (this.#isClosed) return;
    for (const socket of ended) onEnded(socket);
    const found = missed.filter(({ inode }) => !this.#missed.has(inode));
    this.#comparisons += 1;
    const isAnew = this.#comparisons % COMPARISONS_WITHOUT_ROOM === 0;
    this.#missed = new Set(isAnew ? [] : missed.map(({ inode }) => inode));
    if (found.length === 0) return;
    const listeners = await withOwners(found);
    if (this.#isClosed) return;
    for (const listener of listeners) onFound(listener);
    onNote(`listening sockets that were found late: ${found.length}`);
  }
}

/** To be called so often. */
export const RECONCILE_TICK_MS = 1000;
const EVERY_MS = 30_000;
/** What had no room is tried again after so many. */
const COMPARISONS_WITHOUT_ROOM = 20;
const MIN_PAUSE_MS = 1000;
