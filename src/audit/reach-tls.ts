import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../lib/errors.ts";
import { COMMON, roomForSuites, type VersionCode } from "../tls/client-hello.ts";
import type { Answer, Nudge } from "./connection.ts";
import { candidateSuites, FIRST_VERSION, firstHello } from "./enumerate.ts";
import type { Prober } from "./prober.ts";
import { findSslv2 } from "./sslv2.ts";
import {
  dialogueOf,
  findByWords,
  type Trials,
  tryProtocols,
  type Way,
} from "./starttls/find-tls.ts";
import { STARTTLS_PROTOCOLS } from "./starttls/protocols.ts";
import { wantsName } from "./wants-name.ts";

/** How `reachTls` looks for the place where TLS begins. */
export interface ReachOptions {
  /** Names that the server may serve, for protocols that want one. */
  readonly names: readonly string[];
  /** The protocol in which TLS is to be asked for; found out when left out. */
  readonly starttls?: string | undefined;
  /** The most milliseconds that a protocol which was named may take for a word. */
  readonly greetingMs?: number | undefined;
}

/** Where TLS begins in a port, or what is there instead. */
export type Reached =
  /**
   * `first` is the answer to the first hello; from now on the prober goes the protocol's way by
   * itself.
   */
  | { readonly kind: "tls"; readonly first: Answer; readonly starttls?: string }
  | { readonly kind: "plain"; readonly speaks?: string }
  /** Neither was shown; the prober has a note with a code that says why. */
  | { readonly kind: "unknown"; readonly speaks?: string };

/** A protocol's name for `--starttls`. Throws `USAGE_STARTTLS` for one that is none. */
export function checkStarttls(name: string): string {
  if (STARTTLS_PROTOCOLS.some((protocol) => protocol.name === name)) return name;
  throw new AppError("USAGE_STARTTLS", `Cannot begin TLS in "${name}": there is no such protocol`, {
    hint: `protocols are ${STARTTLS_PROTOCOLS.map((protocol) => protocol.name).join(", ")}, or auto`,
  });
}

/**
 * Finds where TLS begins: at once, in the protocol that is named, or in the one that the port shows
 * by its words or when it is tried. A hello's answer counts before all else, and is waited for with
 * patience: that a port speaks another protocol is only said when it did so to a hello, or never
 * answers one.
 */
export async function reachTls(prober: Prober, options: ReachOptions): Promise<Reached> {
  const { names } = options;
  if (options.starttls !== undefined) return within(prober, options.starttls, options);
  const pending = firstAnswer(prober, { nudge: NUDGE }).then((first) =>
    isRefused(first) ? firstAnswer(prober, { nudge: NUDGE }) : first,
  );
  const early = await Promise.race([pending, sleep(SLOW_MS, undefined, { ref: false })]);
  const decided = early === undefined ? undefined : await decideTwice(prober, early, names);
  return decided ?? search(prober, pending, names);
}

/** As `decide`; that a port has no TLS is never decided by one answer. */
async function decideTwice(
  prober: Prober,
  first: Answer,
  names: readonly string[],
): Promise<Reached | undefined> {
  const decided = await decide(prober, first, names);
  return decided?.kind === "plain" ? lookAgain(prober, decided) : decided;
}

function isRefused(first: Answer): boolean {
  return first.kind === "unreachable" && (first.code === "refused" || first.code === "reset");
}

/** One connection may have met another server than the next one does. */
const MORE_LOOKS = 2;

/** Whether a port that has shown another protocol speaks TLS on other connections. */
async function lookAgain(
  prober: Prober,
  plain: Extract<Reached, { kind: "plain" }>,
): Promise<Reached> {
  prober.widen(MORE_LOOKS);
  const looks = Array.from({ length: MORE_LOOKS }, async () => {
    const first = await firstAnswer(prober, { nudge: NUDGE });
    if (first.kind !== "flight") throw new AppError("PEER_TLS", "Cannot find TLS: no answer");
    return first;
  });
  const first = await Promise.any(looks).catch(() => undefined);
  if (first === undefined) return plain;
  prober.noteMixed();
  return { kind: "tls", first };
}

/** A server that has not answered a hello after so long is looked at in other ways meanwhile. */
const SLOW_MS = 500;

/** Two ends of lines: what a server of lines waits for, and too little for a record of TLS. */
const NUDGE: Nudge = { afterMs: SLOW_MS, bytes: Uint8Array.of(13, 10, 13, 10) };

/**
 * What an answer to the first hello decides by itself; undefined for none, and for words that nobody
 * knows: some protocols have a word of their own for what is not theirs (xrdp).
 */
async function decide(
  prober: Prober,
  first: Answer,
  names: readonly string[],
): Promise<Reached | undefined> {
  if (first.kind === "flight") return { kind: "tls", first };
  if (first.kind === "plain") return byWords(prober, first.bytes, names);
  if (first.kind === "nothing") return undefined;
  prober.note("connect", first.reason, first.code);
  return { kind: "unknown" };
}

/** All ways to look at a port at once: a wait is then as long as the longest of them. */
const MANY = 24;

type Evidence =
  | { readonly by: "first"; readonly reached: Reached }
  | { readonly by: "other" | "none" }
  | { readonly by: "way"; readonly way: Way };

/** Looks at a port in all other ways while its answer to the first hello may still come. */
async function search(
  prober: Prober,
  pending: Promise<Answer>,
  names: readonly string[],
): Promise<Reached> {
  const over = new AbortController();
  const { signal } = over;
  prober.widen(MANY);
  const others = answersToOther(prober, signal);
  const trials = tryProtocols(prober, { names, signal });
  const byFirst = pending.then((first) => decideTwice(prober, first, names));
  const evidence = await firstEvidence({ pending, byFirst, others, trials });
  // A server of one connection at a time would wait for these.
  if (evidence.by !== "none") over.abort();
  if (evidence.by === "way") return follow(prober, evidence.way);
  if (evidence.by === "first") return evidence.reached;
  if (evidence.by === "other") {
    const first = await unhurried(pending);
    if (first.kind !== "plain") return { kind: "tls", first };
    return lookAgain(prober, { kind: "plain", speaks: "unknown" });
  }
  return settle(prober, await pending, await trials.all);
}

/** All that is under way in a search. */
interface Looks {
  readonly pending: Promise<Answer>;
  /** What the first hello's answer decides. */
  readonly byFirst: Promise<Reached | undefined>;
  /** Whether another hello is answered in TLS. */
  readonly others: Promise<boolean>;
  readonly trials: Trials;
}

/**
 * What decides first. HTTP that shows itself has to wait for the hello's answer: until then the port
 * may still speak TLS. What answers in other protocols, or the like of Redis's PONG, does not.
 */
function firstEvidence({ pending, byFirst, others, trials }: Looks): Promise<Evidence> {
  const { proven, plain, all } = trials;
  const never = new Promise<Evidence>(() => {});
  const byAnswer = byFirst.then((reached): Evidence | Promise<Evidence> =>
    reached === undefined ? never : { by: "first", reached },
  );
  const byOther = others.then((isTls): Evidence | Promise<Evidence> =>
    isTls ? { by: "other" } : never,
  );
  const byWay = proven.then(
    (way): Evidence => ({ by: "way", way }),
    () => never,
  );
  const byPlain = Promise.all([plain, plain.then((way) => (isShared(way) ? pending : undefined))])
    .then(() => Promise.race([others, sleep(OTHERS_MS)]))
    .then(
      async (): Promise<Evidence> => ({ by: "way", way: await plain }),
      () => never,
    );
  const byNone = Promise.all([byFirst, others, all]).then((): Evidence => ({ by: "none" }));
  return Promise.race([byAnswer, byOther, byWay, byPlain, byNone]);
}

/**
 * Whether TLS is served beside this protocol at one port: some servers take HTTP and HTTPS alike,
 * and words that nobody knows say nothing.
 */
function isShared(way: Way): boolean {
  if (way.kind === "rejected") return false;
  return way.kind !== "plain" || way.speaks === "http" || way.speaks === "unknown";
}

/** So long other hellos may still take when the port has shown another protocol. */
const OTHERS_MS = 1000;

/** The first hello's answer, a moment after others were answered; if it comes. */
function unhurried(pending: Promise<Answer>): Promise<Answer> {
  return Promise.race([
    pending,
    sleep(OTHERS_MS).then((): Answer => ({ kind: "nothing", ending: "silent" })),
  ]);
}

/** The port has shown nothing that decides: says how it was. */
async function settle(prober: Prober, first: Answer, ways: readonly Way[]): Promise<Reached> {
  const ending = first.kind === "nothing" ? first.ending : "silent";
  if (ways.some(({ kind }) => kind === "hint")) return askAgain(prober, ending);
  const hasSpoken =
    first.kind === "plain" || ways.some((way) => way.kind === "none" && way.hasSpoken === true);
  if (hasSpoken) return { kind: "plain", speaks: "unknown" };
  if (ending === "silent") {
    prober.note("protocol", "the port takes connections and says nothing", "silent");
    return { kind: "unknown", speaks: "silent" };
  }
  const does = ending === "reset" ? "resets" : "closes";
  const how = `the port ${does} every connection without a word; ${wantsName(prober)}`;
  prober.note("protocol", how, ending);
  return { kind: "unknown" };
}

/** A port that knows what TLS is, and answered no hello: once more, with all patience. */
async function askAgain(prober: Prober, ending: "silent" | "closed" | "reset"): Promise<Reached> {
  const first = await firstAnswer(prober);
  if (first.kind === "flight") return { kind: "tls", first };
  prober.note("protocol", "the port answers plain requests as TLS does, and no hello", ending);
  return { kind: "unknown" };
}

async function within(
  prober: Prober,
  name: string,
  { names, greetingMs = Number.POSITIVE_INFINITY }: ReachOptions,
): Promise<Reached> {
  const protocol = STARTTLS_PROTOCOLS.find((one) => one.name === name);
  if (protocol === undefined) return { kind: "unknown" };
  prober.greetingMs = Math.min(greetingMs, protocol.patienceMs ?? prober.patienceMs * 2);
  prober.dialogue = dialogueOf(protocol, { names });
  const first = await firstAnswer(prober);
  prober.greetingMs = undefined;
  return promised(prober, name, first);
}

/** Goes a way; where it does not lead to TLS, says what is there. */
async function follow(prober: Prober, way: Way): Promise<Reached> {
  if (way.kind === "none" || way.kind === "hint") return { kind: "unknown" };
  if (way.kind === "rejected") {
    prober.note("starttls", way.refusal, "rejected");
    return { kind: "unknown", speaks: way.speaks };
  }
  if (way.kind === "plain") {
    if (way.refusal !== undefined) prober.note("starttls", way.refusal);
    return { kind: "plain", speaks: way.speaks };
  }
  prober.dialogue = way.dialogue;
  const { first } = way;
  const isRefused = first.kind === "flight" && first.flight.alert !== undefined;
  return promised(prober, way.protocol, isRefused ? await firstAnswer(prober) : first);
}

/** What stands behind a dialogue that went well, or did not. */
function promised(prober: Prober, protocol: string, first: Answer): Reached {
  const { connectErrors } = STARTTLS_PROTOCOLS.find(({ name }) => name === protocol) ?? {};
  if (connectErrors !== undefined) prober.spare(connectErrors);
  if (first.kind === "flight") return { kind: "tls", first, starttls: protocol };
  if (first.kind === "unreachable") {
    prober.note("starttls", first.reason, first.code);
    if (first.code === "starttls") return { kind: "plain", speaks: protocol };
    const speaks = first.code === "rejected" ? protocol : first.code;
    return { kind: "unknown", ...(speaks === "silent" || speaks === protocol ? { speaks } : {}) };
  }
  const promise = `${protocol} promises TLS, and then`;
  if (first.kind === "plain") {
    prober.note("starttls", `${promise} speaks something else`);
    return { kind: "plain", speaks: protocol };
  }
  prober.note("starttls", `${promise} says nothing`, first.ending);
  return { kind: "unknown" };
}

async function byWords(
  prober: Prober,
  bytes: Uint8Array,
  names: readonly string[],
): Promise<Reached | undefined> {
  const once = await findByWords(prober, bytes, { names });
  const isRefusal = once.kind === "plain" && once.refusal !== undefined;
  const again = isRefusal ? await findByWords(prober, bytes, { names }) : once;
  if (isRefusal && again.kind === "starttls") prober.noteMixed();
  const way = again.kind === "starttls" ? again : once;
  return way.kind === "none" ? undefined : follow(prober, way);
}

/**
 * The first hello of the search, which also tells TLS from what is none. A server that refuses the
 * name is asked again without.
 */
async function firstAnswer(
  prober: Prober,
  options: { readonly nudge?: Nudge } = {},
): Promise<Answer> {
  const hello = firstHello(FIRST_VERSION);
  const answer = await prober.firstHello(hello, options);
  const isNameRefused =
    answer.kind === "flight" && answer.flight.alert?.description === UNRECOGNIZED_NAME;
  if (!isNameRefused) return answer;
  prober.note(
    "server name",
    prober.serverName === undefined
      ? "the server refuses clients that name no host"
      : `the server refuses ${prober.serverName}; examined without a name`,
  );
  if (prober.serverName === undefined) return answer;
  prober.serverName = undefined;
  return prober.firstHello(hello, options);
}

const UNRECOGNIZED_NAME = 112;

/**
 * Whether a port that said nothing to the first hello answers to a shorter or another one, or to one
 * of SSL 2.0: all at once, for each may wait its full time.
 */
async function answersToOther(prober: Prober, signal: AbortSignal): Promise<boolean> {
  const isAnswered = async (version: VersionCode): Promise<boolean> => {
    const room = roomForSuites({ version, serverName: prober.serverName, ...COMMON }, 255);
    const suites = candidateSuites(version).slice(0, room);
    const answer = await prober.firstHello({ version, suites, ...COMMON }, { signal });
    return answer.kind === "flight";
  };
  const sslv2 = findSslv2(prober).then((hello) => hello !== undefined);
  const asked = [sslv2, ...OTHER_VERSIONS.map(isAnswered)].map(async (pending) => {
    if (!(await pending)) throw new AppError("PEER_TLS", "Cannot find TLS: no answer");
    return true;
  });
  return Promise.any(asked).catch(() => false);
}

const OTHER_VERSIONS: readonly VersionCode[] = [0x0303, 0x0304, 0x0301, 0x0300];
