import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../lib/errors.ts";
import { COMMON, roomForSuites, type VersionCode } from "../tls/client-hello.ts";
import type { Answer } from "./connection.ts";
import { candidateSuites, firstHello } from "./enumerate.ts";
import type { Prober } from "./prober.ts";
import { findSslv2 } from "./sslv2.ts";
import { dialogueOf, findByTrying, findByWords, type Way } from "./starttls/find-tls.ts";
import { STARTTLS_PROTOCOLS } from "./starttls/protocols.ts";

/**
 * The version of the first hello: nearly all servers have it, and those that do not say so in TLS.
 */
export const FIRST_VERSION = 0x0303;

export interface ReachOptions {
  /** Names that the server may serve, for protocols that want one. */
  readonly names: readonly string[];
  /** The protocol in which TLS is to be asked for; found out when left out. */
  readonly starttls?: string | undefined;
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
  | { readonly kind: "unknown"; readonly speaks?: "silent" };

/** A protocol's name for `--starttls`. Throws `USAGE_STARTTLS` for one that is none. */
export function checkStarttls(name: string): string {
  if (STARTTLS_PROTOCOLS.some((protocol) => protocol.name === name)) return name;
  throw new AppError("USAGE_STARTTLS", `Cannot begin TLS in "${name}": there is no such protocol`, {
    hint: `protocols are ${STARTTLS_PROTOCOLS.map((protocol) => protocol.name).join(", ")}, or auto`,
  });
}

/**
 * Finds where TLS begins: at once, in the protocol that is told, or in the one that the port shows
 * by its words or when it is tried.
 */
export async function reachTls(
  prober: Prober,
  { names, starttls }: ReachOptions,
): Promise<Reached> {
  if (starttls !== undefined) return within(prober, starttls, names);
  const pending = firstAnswer(prober);
  // Most servers of TLS have answered by then; what is silent so long is likely to wait for another
  // protocol's first word.
  const isSlow =
    (await Promise.race([pending, sleep(PATIENCE_MS, "slow" as const, { ref: false })])) === "slow";
  const tries = isSlow ? tryAll(prober, names) : undefined;
  // A port that shows another protocol need not be waited for any more; a hello's answer counts
  // before all else.
  const first = await Promise.race([
    pending,
    ...(tries === undefined ? [] : [firstOf(tries.way, pending)]),
  ]);
  if (first.kind === "flight") return { kind: "tls", first };
  if (first.kind === "nothing") return settle(prober, first, tries ?? tryAll(prober, names));
  if ("bytes" in first) return byWords(prober, first.bytes, names);
  if (first.kind !== "unreachable") return follow(prober, first);
  prober.note("connect", first.reason, first.code);
  return { kind: "unknown" };
}

/** The way as soon as there is one, else the answer. */
async function firstOf(tried: Promise<Way>, pending: Promise<Answer>): Promise<Way | Answer> {
  const way = await tried;
  return way.kind === "none" ? pending : way;
}

/** A server that has not answered a hello after so long is looked at in other ways meanwhile. */
const PATIENCE_MS = 500;

async function within(prober: Prober, name: string, names: readonly string[]): Promise<Reached> {
  const protocol = STARTTLS_PROTOCOLS.find((one) => one.name === name);
  if (protocol === undefined) return { kind: "unknown" };
  return follow(prober, {
    kind: "starttls",
    protocol: name,
    dialogue: dialogueOf(protocol, { names }),
  });
}

/** Goes a way; where it does not lead to TLS, says what is there. */
async function follow(prober: Prober, way: Way): Promise<Reached> {
  if (way.kind === "none") return { kind: "unknown" };
  if (way.kind === "plain") {
    if (way.refusal !== undefined) prober.note("starttls", way.refusal);
    return { kind: "plain", speaks: way.speaks };
  }
  prober.dialogue = way.dialogue;
  const first = await firstAnswer(prober);
  if (first.kind === "flight") return { kind: "tls", first, starttls: way.protocol };
  if (first.kind === "unreachable") {
    prober.note("starttls", first.reason, first.code);
    if (first.code === "starttls") return { kind: "plain", speaks: way.protocol };
    return { kind: "unknown", ...(first.code === "silent" ? { speaks: "silent" } : {}) };
  }
  const promise = `${way.protocol} promises TLS, and then`;
  if (first.kind === "plain") {
    prober.note("starttls", `${promise} speaks something else`);
    return { kind: "plain", speaks: way.protocol };
  }
  prober.note("starttls", `${promise} says nothing`, first.ending);
  return { kind: "unknown" };
}

async function byWords(
  prober: Prober,
  bytes: Uint8Array,
  names: readonly string[],
): Promise<Reached> {
  const way = await findByWords(prober, bytes, { names });
  const reached = await follow(
    prober,
    way.kind === "none" ? await findByTrying(prober, { names }) : way,
  );
  return reached.kind === "plain" && reached.speaks === undefined
    ? { kind: "plain", speaks: "unknown" }
    : reached;
}

/** What is asked of a port that did not answer; each part ends for itself. */
interface Tries {
  readonly isTls: Promise<boolean>;
  readonly way: Promise<Way>;
}

/** Other hellos, SSLv2, and protocols in which the client speaks first. */
function tryAll(prober: Prober, names: readonly string[]): Tries {
  const way = findByTrying(prober, { names });
  const isTls = Promise.all([answersToOther(prober), findSslv2(prober)]).then(
    ([isOther, sslv2]) => isOther || sslv2 !== undefined,
  );
  return { isTls, way };
}

async function settle(
  prober: Prober,
  first: Extract<Answer, { readonly kind: "nothing" }>,
  tries: Tries,
): Promise<Reached> {
  const way = await tries.way;
  if (way.kind !== "none") return follow(prober, way);
  if (await tries.isTls) return { kind: "tls", first };
  if (first.ending === "silent") {
    prober.note("protocol", "the port takes connections and says nothing", "silent");
    return { kind: "unknown", speaks: "silent" };
  }
  prober.note(
    "protocol",
    `the port ${first.ending === "reset" ? "resets" : "closes"} every connection without a word`,
    first.ending,
  );
  return { kind: "unknown" };
}

/**
 * The first hello of the search, which also tells TLS from what is none. A server that refuses the
 * name is asked again without.
 */
async function firstAnswer(prober: Prober): Promise<Answer> {
  const hello = firstHello(FIRST_VERSION);
  const answer = await prober.hello(hello);
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
  return prober.hello(hello);
}

const UNRECOGNIZED_NAME = 112;

/**
 * Whether a port that said nothing to the first hello answers to a shorter or another one: all at
 * once, for each may wait its full time.
 */
async function answersToOther(prober: Prober): Promise<boolean> {
  prober.widen(OTHER_VERSIONS.length + 1);
  const answers = await Promise.all(
    OTHER_VERSIONS.map((version) => {
      const room = roomForSuites({ version, serverName: prober.serverName, ...COMMON }, 255);
      return prober.hello({ version, suites: candidateSuites(version).slice(0, room), ...COMMON });
    }),
  );
  return answers.some(({ kind }) => kind === "flight");
}

const OTHER_VERSIONS: readonly VersionCode[] = [0x0303, 0x0304, 0x0301, 0x0300];
