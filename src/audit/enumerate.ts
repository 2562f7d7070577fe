import { CIPHER_SUITES } from "../tls/cipher-suites.ts";
import { VERSIONS, type VersionCode } from "../tls/client-hello.ts";
import type { Flight } from "../tls/server-flight.ts";
import type { Answer } from "./connection.ts";
import type { Prober } from "./prober.ts";

/** A suite that the server selected, with the flight in which it did. */
export interface Accepted {
  readonly suite: number;
  readonly flight: Flight;
}

/** The suites that a version accepts, in the order in which the server picked them. */
export interface Enumeration {
  readonly accepted: readonly Accepted[];
  /** True when something other than a refusal ended the search, so that there may be more. */
  readonly isIncomplete: boolean;
  /** Answers that were neither yes nor no, each once. */
  readonly doubts: readonly string[];
}

/** wolfSSL answers a hello with more than 150 suites with decode_error. */
const MAX_SUITES = 128;

/** So few suites keep a hello below 256 bytes, which some servers insist on. */
const SHORT_SUITES = 32;

/** Alerts that say no in so many words: handshake_failure, protocol_version, insufficient_security (RFC 8446 §6.2). */
const REFUSALS: ReadonlySet<number> = new Set([40, 70, 71]);

/** Suites to offer for a version, the likeliest first: one hello then finds most of what a server has. */
export function candidateSuites(version: VersionCode): readonly number[] {
  const all = [...CIPHER_SUITES.values()].filter((suite) => (version === 0x0304) === suite.isTls13);
  return all.toSorted((a, b) => rank(a) - rank(b)).map((suite) => suite.id);
}

function rank(suite: { readonly keyExchange: string; readonly name: string }): number {
  const order = ["ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA", "DHE_DSS", "ECDH_anon", "DH_anon", "PSK", "DHE_PSK", "ECDHE_PSK", "RSA_PSK"];
  const place = order.indexOf(suite.keyExchange);
  const isDraft = suite.name.endsWith("-draft") ? 100 : 0;
  return (place < 0 ? order.length : place) + isDraft;
}

/**
 * Finds the suites of one version with the fewest handshakes: a hello offers many, the one that the server selects is struck out, and so on until
 * it refuses. Where it fails without refusing, the offer is halved, so that one suite that it cannot complete hides no other.
 */
export async function enumerate(prober: Prober, version: VersionCode, suites: readonly number[]): Promise<Enumeration> {
  const search: Search = { prober, version, accepted: [], doubts: new Set() };
  const isIncomplete = await searchAll(search, suites);
  return { accepted: search.accepted, isIncomplete, doubts: [...search.doubts] };
}

/** The name of the probe that looks for a version's suites, for errors. */
export function probeName(version: VersionCode): string {
  return `ciphers of ${VERSIONS.find(({ code }) => code === version)?.name ?? version}`;
}

interface Search {
  readonly prober: Prober;
  readonly version: VersionCode;
  readonly accepted: Accepted[];
  readonly doubts: Set<string>;
}

/** True when there may be more than was found. */
async function searchAll(search: Search, suites: readonly number[]): Promise<boolean> {
  const { prober, accepted } = search;
  let isIncomplete = false;
  const pending: (readonly number[])[] = chunks(suites, MAX_SUITES);
  for (let chunk = pending.shift(); chunk !== undefined; chunk = pending.shift()) {
    const outcome = await strikeOut(search, chunk);
    if (outcome.kind === "unsupported") return isIncomplete;
    if (outcome.kind === "refused") continue;
    if (prober.isOver || outcome.kind === "unreachable") return true;
    // A version that has shown nothing yet and fails alike for a short hello is not there; else look for what fails.
    const isWorthIt = accepted.length > 0 || outcome.left.length > SHORT_SUITES;
    if (!isWorthIt || outcome.left.length <= 1) {
      if (accepted.length > 0) isIncomplete ||= outcome.left.length > 1;
      continue;
    }
    if (accepted.length === 0) return searchShort(search, suites);
    pending.unshift(...halves(outcome.left));
  }
  return isIncomplete;
}

/** Nothing but failures so far: short hellos tell a server that dislikes long ones from one without this version. */
async function searchShort(search: Search, suites: readonly number[]): Promise<boolean> {
  let isIncomplete = false;
  for (const chunk of chunks(suites, SHORT_SUITES)) {
    const outcome = await strikeOut(search, chunk);
    if (outcome.kind === "unsupported" || (search.accepted.length === 0 && outcome.kind !== "refused")) return isIncomplete;
    isIncomplete ||= outcome.kind === "failed";
  }
  return isIncomplete;
}

type Outcome =
  | { readonly kind: "refused" }
  | { readonly kind: "unsupported" }
  | { readonly kind: "unreachable" }
  /** The server ended the handshake without a word that tells why; `left` had been offered. */
  | { readonly kind: "failed"; readonly left: readonly number[] };

async function strikeOut({ prober, version, accepted, doubts }: Search, suites: readonly number[]): Promise<Outcome> {
  let left = suites;
  while (left.length > 0) {
    const answer = await prober.hello({ version, suites: left });
    const verdict = judge(answer, version, left);
    if (verdict.kind !== "accepted") {
      if (verdict.kind === "failed" || verdict.kind === "unreachable") doubts.add(verdict.reason);
      return verdict.kind === "failed" ? { kind: "failed", left } : verdict;
    }
    accepted.push({ suite: verdict.suite, flight: verdict.flight });
    left = left.filter((suite) => suite !== verdict.suite);
  }
  return { kind: "refused" };
}

type Verdict =
  | { readonly kind: "accepted"; readonly suite: number; readonly flight: Flight }
  | { readonly kind: "refused" }
  | { readonly kind: "unsupported" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "unreachable"; readonly reason: string };

/** What an answer says about the suites that were offered. */
function judge(answer: Answer, version: VersionCode, offered: readonly number[]): Verdict {
  if (answer.kind === "unreachable") return { kind: "unreachable", reason: answer.reason };
  if (answer.kind === "plain") return { kind: "unsupported" };
  if (answer.kind === "nothing") return { kind: "failed", reason: `no answer: ${ENDINGS[answer.ending]}` };
  const { hello, alert } = answer.flight;
  if (hello !== undefined) {
    // Another version is the server's way to say that it does not speak this one.
    if (hello.version !== version) return { kind: "unsupported" };
    // A ServerHello is enough to call a suite accepted, whatever comes after; one that was not offered is a broken server's.
    return offered.includes(hello.suite) ? { kind: "accepted", suite: hello.suite, flight: answer.flight } : { kind: "refused" };
  }
  if (alert === undefined) return { kind: "failed", reason: `answer without ServerHello: ${ENDINGS[answer.ending]}` };
  if (alert.description === 70) return { kind: "unsupported" };
  if (REFUSALS.has(alert.description)) return { kind: "refused" };
  return { kind: "failed", reason: `alert ${alert.description}` };
}

const ENDINGS = { done: "the handshake ended", closed: "the server closed the connection", reset: "the server reset the connection", silent: "silence" } as const;

function chunks(items: readonly number[], size: number): number[][] {
  const found: number[][] = [];
  for (let at = 0; at < items.length; at += size) found.push(items.slice(at, at + size));
  return found;
}

function halves(items: readonly number[]): number[][] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}
