import { CIPHER_SUITES, cipherSuite } from "../tls/cipher-suites.ts";
import {
  ABILITIES,
  HEARTBEAT,
  PROOFS,
  type VersionCode,
  versionName,
} from "../tls/client-hello.ts";
import type { Flight } from "../tls/server-flight.ts";
import type { Answer } from "./connection.ts";
import { FULL_SHAPE } from "./hello-shape.ts";
import type { Hello, Prober } from "./prober.ts";
import { borneSuites, findShape } from "./tolerance.ts";
import { classifyAnswer, type Verdict } from "./verdict.ts";

/**
 * The version of the first hello: nearly all servers have it, and those that do not say so in TLS.
 */
export const FIRST_VERSION = 0x0303;

/** A suite that the server selected, with the flight in which it did. */
export interface Accepted {
  readonly suite: number;
  readonly flight: Flight;
  /**
   * The hello also offered compression and asked for proofs and heartbeats: what the flight lacks
   * of these, the server does not have.
   */
  readonly wasAskedAll: boolean;
}

/** What a version accepts. */
export interface Enumeration {
  /**
   * Within a run, suites stand in the order in which the server picked them from one offer; runs
   * come from different offers.
   */
  readonly runs: readonly (readonly Accepted[])[];
  /** Suites that make the handshake fail: neither accepted nor refused. */
  readonly undecided?: readonly number[];
  /** Why nothing was accepted, where the server said neither yes nor no. */
  readonly inconclusive?: Inconclusive;
}

/** An answer that is neither yes nor no. */
export type Inconclusive = Pick<Failure, "reason" | "isSilent">;

/** wolfSSL answers a hello with more than 150 suites with decode_error. */
const MAX_SUITES = 128;

/** DEFLATE (RFC 3749), LZS (RFC 3943), NULL last. */
export const COMPRESSORS: readonly number[] = [1, 64, 0];

/**
 * Codes that are no suites (RFC 8701): what a server does with these alone is what it does when
 * nothing suits it.
 */
const NO_SUITES: readonly number[] = [0x0a0a, 0x1a1a];

/**
 * Suites to offer for a version, the likeliest first: one hello then finds most of what a server
 * has.
 */
export function candidateSuites(version: VersionCode): readonly number[] {
  const all = [...CIPHER_SUITES.values()].filter((suite) =>
    version === 0x0304 ? suite.isTls13 : suite.isOlder,
  );
  return all.toSorted((a, b) => rank(a) - rank(b)).map((suite) => suite.id);
}

function rank(suite: { readonly keyExchange: string; readonly name: string }): number {
  const order = [
    "ECDHE_ECDSA",
    "ECDHE_RSA",
    "DHE_RSA",
    "RSA",
    "DHE_DSS",
    "ECDH_anon",
    "DH_anon",
    "PSK",
    "DHE_PSK",
    "ECDHE_PSK",
    "RSA_PSK",
  ];
  const place = order.indexOf(suite.keyExchange);
  const isDraft = suite.name.endsWith("-draft") ? 100 : 0;
  return (place < 0 ? order.length : place) + isDraft;
}

/**
 * A version's first hello: all its suites, and everything that the server may say yes to without
 * selecting anything else.
 */
export function firstHello(version: VersionCode): Hello {
  return helloOf(version, candidateSuites(version), { asksAll: true });
}

function helloOf(
  version: VersionCode,
  suites: readonly number[],
  { asksAll }: { readonly asksAll: boolean },
): Hello {
  if (version === 0x0304) return { version, suites };
  return {
    version,
    suites,
    compressors: asksAll ? COMPRESSORS : [0],
    extensions: asksAll ? [...ABILITIES, ...PROOFS, HEARTBEAT] : ABILITIES,
  };
}

/**
 * Finds the suites of one version with the fewest handshakes: a hello offers all, the one that the
 * server selects is struck out, and so on until
 * it refuses. A server that fails at long hellos gets shorter ones. Where it fails without
 * refusing, the offer is split, so that one suite that it cannot complete
 * hides no other.
 */
export async function enumerate(
  prober: Prober,
  version: VersionCode,
  { first, bearsLongHellos, shared }: EnumerateOptions,
): Promise<Enumeration> {
  const search = new Search(prober, version, shared);
  const inconclusive = await search.all(candidateSuites(version), { first, bearsLongHellos });
  return enumerationOf(search, inconclusive);
}

/**
 * The same of a version whose fullest hello was refused by a server that refused those of all
 * versions: in other shapes.
 */
export async function enumerateRefused(
  prober: Prober,
  version: VersionCode,
  shared: SharedFindings,
): Promise<Enumeration> {
  const search = new Search(prober, version, shared);
  return enumerationOf(search, await search.shaped(candidateSuites(version)));
}

function enumerationOf(search: Search, inconclusive: Inconclusive | undefined): Enumeration {
  const { runs, undecided } = search;
  return { runs, undecided, ...(inconclusive === undefined ? {} : { inconclusive }) };
}

interface EnumerateOptions {
  /** The answer to the version's first hello, where that was sent already. */
  readonly first: Answer | undefined;
  /**
   * The server has read such a hello of another version: a failure has another reason than its
   * length.
   */
  readonly bearsLongHellos: boolean;
  /** What all versions of a target share. */
  readonly shared: SharedFindings;
}

/** What one version's search finds out for all of a target's. */
export class SharedFindings {
  /** Suites up to TLS 1.2 by what may be offered together; all at once when left out. */
  offers: readonly (readonly number[])[] | undefined;
  /** A hello that failed was asked again in another length. */
  wasPadded = false;
  #known: Promise<boolean> | undefined;

  /**
   * Whether a server that refuses without a word has hidden suites behind others that it cannot
   * complete. That takes a hello for each kind of key exchange, so where one version found nothing,
   * the others do not look. Looks by `search`, which tells whether it found anything, unless another version has looked
   * before and found nothing.
   */
  async look(search: () => Promise<boolean>): Promise<void> {
    if (this.#known === undefined) {
      this.#known = search();
      await this.#known;
    } else if (await this.#known) await search();
  }
}

/** One version's search and what it has learnt of the server's ways. */
class Search {
  readonly runs: Accepted[][] = [];
  readonly undecided: number[] = [];
  readonly #prober: Prober;
  readonly #version: VersionCode;
  readonly #name: string;
  readonly #shared: SharedFindings;
  #answerToNothing: Promise<Verdict> | undefined;

  constructor(prober: Prober, version: VersionCode, shared: SharedFindings) {
    this.#prober = prober;
    this.#shared = shared;
    this.#version = version;
    this.#name = versionName(version);
  }

  /** Undefined, or why nothing can be said. */
  async all(
    suites: readonly number[],
    { first, bearsLongHellos }: Omit<EnumerateOptions, "shared">,
  ): Promise<Inconclusive | undefined> {
    const isOlder = this.#version < 0x0304;
    const offers = (isOlder ? this.#shared.offers : undefined) ?? [suites];
    const whole = await this.#offer(offers, first);
    if (whole === undefined) return undefined;
    const isShaped = offers.length > 1 || this.#prober.shapeOf(this.#version) !== FULL_SHAPE;
    if (isOlder && (bearsLongHellos || isShaped))
      return whole.alert === undefined ? whole : undefined;
    const some =
      suites.length > MAX_SUITES && !bearsLongHellos
        ? await this.#offer(chunks(suites, MAX_SUITES))
        : whole;
    return some === undefined ? undefined : this.shaped(suites, some);
  }

  /**
   * Looks for hellos that the server bears, and searches with those. `whole`: how the fullest
   * failed, where it was not refused.
   */
  async shaped(suites: readonly number[], whole?: Failure): Promise<Inconclusive | undefined> {
    const tolerance = await findShape(this.#prober, this.#version);
    if (tolerance.kind === "none")
      return tolerance.isRefused && whole?.alert !== undefined ? undefined : whole;
    const { borne } = tolerance;
    this.#prober.useShape(this.#version, borne.shape);
    const { offers, unborne } = await borneSuites(this.#prober, this.#version, { borne, suites });
    if (unborne.length > 0) this.#noteUnborne(unborne);
    if (this.#version < 0x0304) this.#shared.offers = offers;
    return this.#offer(offers);
  }

  #noteUnborne(unborne: readonly number[]): void {
    this.undecided.push(...unborne);
    const names = unborne.slice(0, NAMES_TOLD).map((suite) => cipherSuite(suite).name);
    const more = unborne.length > NAMES_TOLD ? ` and ${unborne.length - NAMES_TOLD} more` : "";
    this.#prober.note(
      this.#name,
      `the server chokes on hellos with these suites, so it could not tell of them: ${names.join(", ")}${more}`,
    );
  }

  /** Searches offer by offer; the failure where the first of them already failed. */
  async #offer(
    offers: readonly (readonly number[])[],
    first?: Answer,
  ): Promise<Failure | undefined> {
    for (const [index, offer] of offers.entries()) {
      const outcome = await this.#strikeOut(offer, index === 0 ? first : undefined);
      if (outcome.kind === "refused") continue;
      if (outcome.kind !== "failed") {
        this.#end(outcome);
        return undefined;
      }
      if (this.runs.length === 0) return outcome;
      if (!(await this.#split(outcome, index === 0))) return undefined;
    }
    return undefined;
  }

  /** Looks for the suites that make the handshake fail; false when the search cannot go on. */
  async #split(failure: Failure, isFirst: boolean): Promise<boolean> {
    if (this.#prober.isOver) return false;
    const padded = await this.#padded(failure);
    if (padded === "refused") return true;
    if (padded !== undefined) return this.#split({ ...failure, left: padded }, isFirst);
    this.#answerToNothing ??= this.#ask(NO_SUITES);
    const toNothing = await this.#answerToNothing;
    if (toNothing.kind !== "failed" || toNothing.reason !== failure.reason)
      return this.#bisect(halves(failure.left), failure);
    // That is how this server refuses. One kind of key exchange that it cannot complete may still
    // hide the others.
    if (isFirst) await this.#shared.look(() => this.#families(failure.left));
    return true;
  }

  /**
   * Whether a hello failed for its length: asks once more in another one. Gives what is left when
   * that fails, too; undefined when it was not asked, or is no matter of length.
   */
  async #padded({ left, alert }: Failure): Promise<readonly number[] | "refused" | undefined> {
    if (this.#shared.wasPadded || alert !== undefined || this.#version === 0x0300) return undefined;
    this.#shared.wasPadded = true;
    this.#prober.isPadded = true;
    const outcome = await this.#strikeOut(left);
    const isHelped = outcome.kind !== "failed" || outcome.left.length < left.length;
    if (!isHelped) {
      this.#prober.isPadded = false;
      return undefined;
    }
    this.#prober.note(
      this.#name,
      "a hello went well in another length alone, or by chance: asked in others",
    );
    return outcome.kind === "failed" ? outcome.left : "refused";
  }

  async #bisect(offers: readonly (readonly number[])[], whole: Failure): Promise<boolean> {
    const [suite] = whole.left;
    if (suite !== undefined && whole.left.length === 1) {
      this.undecided.push(suite);
      this.#prober.note(this.#name, `cannot tell of ${cipherSuite(suite).name}: ${whole.reason}`);
      return true;
    }
    for (const offer of offers) {
      const outcome = await this.#strikeOut(offer);
      if (outcome.kind === "unreachable" || this.#prober.isOver) return this.#end(outcome);
      if (outcome.kind === "failed" && !(await this.#bisect(halves(outcome.left), outcome)))
        return false;
    }
    return true;
  }

  /** Offers each kind of key exchange alone; true when that found suites. */
  async #families(left: readonly number[]): Promise<boolean> {
    const before = this.runs.length;
    for (const family of Map.groupBy(left, (suite) => cipherSuite(suite).keyExchange).values()) {
      const outcome = await this.#strikeOut(family);
      if (outcome.kind === "unreachable") this.#end(outcome);
      if (outcome.kind === "unreachable" || this.#prober.isOver) break;
    }
    return this.runs.length > before;
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
      const wasAskedAll = this.#asksAll;
      const verdict =
        answer === undefined ? await this.#ask(left) : classifyAnswer(answer, this.#version, left);
      answer = undefined;
      if (verdict.kind === "failed") return { ...verdict, left };
      if (verdict.kind !== "accepted") return verdict;
      if (run.length === 0) this.runs.push(run);
      run.push({ suite: verdict.suite, flight: verdict.flight, wasAskedAll });
      left = left.filter((suite) => suite !== verdict.suite);
    }
    return { kind: "refused" };
  }

  /**
   * Until a suite was accepted, hellos ask everything: the first ServerHello then answers many
   * questions.
   */
  get #asksAll(): boolean {
    return (
      this.#version < 0x0304 &&
      this.runs.length === 0 &&
      this.#prober.shapeOf(this.#version) === FULL_SHAPE
    );
  }

  async #ask(suites: readonly number[]): Promise<Verdict> {
    const hello = helloOf(this.#version, suites, { asksAll: this.#asksAll });
    return classifyAnswer(await this.#prober.hello(hello), this.#version, suites);
  }
}

/** Suites that a note names. */
const NAMES_TOLD = 12;

/** A failure, and the suites that had been offered. */
type Failure = Extract<Verdict, { kind: "failed" }> & { readonly left: readonly number[] };

type Outcome = Failure | Exclude<Verdict, { kind: "failed" | "accepted" }>;

function chunks(items: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function halves(items: readonly number[]): number[][] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}
