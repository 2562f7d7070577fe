import type { Worker } from "node:worker_threads";
import { ownerName } from "../alerts/opened-port.ts";
import { assertNever } from "../lib/assert-never.ts";
import { messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { startThread } from "../shipped/start-thread.ts";
import type { Silence } from "../store/silence.ts";
import type { WatchDoor } from "../web/handlers.ts";
import type { FromThread, HistoryData, ToThread } from "./messages.ts";
import { OutboxReaders, type ReaderDoor } from "./outbox-readers.ts";

/** What the thread is started with, whom it asks, and who hears of it. */
export interface HistoryOptions extends Omit<HistoryData, "begun"> {
  readonly watch: WatchDoor;
  /** So many alerts that came by HTTP fell under the silence of this id. */
  readonly onSilenced: (id: string, count: number) => void;
  readonly onNote: (text: string) => void;
  readonly onProblem: (text: string) => void;
}

/** News that are on their way, of one message. */
interface Sent {
  readonly owners: Map<string, number>;
  left: number;
}

/**
 * What is kept of the news, and the page that shows it: in a thread of their own, so that who reads
 * the page, or knocks at its door, never holds the one that reads events. A subscriber: news go over
 * in batches; what the thread has not done yet is bounded, in all and by container.
 */
export class History {
  readonly name = "store";
  readonly seesSilenced = true;
  readonly #options: HistoryOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #sent: Sent[] = [];
  /** Pieces on their way by container. */
  readonly #owners = new Map<string, number>();
  #worker: Worker;
  #silences: readonly Silence[] = [];
  #batch: News[] = [];
  #timer: NodeJS.Timeout | undefined;
  #waiting = 0;
  #dropped = 0;
  /** The number of the last that was taken. */
  #lastTaken = 0;
  /** The newest id when the watch began. */
  #begun: number | undefined;
  readonly #readers = new OutboxReaders({
    post: (message) => this.#post(message),
    flush: () => this.#flush(),
    lastTaken: () => this.#lastTaken,
  });
  #starts = 1;
  #isClosing = false;
  #page: string | undefined;
  #fingerprint: string | undefined;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#worker = this.#start();
  }

  /** Resolves when the store is open and the page is served, or when neither can be. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** The page's address with a word for one login; undefined when none is served. */
  get page(): string | undefined {
    return this.#page;
  }

  /** Of the certificate that Saker signed itself (SHA-256); undefined where it is another's. */
  get fingerprint(): string | undefined {
    return this.#fingerprint;
  }

  counts(): { readonly waiting: number; readonly dropped: number } {
    return { waiting: this.#waiting, dropped: this.#dropped };
  }

  /** What does not fit is dropped, and counted. */
  take(news: News): void {
    const owner = ownerOf(news);
    const ofOwner = this.#owners.get(owner) ?? 0;
    const left = CAPACITY - this.#waiting;
    // No more than is left: however many flood, there is room for who does not.
    if (left <= (owner === OURS ? 0 : ofOwner) || this.#isClosing) {
      this.#dropped += 1;
      return;
    }
    this.#waiting += 1;
    this.#lastTaken = news.sequence;
    this.#owners.set(owner, ofOwner + 1);
    this.#batch.push(news);
    if (this.#batch.length >= BATCH_MAX) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS).unref();
  }

  /** Silences that alerts which come by HTTP fall under, from now on. */
  useSilences(silences: readonly Silence[]): void {
    this.#silences = silences;
    this.#post({ kind: "silences", silences });
  }

  /** For one who sends on what is kept, as far as it has not been answered. */
  openReader(...[reader, around]: Parameters<OutboxReaders["open"]>): ReaderDoor {
    return this.#readers.open(reader, around);
  }

  /** Has what waits written, and ends the thread, once those are closed who send on. */
  async close(): Promise<void> {
    await this.#readers.closed();
    this.#flush();
    this.#isClosing = true;
    this.#worker.ref();
    this.#post({ kind: "close" });
    await this.#ended.promise;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const news = this.#batch;
    if (news.length === 0) return;
    this.#batch = [];
    const owners = new Map<string, number>();
    for (const piece of news) {
      const owner = ownerOf(piece);
      owners.set(owner, (owners.get(owner) ?? 0) + 1);
    }
    this.#sent.push({ owners, left: news.length });
    try {
      this.#post({ kind: "news", news, dropped: this.#dropped });
    } catch {
      // Something among them cannot be handed to a thread.
      this.#dropped += news.length;
      this.#done(news.length);
    }
  }

  /** False when there is no thread any more. */
  #post(message: ToThread): boolean {
    this.#worker.postMessage(message);
    return this.#worker.threadId !== -1;
  }

  #start(): Worker {
    const { version, hostname, store, web, webserver } = this.#options;
    const begun = this.#begun;
    const workerData: HistoryData = { version, hostname, store, web, webserver, begun };
    const worker = startThread("history/history-thread", {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 8 },
    });
    worker.postMessage({ kind: "silences", silences: this.#silences } satisfies ToThread);
    worker.on("message", (message: FromThread) => this.#take(message));
    worker.on("error", (thrown) => this.#failed(messageOf(thrown)));
    worker.on("exit", () => {
      if (!this.#isClosing) return;
      this.#ended.resolve();
    });
    return worker;
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case "ready":
        this.#page = message.page;
        this.#fingerprint = message.fingerprint;
        this.#begun = message.begun;
        // From here on it lasts as long as the watch does, and at its end until all is kept.
        if (!this.#isClosing) this.#worker.unref();
        return this.#ready.resolve();
      case "done":
        return this.#done(message.count);
      case "note":
        return this.#options.onNote(message.text);
      case "problem":
        return this.#options.onProblem(message.text);
      case "silenced":
        for (const [id, count] of message.counts) this.#options.onSilenced(id, count);
        return;
      case "outbox-page":
        return this.#readers.answered(message.id, message.page);
      case "outbox-lost":
        return this.#readers.lost(message.counts);
      case "question":
        void this.#answer(message);
        return;
      default:
        assertNever(message);
    }
  }

  /** The oldest of those on their way; alerts that came by HTTP are not among them. */
  #done(count: number): void {
    let left = Math.min(count, this.#waiting);
    this.#waiting -= left;
    while (left > 0) {
      const first = this.#sent[0];
      if (first === undefined) return;
      const taken = Math.min(left, first.left);
      first.left -= taken;
      left -= taken;
      if (first.left > 0) return;
      this.#sent.shift();
      for (const [owner, number] of first.owners) {
        const rest = (this.#owners.get(owner) ?? 0) - number;
        if (rest > 0) this.#owners.set(owner, rest);
        else this.#owners.delete(owner);
      }
    }
  }

  async #answer({ id, what, about }: FromThread & { kind: "question" }): Promise<void> {
    // Its questions are the door's methods, each with what that takes.
    const door = this.#options.watch as Record<
      keyof WatchDoor,
      (about: unknown) => Promise<unknown>
    >;
    let answer: unknown;
    try {
      answer = await door[what](about);
    } catch (thrown) {
      this.#options.onProblem(`The page got no answer about ${what}: ${messageOf(thrown)}`);
    }
    this.#post({ kind: "answer", id, answer });
  }

  /** By itself: too little memory, or a fault of ours. What was on its way is lost. */
  #failed(reason: string): void {
    const lost = this.#waiting - this.#batch.length;
    this.#dropped += lost;
    this.#done(lost);
    this.#readers.forget();
    this.#ready.resolve();
    const isLast = this.#isClosing || this.#starts >= STARTS_MAX;
    this.#options.onProblem(
      `The thread that keeps news has ended: ${reason}; ${lost} pieces are lost${isLast ? "; no further ones are kept" : ""}`,
    );
    if (isLast) {
      this.#isClosing = true;
      this.#ended.resolve();
      return;
    }
    this.#starts += 1;
    this.#worker = this.#start();
  }
}

/** Whose doing it is: a container, the host, or ours. */
function ownerOf(news: News): string {
  switch (news.kind) {
    case "alert":
      return ownerName(news.alert);
    case "port-opened":
    case "port-closed":
      return news.port.container ?? news.port.containerId ?? "host";
    case "audit":
      return news.report.container ?? "host";
    default:
      return OURS;
  }
}

const OURS = "";
/** Pieces that the thread has not kept yet. */
const CAPACITY = 20_000;
/** Pieces that go over at once, and how long the first of them waits. */
const BATCH_MAX = 500;
const BATCH_MS = 20;
const STARTS_MAX = 5;
