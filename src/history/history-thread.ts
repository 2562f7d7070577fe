// The thread of `history.ts`: the store, and where it is asked for the server of its page.
import { parentPort, workerData } from "node:worker_threads";
import { compactHeap } from "../lib/compact-heap.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { Keeper } from "../store/keeper.ts";
import { openBackend, replaceBackend } from "../store/open-backend.ts";
import { Outbox, type OutboxPlace } from "../store/outbox.ts";
import { idAt } from "../store/row-clock.ts";
import { isMeant, type Silence } from "../store/silence.ts";
import { storeOf, type Store } from "../store/store.ts";
import type { WebServer } from "../web/listen.ts";
import type {
  FromThread,
  HistoryData,
  ToThread,
  WebserverSettings,
  WebSettings,
} from "./messages.ts";
import { Questioner } from "./questioner.ts";
import type { ServedPage } from "./serve-page.ts";
import { storeHealth } from "./store-health.ts";

const { version, hostname, store: settings, web, webserver, begun } = workerData as HistoryData;
const port = parentPort ?? fail();

function fail(): never {
  throw new Error("this file is a thread's");
}

const post = (message: FromThread): void => port.postMessage(message);
const onProblem = (text: string): void => post({ kind: "problem", text });
const onNote = (text: string): void => post({ kind: "note", text });
const now = (): number => Date.now();

const questioner = new Questioner(({ id, what, about }) =>
  post({ kind: "question", id, what, about }),
);
/** Of alerts that come by HTTP; the others have been judged. */
let silences: readonly Silence[] = [];
const silenced = new Map<string, number>();
let droppedBefore = 0;
let moving: Promise<void> = Promise.resolve();
const dropped = (): number => droppedBefore;

void begin();

/** What the thread is made of. */
interface Parts {
  readonly store: Store;
  readonly keeper: Keeper;
  readonly outbox: Outbox;
}

async function begin(): Promise<void> {
  const store = await openStore();
  const startedAt = begun ?? store.committed;
  const outbox = new Outbox(store, { host: hostname, begun: startedAt });
  await store.beginWatch(hostname);
  const parts = { store, outbox, keeper: keeperOf(store, outbox) };
  const page = web === undefined ? undefined : await serve(() => pageOf(web, parts), "its page");
  const health =
    webserver === undefined
      ? undefined
      : await serve(() => healthOf(webserver, parts), "the webserver of falco.yaml");
  post({
    kind: "ready",
    place: store.backend.place,
    page: page?.page,
    fingerprint: page?.fingerprint,
    begun: startedAt,
  });
  // What the start took is of no use any more.
  setTimeout(compactHeap, STARTED_MS).unref();

  port.on("message", (message: ToThread) => {
    if (message.kind === "answer") return questioner.answered(message.id, message.answer);
    if (message.kind === "close") return void end(parts, [page?.server, health]);
    if (message.kind === "outbox-read") return void answer(message, parts);
    if (message.kind === "outbox-move") return void move(message.places, parts);
    if (message.kind === "silences") {
      ({ silences } = message);
      return;
    }
    droppedBefore = message.dropped;
    for (const news of message.news) if (!parts.keeper.take(news)) post({ kind: "done", count: 1 });
  });
}

function keeperOf(store: Store, outbox: Outbox): Keeper {
  return new Keeper({
    store,
    retention: {
      ageMs: settings.days * 86_400_000,
      bytes: Math.min(
        settings.megabytes * 1e6,
        store.backend.kind === "memory" ? MEMORY_BYTES : Infinity,
      ),
    },
    now,
    onDone: (count) => post({ kind: "done", count }),
    onProblem,
    onNote,
    onRemoved: () => {
      void tellLost(outbox);
      void outbox.forgetUnused(idAt(now() - settings.days * 86_400_000)).catch(() => undefined);
    },
    onCorrupt: async () => {
      await store.reopen(() => replaceBackend({ ...settings, onNote }));
      outbox.forget();
    },
  });
}

/** Keeps what came in one request, or none of it: false when too many wait. */
function take(keeper: Keeper, news: readonly News[]): boolean {
  const judged = news.map(judge);
  if (!keeper.takeAll(judged)) return false;
  for (const piece of judged)
    if (piece.kind === "alert" && piece.silence !== undefined) countSilenced(piece.silence);
  return true;
}

function judge(news: News): News {
  if (news.kind !== "alert") return news;
  const silence = silences.find((silence) => silence.until > now() && isMeant(silence, news.alert));
  return silence === undefined ? news : { ...news, silence: silence.id };
}

function countSilenced(id: string): void {
  if (silenced.size === 0) setImmediate(postSilenced);
  silenced.set(id, (silenced.get(id) ?? 0) + 1);
}

/** Once for all alerts of a request. */
function postSilenced(): void {
  post({ kind: "silenced", counts: silenced });
  silenced.clear();
}

/** What came before the question is written first, as far as it can be in a moment. */
async function answer(
  { id, reader, range }: ToThread & { kind: "outbox-read" },
  { store, keeper, outbox }: Parts,
): Promise<void> {
  try {
    if (store.backend.kind === "memory") return post({ kind: "outbox-page", id, page: undefined });
    const isSettled = store.sequence >= range.through || (await keeper.settled(SETTLE_MS));
    const page = await outbox.read(reader, range);
    post({ kind: "outbox-page", id, page: { ...page, isEnd: page.isEnd && isSettled } });
    await tellLost(outbox);
  } catch (thrown) {
    onProblem(`Cannot read from the store what ${reader.output} is to send: ${messageOf(thrown)}`);
    post({ kind: "outbox-page", id, page: { news: [], isEnd: false, waiting: 0 } });
  }
}

const SETTLE_MS = 2000;
const STARTED_MS = 5000;

async function move(
  places: ReadonlyMap<string, OutboxPlace>,
  { store, outbox }: Parts,
): Promise<void> {
  if (store.backend.kind === "memory") return;
  moving = moving
    .then(() => outbox.move(places))
    .catch((thrown: unknown) => {
      onProblem(`Cannot write to the store what outputs have sent: ${messageOf(thrown)}`);
    });
  await moving;
}

async function tellLost(outbox: Outbox): Promise<void> {
  const counts = await outbox.takeLost().catch(() => new Map<string, number>());
  if (counts.size > 0) post({ kind: "outbox-lost", counts });
}

async function end(
  { store, keeper }: Parts,
  servers: readonly (WebServer | undefined)[],
): Promise<void> {
  for (const server of servers) await server?.close();
  await keeper.close();
  await moving;
  await store.close().catch(() => undefined);
  port.close();
  process.exit();
}

/** What cannot be kept where it should be is kept in memory: the page shows it all the same. */
async function openStore(): Promise<Store> {
  try {
    return await storeOf(await openBackend({ ...settings, onNote }), now);
  } catch (thrown) {
    const hint = thrown instanceof AppError && thrown.hint !== undefined ? ` (${thrown.hint})` : "";
    onProblem(`${messageOf(thrown)}${hint}; news are kept in memory until the end`);
    return storeOf(
      await openBackend({ ...settings, path: undefined, url: undefined, onNote }),
      now,
    );
  }
}

/** What cannot be served is a problem, and the watch goes on without it. */
async function serve<Served>(
  begin: () => Promise<Served>,
  what: string,
): Promise<Served | undefined> {
  try {
    return await begin();
  } catch (thrown) {
    const hint = thrown instanceof AppError && thrown.hint !== undefined ? ` (${thrown.hint})` : "";
    onProblem(`${messageOf(thrown)}${hint}; the watch goes on without ${what}`);
    return undefined;
  }
}

async function pageOf(served: WebSettings, { store, keeper }: Parts): Promise<ServedPage> {
  const { servePage } = await import("./serve-page.ts");
  return servePage({
    web: served,
    version,
    hostname,
    store,
    settings,
    keeper,
    dropped,
    take: (news) => take(keeper, news),
    watch: questioner,
    now,
    onProblem,
  });
}

async function healthOf(served: WebserverSettings, { store, keeper }: Parts): Promise<WebServer> {
  const { serveHealth } = await import("./serve-health.ts");
  return serveHealth(served, {
    version,
    store,
    storeHealth: () => storeHealth({ store, settings, keeper, dropped }),
    watch: questioner,
  });
}

/** Of a store in memory. */
const MEMORY_BYTES = 32e6;
