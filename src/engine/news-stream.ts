import type { Alert } from "../alerts/alert.ts";
import { messageOf } from "../lib/errors.ts";
import type { News, NewsBody } from "../news/news.ts";

/** Whoever reads the news: an output, the terminal, a store. */
export interface Subscriber {
  readonly name: string;
  /** Whether it gets silenced alerts, too: who tells people of alerts does not. */
  readonly seesSilenced?: boolean;
  /** Returns at once; what it throws is counted and reported, and reaches nobody else. */
  take(news: News): void;
  /** Delivers what waits and ends, in bounded time. */
  close?(): Promise<unknown>;
}

/** What was published since the start. */
export interface NewsCounts {
  readonly published: number;
  readonly byKind: Readonly<Partial<Record<News["kind"], number>>>;
  /** Of the alerts those that were silenced. */
  readonly silenced: number;
  /** How often each subscriber has thrown. */
  readonly failures: ReadonlyMap<string, number>;
  /** Pieces that subscribers published in answer to others, without end: not taken. */
  readonly refused: number;
}

/** What stamps news, and who gets all of them from the first on. */
export interface NewsStreamOptions {
  readonly host: string;
  /** Epoch nanoseconds. */
  readonly now: () => bigint;
  readonly subscribers: readonly Subscriber[];
  /** The id of the silence that an alert falls under; it counts there. */
  readonly silencedBy?: ((alert: Alert) => string | undefined) | undefined;
}

/** Hands all that is reported to all who subscribed, stamped and in one order. */
export class NewsStream {
  readonly #options: NewsStreamOptions;
  /** A new array with each change: who is handed news is decided when it begins. */
  #subscribers: readonly Subscriber[];
  readonly #failures = new Map<string, number>();
  readonly #byKind: Partial<Record<News["kind"], number>> = {};
  #sequence = 0;
  /** What was published while another piece was under way: its turn comes behind that. */
  readonly #waiting: News[] = [];
  #isUnderWay = false;
  #refused = 0;
  #silenced = 0;

  constructor(options: NewsStreamOptions) {
    this.#options = options;
    this.#subscribers = [...new Set(options.subscribers)];
  }

  counts(): NewsCounts {
    return {
      published: this.#sequence,
      byKind: { ...this.#byKind },
      silenced: this.#silenced,
      failures: this.#failures,
      refused: this.#refused,
    };
  }

  /**
   * `time`: epoch nanoseconds, where it is not now. What a subscriber publishes while it takes a
   * piece comes behind that piece for all of them; more than ANSWERS_MAX to one are refused.
   */
  publish(body: NewsBody, time?: bigint): void {
    if (this.#isUnderWay && this.#waiting.length >= ANSWERS_MAX) {
      this.#refused += 1;
      return;
    }
    this.#sequence += 1;
    this.#byKind[body.kind] = (this.#byKind[body.kind] ?? 0) + 1;
    const { host, now } = this.#options;
    const news: News = {
      sequence: this.#sequence,
      time: time ?? now(),
      host,
      ...this.#judged(body),
    };
    if (this.#isUnderWay) this.#waiting.push(news);
    else this.#deliver(news);
  }

  /** From the next piece on, until the function that it returns is called. */
  subscribe(subscriber: Subscriber): () => void {
    const leave = (): void => {
      this.#subscribers = this.#subscribers.filter((one) => one !== subscriber);
    };
    leave();
    this.#subscribers = [...this.#subscribers, subscriber];
    return leave;
  }

  #judged(body: NewsBody): NewsBody {
    if (body.kind !== "alert") return body;
    const silence = this.#options.silencedBy?.(body.alert);
    if (silence === undefined) return body;
    this.#silenced += 1;
    return { ...body, silence };
  }

  #deliver(news: News): void {
    this.#isUnderWay = true;
    this.#deliverToAll(news);
    // It grows meanwhile, up to its bound; what was delivered stays in it until the end for that.
    for (const answer of this.#waiting) this.#deliverToAll(answer);
    this.#waiting.length = 0;
    this.#isUnderWay = false;
  }

  #deliverToAll(news: News): void {
    const isSilenced = news.kind === "alert" && news.silence !== undefined;
    for (const subscriber of this.#subscribers)
      if (!isSilenced || subscriber.seesSilenced === true) this.#hand(subscriber, news);
  }

  #hand(subscriber: Subscriber, news: News): void {
    try {
      const taken: unknown = subscriber.take(news);
      // One that is an async function fails later.
      if (taken instanceof Promise)
        taken.catch((thrown: unknown) => this.#failed(subscriber, news, thrown));
    } catch (thrown) {
      this.#failed(subscriber, news, thrown);
    }
  }

  #failed({ name }: Subscriber, { kind }: News, thrown: unknown): void {
    const before = this.#failures.get(name) ?? 0;
    this.#failures.set(name, before + 1);
    if (before > 0) return;
    const text = `"${name}" failed on news of kind ${kind}: ${messageOf(thrown)}; further failures of it are counted`;
    this.publish({ kind: "problem", text });
  }
}

/** Pieces that subscribers may publish in answer to one piece, and to those answers. */
const ANSWERS_MAX = 1024;
