import type { ServerResponse } from "node:http";
import { alertPage, type AlertFilter } from "../store/alert-queries.ts";
import type { IdRange } from "../store/backend.ts";
import { auditById, noticePage } from "../store/audit-queries.ts";
import type { Kept } from "../store/kept.ts";
import { portById } from "../store/port-queries.ts";
import type { Store } from "../store/store.ts";
import { matchesTerms, type TermQuery, termQuery } from "../store/term-query.ts";
import { wordsOf } from "../store/terms.ts";
import { alertJson, auditSummary, keptAlertJson, notice, storedPort } from "./rows.ts";

interface Reader {
  readonly response: ServerResponse;
  /** Which alerts; undefined for all of its time. */
  readonly terms: TermQuery | undefined;
  readonly range: IdRange;
  /** Of the last event that it was sent. */
  last: number;
  /** Events since then. */
  missed: number;
  /** What came before it had what it asked for. */
  waiting: string[] | undefined;
}

/** An event as it goes over the wire, and whom it is for. */
interface LiveEvent {
  readonly id: number;
  readonly text: string;
  readonly isMeant: (reader: Reader) => boolean;
}

/**
 * What is kept, as it is kept, to readers of server-sent events. Each has a bounded queue: who is
 * too slow is told how many events it missed, and fetches them by the cursor.
 */
export class LiveStream {
  readonly #store: Store;
  readonly #readers = new Set<Reader>();
  readonly #leave: () => void;
  readonly #beat: NodeJS.Timeout;
  #turn: Promise<void> = Promise.resolve();
  #behind = 0;
  #missed = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#leave = store.follow((kept) => this.#follow(kept));
    this.#beat = setInterval(() => this.#beatAll(), BEAT_MS).unref();
  }

  get readers(): { readonly open: number; readonly missed: number } {
    return { open: this.#readers.size, missed: this.#missed };
  }

  get isFull(): boolean {
    return this.#readers.size >= READERS_MAX;
  }

  /** `after`: the id of the last event that it has. */
  async open(
    response: ServerResponse,
    { filter, after }: { readonly filter: AlertFilter; readonly after: number | undefined },
  ): Promise<void> {
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const terms = termQuery(filter);
    const last = after ?? this.#store.newest;
    const range = { above: filter.above, below: filter.below };
    const reader: Reader = { response, terms, range, last, missed: 0, waiting: [] };
    this.#readers.add(reader);
    response.on("close", () => this.#readers.delete(reader));
    response.on("drain", () => this.#drained(reader));
    response.write(`retry: ${RETRY_MS}\n\n`);
    if (after !== undefined) await this.#catchUp(reader, filter, after);
    const waiting = reader.waiting ?? [];
    reader.waiting = undefined;
    for (const text of waiting) response.write(text);
  }

  close(): void {
    this.#leave();
    clearInterval(this.#beat);
    for (const { response } of this.#readers) response.end();
  }

  /** One batch after another: rows of some events are fetched first. */
  #follow(kept: readonly Kept[]): void {
    if (this.#readers.size === 0) return;
    if (this.#behind >= BATCHES_MAX) {
      for (const reader of this.#readers) this.#miss(reader, kept.length);
      return;
    }
    this.#behind += 1;
    this.#turn = this.#sendAll(this.#turn, kept);
  }

  async #sendAll(before: Promise<void>, kept: readonly Kept[]): Promise<void> {
    await before;
    for (const one of kept) {
      const event = await this.#eventOf(one).catch(() => undefined);
      if (event === undefined) continue;
      for (const reader of this.#readers) if (event.isMeant(reader)) this.#send(reader, event);
    }
    this.#behind -= 1;
  }

  #send(reader: Reader, { id, text }: LiveEvent): void {
    const { response, waiting } = reader;
    if (waiting !== undefined) {
      if (waiting.length < WAITING_MAX) waiting.push(text);
      else this.#miss(reader, 1);
      return;
    }
    if (reader.missed > 0 || response.writableLength > QUEUE_BYTES) return this.#miss(reader, 1);
    reader.last = id;
    response.write(text);
  }

  #miss(reader: Reader, count: number): void {
    reader.missed += count;
    this.#missed += count;
  }

  #drained(reader: Reader): void {
    if (reader.missed === 0) return;
    const { missed, last } = reader;
    reader.missed = 0;
    reader.last = this.#store.newest;
    reader.response.write(gapText(missed, last));
  }

  #beatAll(): void {
    for (const reader of this.#readers) {
      if (reader.response.writableLength > 0) continue;
      // A batch that was too much for all: nothing drains after it.
      this.#drained(reader);
      reader.response.write(":\n\n");
    }
  }

  async #catchUp(reader: Reader, filter: AlertFilter, after: number): Promise<void> {
    const { backend } = this.#store;
    const { alerts } = await alertPage(backend, filter, { after, limit: CATCH_UP_MAX + 1 });
    if (alerts.length > CATCH_UP_MAX) {
      reader.response.write(gapText(alerts.length, after));
      return;
    }
    for (const alert of alerts.toReversed()) {
      reader.last = alert.id;
      reader.response.write(eventText("alert", alert.id, alertJson(alert)));
    }
  }

  async #eventOf({ id, kind, alert, row }: Kept): Promise<LiveEvent | undefined> {
    const { backend } = this.#store;
    if (alert !== undefined) {
      let terms: ReadonlySet<string> | undefined;
      const isMeant = ({ terms: query, range }: Reader): boolean => {
        if (id <= (range.above ?? 0) || id >= (range.below ?? Infinity)) return false;
        if (query === undefined) return true;
        terms ??= new Set([...alert.row.terms, ...wordsOf(alert.row.message)]);
        return matchesTerms(query, terms);
      };
      return { id, text: eventText("alert", id, keptAlertJson(alert)), isMeant };
    }
    const data = await rowOf();
    return data && { id, text: eventText(kind, id, JSON.stringify(data)), isMeant: () => true };

    async function rowOf(): Promise<object | undefined> {
      if (kind === "audit") {
        const audit = await auditById(backend, id);
        return audit && auditSummary(audit);
      }
      if (kind === "notice") {
        const [found] = await noticePage(backend, { before: id + 1, limit: 1 });
        return found && notice(found);
      }
      const port = await portById(backend, row ?? id);
      return port && storedPort(port);
    }
  }
}

function eventText(name: string, id: number, data: string): string {
  return `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;
}

/** It has no id: who comes back begins behind the last event that it has. */
function gapText(gap: number, after: number): string {
  return `event: gap\ndata: ${JSON.stringify({ gap, after })}\n\n`;
}

const READERS_MAX = 32;
const BEAT_MS = 15_000;
const RETRY_MS = 2000;
/** Batches of the store whose events are not made yet. */
const BATCHES_MAX = 16;
/** Bytes that wait for a reader, and events of one that is still catching up. */
const QUEUE_BYTES = 262_144;
const WAITING_MAX = 1000;
/** Alerts that are sent again to who comes back. */
const CATCH_UP_MAX = 499;
