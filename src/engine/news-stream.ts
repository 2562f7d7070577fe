import { messageOf } from "../lib/errors.ts";
import type { News, NewsBody } from "../news/news.ts";

/** Whoever reads the news: an output, the terminal, a store. */
export interface Subscriber {
  readonly name: string;
  /** Returns at once; what it throws is counted and reported, and reaches nobody else. */
  take(news: News): void;
  /** Delivers what waits and ends, in bounded time. */
  close?(): Promise<unknown>;
}

/** What was published since the start. */
export interface NewsCounts {
  readonly published: number;
  readonly byKind: Readonly<Partial<Record<News["kind"], number>>>;
  /** How often each subscriber has thrown. */
  readonly failures: ReadonlyMap<string, number>;
}

/** What stamps news, and who gets all of them from the first on. */
export interface NewsStreamOptions {
  readonly host: string;
  /** Epoch nanoseconds. */
  readonly now: () => bigint;
  readonly subscribers: readonly Subscriber[];
}

/** Hands all that is reported to all who subscribed, stamped and in one order. */
export class NewsStream {
  readonly #options: NewsStreamOptions;
  readonly #subscribers: Set<Subscriber>;
  readonly #failures = new Map<string, number>();
  readonly #byKind: Partial<Record<News["kind"], number>> = {};
  #sequence = 0;

  constructor(options: NewsStreamOptions) {
    this.#options = options;
    this.#subscribers = new Set(options.subscribers);
  }

  counts(): NewsCounts {
    return { published: this.#sequence, byKind: { ...this.#byKind }, failures: this.#failures };
  }

  /** `time`: epoch nanoseconds, where it is not now. */
  publish(body: NewsBody, time?: bigint): void {
    this.#sequence += 1;
    this.#byKind[body.kind] = (this.#byKind[body.kind] ?? 0) + 1;
    const { host, now } = this.#options;
    const news: News = { sequence: this.#sequence, time: time ?? now(), host, ...body };
    for (const subscriber of this.#subscribers) this.#hand(subscriber, news);
  }

  /** From the next piece on, until the function that it returns is called. */
  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  }

  #hand(subscriber: Subscriber, news: News): void {
    try {
      subscriber.take(news);
    } catch (thrown) {
      const { name } = subscriber;
      const before = this.#failures.get(name) ?? 0;
      this.#failures.set(name, before + 1);
      if (before > 0) return;
      const text = `"${name}" failed on news of kind ${news.kind}: ${messageOf(thrown)}; further failures of it are counted`;
      this.publish({ kind: "problem", text });
    }
  }
}
