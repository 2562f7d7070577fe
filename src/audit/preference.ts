import { cipherSuite } from "../tls/cipher-suites.ts";
import type { VersionCode } from "../tls/client-hello.ts";
import type { Accepted, Enumeration } from "./enumerate.ts";
import type { Prober } from "./prober.ts";
import { classifyAnswer } from "./verdict.ts";

/**
 * Who decides on the suite, and all accepted suites: in the server's order where it has one, else
 * as they were found.
 */
export interface Preference {
  /**
   * The server has an order, but takes ChaCha20 from clients that put it first (as OpenSSL's
   * PrioritizeChaCha).
   */
  readonly isChaChaFirst?: boolean;
  /**
   * The server ranks these first and leaves the choice among them to the client (as BoringSSL's
   * groups of equal preference).
   */
  readonly equals?: readonly number[];
  readonly preference: "server" | "client" | "indeterminate" | undefined;
  readonly error: string | undefined;
  readonly ordered: readonly Accepted[];
}

/** Who answers a hello: a port, over TCP or in datagrams. */
export type Answerer = Pick<Prober, "hello">;

/** At most so many suites in the hello that asks who decides. */
const MAX_SUITES = 128;

/**
 * Tells who decides on the suite: what was picked from one offer is offered from the last to the
 * first. A server with an order of its own picks the same
 * as before, one that follows the client picks the other end. ChaCha20 is left out where it can be:
 * servers move it to the front for clients that
 * put it there first, which says nothing of the others.
 */
export async function findPreference(
  prober: Answerer,
  version: VersionCode,
  { runs }: Enumeration,
): Promise<Preference> {
  const found = runs.flat();
  if (found.length < 2)
    return { preference: "indeterminate", error: "Too few ciphers supported", ordered: found };
  const longest = runs.toSorted((a, b) => b.length - a.length)[0] ?? [];
  const fromOne = withoutChaCha(longest);
  const offered = (
    fromOne.length >= 2 ? fromOne : withoutChaCha(found).length >= 2 ? withoutChaCha(found) : found
  )
    .slice(0, MAX_SUITES)
    .map(({ suite }) => suite);
  // Suites of one run have shown which of them is picked first; those of several have not been
  // offered together yet.
  const before = fromOne.length >= 2 ? offered[0] : await pick(prober, version, offered);
  const after = await pick(prober, version, offered.toReversed());
  if (before === undefined || after === undefined) {
    const [first = 0, last = 0] = [offered[0], offered.at(-1)];
    return {
      preference: undefined,
      error: `Error when comparing ${cipherSuite(first).name} and ${cipherSuite(last).name}`,
      ordered: found,
    };
  }
  if (before !== after) {
    // A client's order would have given the last one offered; what lies between are suites that the
    // server holds for equal.
    if (after === offered.at(-1)) return { preference: "client", error: undefined, ordered: found };
    return {
      preference: "server",
      error: undefined,
      ordered: found,
      equals: offered.slice(offered.indexOf(before), offered.indexOf(after) + 1),
    };
  }
  const ordered = await mergeAll(prober, version, runs);
  const isChaChaFirst =
    ordered === undefined ? undefined : await prefersChaCha(prober, version, ordered);
  return {
    preference: "server",
    error: ordered === undefined ? "Network error" : undefined,
    ordered: ordered ?? found,
    ...(isChaChaFirst === true ? { isChaChaFirst } : {}),
  };
}

/**
 * Whether the client decides between ChaCha20 and the rest by what it puts first: asked with the one
 * in front that is not first in the server's own order (Go's order begins with ChaCha20 for all who
 * do not begin with AES). Undefined where that cannot be asked.
 */
async function prefersChaCha(
  prober: Answerer,
  version: VersionCode,
  ordered: readonly Accepted[],
): Promise<boolean | undefined> {
  const suites = ordered.slice(0, MAX_SUITES).map(({ suite }) => suite);
  const chacha = suites.filter((suite) => cipherSuite(suite).cipher === "CHACHA20");
  if (chacha.length === 0 || chacha.length === suites.length) return undefined;
  const others = suites.filter((suite) => !chacha.includes(suite));
  const isFirst = chacha.includes(suites[0] ?? 0);
  const [front, back] = isFirst ? [others, chacha] : [chacha, others];
  const picked = await pick(prober, version, [...front, ...back]);
  return picked === undefined ? undefined : front.includes(picked);
}

function withoutChaCha(accepted: readonly Accepted[]): readonly Accepted[] {
  return accepted.filter(({ suite }) => cipherSuite(suite).cipher !== "CHACHA20");
}

/** The suite that the server selects from an offer. */
async function pick(
  prober: Answerer,
  version: VersionCode,
  suites: readonly number[],
): Promise<number | undefined> {
  const verdict = classifyAnswer(await prober.hello({ version, suites }), version, suites);
  return verdict.kind === "accepted" ? verdict.suite : undefined;
}

/**
 * Runs, each in the server's order, made one by hellos of two suites; undefined when the server
 * stops answering.
 */
async function mergeAll(
  prober: Answerer,
  version: VersionCode,
  runs: Enumeration["runs"],
): Promise<readonly Accepted[] | undefined> {
  let merged: readonly Accepted[] = [];
  for (const run of runs) {
    const more = await merge(prober, version, merged, run);
    if (more === undefined) return undefined;
    merged = more;
  }
  return merged;
}

async function merge(
  prober: Answerer,
  version: VersionCode,
  a: readonly Accepted[],
  b: readonly Accepted[],
): Promise<readonly Accepted[] | undefined> {
  const merged: Accepted[] = [];
  let [i, j] = [0, 0];
  for (
    let [left, right] = [a[i], b[j]];
    left !== undefined && right !== undefined;
    [left, right] = [a[i], b[j]]
  ) {
    const picked = await pick(prober, version, [left.suite, right.suite]);
    if (picked === undefined) return undefined;
    if (picked === left.suite) i += 1;
    else j += 1;
    merged.push(picked === left.suite ? left : right);
  }
  return [...merged, ...a.slice(i), ...b.slice(j)];
}
