import { CIPHER_SUITES, cipherSuite } from "../tls/cipher-suites.ts";
import { COMMON, roomForSuites, type VersionCode, versionName } from "../tls/client-hello.ts";
import type { Flight } from "../tls/server-flight.ts";
import type { Answer } from "./connection.ts";
import type { Prober } from "./prober.ts";
import { judgeAnswer, type Verdict } from "./verdict.ts";

/** A suite that the server selected, with the flight in which it did. */
export interface Accepted {
  readonly suite: number;
  readonly flight: Flight;
  /** The hello also offered compression. */
  readonly sawCompressors: boolean;
}

/** What a version accepts. */
export interface Enumeration {
  /** Within a run, suites stand in the order in which the server picked them from one offer; runs come from different offers. */
  readonly runs: readonly (readonly Accepted[])[];
}

/** wolfSSL answers a hello with more than 150 suites with decode_error. */
const MAX_SUITES = 128;

/** Some servers refuse hellos whose record is longer. */
const SHORT_HELLO_BYTES = 255;

/** DEFLATE (RFC 3749), LZS (RFC 3943), NULL last. */
export const COMPRESSORS: readonly number[] = [1, 64, 0];

/** Codes that are no suites (RFC 8701): what a server does with these alone is what it does when nothing suits it. */
const NO_SUITES: readonly number[] = [0x0a0a, 0x1a1a];

/** Suites to offer for a version, the likeliest first: one hello then finds most of what a server has. */
export function candidateSuites(version: VersionCode): readonly number[] {
  const all = [...CIPHER_SUITES.values()].filter((suite) => (version === 0x0304 ? suite.isTls13 : suite.isOlder));
  return all.toSorted((a, b) => rank(a) - rank(b)).map((suite) => suite.id);
}

function rank(suite: { readonly keyExchange: string; readonly name: string }): number {
  const order = ["ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA", "DHE_DSS", "ECDH_anon", "DH_anon", "PSK", "DHE_PSK", "ECDHE_PSK", "RSA_PSK"];
  const place = order.indexOf(suite.keyExchange);
  const isDraft = suite.name.endsWith("-draft") ? 100 : 0;
  return (place < 0 ? order.length : place) + isDraft;
}

/** The suites of a version's first hello. */
export function firstOffer(version: VersionCode): readonly number[] {
  return candidateSuites(version).slice(0, MAX_SUITES);
}

/**
 * Finds the suites of one version with the fewest handshakes: a hello offers many, the one that the server selects is struck out, and so on until
 * it refuses. Where it fails without refusing, the offer is split, so that one suite that it cannot complete hides no other. `first` is the answer
 * to the version's first offer where that was made already.
 */
export async function enumerate(prober: Prober, version: VersionCode, first?: Answer): Promise<Enumeration> {
  const search = new Search(prober, version);
  await search.all(candidateSuites(version), first);
  return { runs: search.runs };
}

/** One version's search and what it has learnt of the server's ways. */
class Search {
  readonly runs: Accepted[][] = [];
  readonly #prober: Prober;
  readonly #version: VersionCode;
  readonly #name: string;
  /** Once the server has shown that it refuses long hellos. */
  #isShort = false;
  #answerToNothing: Promise<Verdict> | undefined;

  constructor(prober: Prober, version: VersionCode) {
    this.#prober = prober;
    this.#version = version;
    this.#name = versionName(version);
  }

  async all(suites: readonly number[], first?: Answer): Promise<void> {
    const offers = chunks(suites, MAX_SUITES);
    for (const [index, offer] of offers.entries()) {
      const outcome = await this.#strikeOut(offer, index === 0 ? first : undefined);
      if (outcome.kind === "refused") continue;
      if (outcome.kind !== "failed") return void this.#end(outcome);
      if (this.runs.length === 0) return this.#short(suites, outcome);
      if (!(await this.#split(outcome, index === 0))) return;
    }
  }

  /** Nothing but failures so far: short hellos tell a server that refuses long ones from one without this version. */
  async #short(suites: readonly number[], long: Failure): Promise<void> {
    this.#isShort = true;
    const { serverName } = this.#prober;
    for (const offer of chunks(suites, Math.max(16, roomForSuites({ version: this.#version, serverName, ...COMMON }, SHORT_HELLO_BYTES)))) {
      const outcome = await this.#strikeOut(offer);
      if (outcome.kind === "refused") continue;
      if (outcome.kind !== "failed") return void this.#end(outcome);
      if (this.runs.length === 0) {
        // An alert says that the server read the hello and will not go on; anything else may be trouble on the way.
        if (!long.isAlert || !outcome.isAlert) this.#prober.note(this.#name, `could not tell whether it is offered: ${outcome.reason}`);
        return;
      }
      if (!(await this.#split(outcome, false))) return;
    }
  }

  /** Looks for the suites that make the handshake fail; false when the search cannot go on. */
  async #split(failure: Failure, isFirst: boolean): Promise<boolean> {
    const accepted = this.runs[0]?.[0];
    if (accepted === undefined || this.#prober.isOver) return !this.#prober.isOver;
    const control = await this.#ask([accepted.suite]);
    if (control.kind !== "accepted") {
      this.#prober.note(this.#name, `the server stopped answering, there may be more ciphers than were found: ${failure.reason}`);
      return false;
    }
    this.#answerToNothing ??= this.#ask(NO_SUITES);
    const toNothing = await this.#answerToNothing;
    if (toNothing.kind !== "failed" || toNothing.reason !== failure.reason) return this.#bisect(halves(failure.left), failure);
    // That is how this server refuses. One kind of key exchange that it cannot complete may still hide the others.
    return isFirst ? this.#families(failure.left) : true;
  }

  async #bisect(offers: readonly (readonly number[])[], whole: Failure): Promise<boolean> {
    if (whole.left.length === 1) {
      this.#prober.note(this.#name, `cannot tell of ${cipherSuite(whole.left[0] ?? 0).name}: ${whole.reason}`);
      return true;
    }
    for (const offer of offers) {
      const outcome = await this.#strikeOut(offer);
      if (outcome.kind === "unreachable" || this.#prober.isOver) return this.#end(outcome);
      if (outcome.kind === "failed" && !(await this.#bisect(halves(outcome.left), outcome))) return false;
    }
    return true;
  }

  async #families(left: readonly number[]): Promise<boolean> {
    for (const family of Map.groupBy(left, (suite) => cipherSuite(suite).keyExchange).values()) {
      const outcome = await this.#strikeOut(family);
      if (outcome.kind === "unreachable" || this.#prober.isOver) return this.#end(outcome);
    }
    return true;
  }

  #end(outcome: Outcome): false {
    if (outcome.kind === "unreachable") this.#prober.note(this.#name, outcome.reason);
    return false;
  }

  /** Offers suites until the server picks none any more. */
  async #strikeOut(suites: readonly number[], first?: Answer): Promise<Outcome> {
    const run: Accepted[] = [];
    let [left, answer] = [suites, first];
    while (left.length > 0) {
      const sawCompressors = this.#offersCompressors;
      const verdict = answer === undefined ? await this.#ask(left) : judgeAnswer(answer, this.#version, left);
      answer = undefined;
      if (verdict.kind === "failed") return { ...verdict, left };
      if (verdict.kind !== "accepted") return verdict;
      if (run.length === 0) this.runs.push(run);
      run.push({ suite: verdict.suite, flight: verdict.flight, sawCompressors });
      left = left.filter((suite) => suite !== verdict.suite);
    }
    return { kind: "refused" };
  }

  /** Until a suite was accepted, hellos offer compression too: the first ServerHello then answers both questions. */
  get #offersCompressors(): boolean {
    return this.#version < 0x0304 && !this.#isShort && this.runs.length === 0;
  }

  async #ask(suites: readonly number[]): Promise<Verdict> {
    const compressors = this.#offersCompressors ? COMPRESSORS : [0];
    const answer = await this.#prober.hello({ version: this.#version, suites, compressors, ...(this.#isShort ? COMMON : {}) });
    return judgeAnswer(answer, this.#version, suites);
  }
}

/** A failure, and the suites that had been offered. */
type Failure = Extract<Verdict, { kind: "failed" }> & { readonly left: readonly number[] };

type Outcome = Failure | Exclude<Verdict, { kind: "failed" | "accepted" }>;

function chunks(items: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}

function halves(items: readonly number[]): number[][] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}
