import { batch, computed, signal } from "@preact/signals";
import type { AlertPage, StoredAlert } from "../../src/web/schemas/alert.ts";
import { read } from "../data/api.ts";

/**
 * The alerts of one filter, newest first: pages back into the past on demand, and what comes in.
 * While it is paused, or one has scrolled down, nothing is put above what one reads: it waits, and
 * is counted.
 */
export class AlertFeed {
  readonly rows = signal<readonly StoredAlert[]>([]);
  /** How many came in meanwhile; what is more than can be kept is read again. */
  readonly waiting = signal(0);
  readonly isPaused = signal(false);
  readonly isLoading = signal(true);
  readonly error = signal<Error>();
  readonly hasOlder = computed(() => this.#older.value !== null);
  readonly #older = signal<number | null>(null);
  readonly query: string;
  readonly #abort = new AbortController();
  #loaded: Promise<void> = Promise.resolve();
  #arrived: StoredAlert[] = [];
  #held: StoredAlert[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isScrolled = false;

  /** `query` is the API's filter. */
  constructor(query: string) {
    this.query = query;
    void this.restart();
  }

  /** Reads the newest page anew. */
  async restart(): Promise<void> {
    this.#held = [];
    this.#loaded = this.#load({}, ({ alerts, older }) => {
      const newest = alerts[0]?.id ?? 0;
      // What came in while the page was on its way is not on it.
      this.rows.value = [...this.rows.value.filter(({ id }) => id > newest), ...alerts];
      this.#older.value = older;
      this.waiting.value = 0;
    });
    await this.#loaded;
  }

  /** Reads the page below what is there. */
  async readOlder(): Promise<void> {
    const before = this.#older.value;
    if (before === null || this.isLoading.value) return;
    await this.#load({ before: `${before}` }, ({ alerts, older }) => {
      this.rows.value = [...this.rows.value, ...alerts];
      this.#older.value = older;
    });
  }

  /** Reads what was stored while nobody told us; of very much, only that it is there. */
  async catchUp(): Promise<void> {
    await this.#loaded;
    for (let page = 0; page < CATCH_UP_PAGES; page += 1) {
      const newest = this.#arrived.at(-1) ?? this.#held.at(-1) ?? this.rows.value[0];
      if (newest === undefined) break;
      const alerts = await this.#newerThan(newest.id);
      for (const alert of alerts.toReversed()) this.arrive(alert);
      if (alerts.length < PAGE) return;
    }
    if (this.#holds()) this.waiting.value += PAGE;
    else await this.restart();
  }

  /** An alert that has just been stored. A burst becomes one change of the page. */
  arrive(alert: StoredAlert): void {
    this.#arrived.push(alert);
    this.#timer ??= setTimeout(() => this.#take(), BURST_MS);
  }

  pause(isPaused: boolean): void {
    this.isPaused.value = isPaused;
    if (!this.#holds()) this.release();
  }

  /** Whether one reads further down than the newest. */
  scrolled(isScrolled: boolean): void {
    this.#isScrolled = isScrolled;
    if (!this.#holds()) this.release();
  }

  /** Shows what waits. */
  release(): void {
    if (this.waiting.value > this.#held.length) void this.restart();
    else this.#put(this.#held);
    this.#held = [];
    this.waiting.value = 0;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #holds(): boolean {
    return this.isPaused.value || this.#isScrolled;
  }

  #take(): void {
    this.#timer = undefined;
    const known = new Set([...this.rows.value.slice(0, PAGE), ...this.#held].map(({ id }) => id));
    // The stream and what was read of the meantime may both have told of one.
    const arrived = new Map(this.#arrived.map((alert) => [alert.id, alert]));
    const fresh = [...arrived.values()]
      .filter(({ id }) => !known.has(id))
      .toSorted((one, other) => one.id - other.id);
    this.#arrived = [];
    if (!this.#holds()) return this.#put(fresh);
    this.waiting.value += fresh.length;
    this.#held = [...this.#held, ...fresh].slice(-HELD_MAX);
  }

  /** `fresh` is oldest first. What one has not scrolled to in a long watch is given up again. */
  #put(fresh: readonly StoredAlert[]): void {
    if (fresh.length === 0) return;
    const rows = [...fresh.toReversed(), ...this.rows.value];
    batch(() => {
      if (rows.length > ROWS_MAX) this.#older.value = rows[ROWS_MAX - 1]?.id ?? null;
      this.rows.value = rows.slice(0, ROWS_MAX);
    });
  }

  async #newerThan(id: number): Promise<readonly StoredAlert[]> {
    const query = new URLSearchParams(this.query);
    query.set("after", `${id}`);
    query.set("limit", `${PAGE}`);
    // What fails here is tried again when the stream is open again.
    const page = await read<AlertPage>(`/alerts?${query}`, this.#abort.signal).catch(
      () => undefined,
    );
    return page?.alerts ?? [];
  }

  async #load(cursor: Record<string, string>, use: (page: AlertPage) => void): Promise<void> {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries({ ...cursor, limit: `${PAGE}` }))
      query.set(name, value);
    this.isLoading.value = true;
    try {
      const page = await read<AlertPage>(`/alerts?${query}`, this.#abort.signal);
      batch(() => {
        use(page);
        this.error.value = undefined;
        this.isLoading.value = false;
      });
    } catch (cause) {
      if (this.#abort.signal.aborted) return;
      batch(() => {
        this.error.value = cause as Error;
        this.isLoading.value = false;
      });
    }
  }
}

/** Rows a request. */
const PAGE = 200;
/** Rows that wait at most; with more the page is read anew. */
const HELD_MAX = 1000;
/** Rows that live news keep at most; who scrolls down may read any number. */
const ROWS_MAX = 5000;
const BURST_MS = 150;
/** Pages that are worth reading one after the other; what is more is read anew from the top. */
const CATCH_UP_PAGES = 3;
