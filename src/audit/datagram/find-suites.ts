import type { VersionCode } from "../../tls/client-hello.ts";
import { type Accepted, candidateSuites } from "../enumerate.ts";
import type { Hello } from "../prober.ts";
import type { Answerer } from "../preference.ts";
import { classifyAnswer, type Verdict } from "../verdict.ts";

/** What a version over datagrams accepts. */
export interface FoundSuites {
  /** Each in the order in which the server picked them from one offer. */
  readonly runs: readonly (readonly Accepted[])[];
  /** Suites that make the handshake fail: neither accepted nor refused. */
  readonly undecided: readonly number[];
  /** The server said no to the version or to all suites; undefined where it said yes to one. */
  readonly refusal?: Verdict;
  /** It was silent to suites that it does not have, and well otherwise. */
  readonly refusesSilently: boolean;
  /** Why there may be more than was found. */
  readonly isPartial?: string;
}

/** Hellos that one version may cost: a server with every suite takes some 200. */
const MAX_HELLOS = 400;

/**
 * The suites of one version: what was picked is struck out of the next offer, until the server
 * refuses. Where a handshake fails without a no, the offer is halved. A server that has answered,
 * and is silent to another offer, has said no if it still answers what it did before.
 */
export async function findSuites(
  answerer: Answerer,
  version: VersionCode,
  suites = candidateSuites(version),
): Promise<FoundSuites> {
  const search = new SuiteSearch(answerer, version);
  // All of them fit one datagram; a server that finds that too long is asked by halves.
  await search.strikeOut(suites);
  return search.found;
}

class SuiteSearch {
  readonly #runs: Accepted[][] = [];
  readonly #undecided: number[] = [];
  readonly #answerer: Answerer;
  readonly #version: VersionCode;
  #refusal: Verdict | undefined;
  #isPartial: string | undefined;
  #isOver = false;
  #refusesSilently = false;
  #asked = 0;

  constructor(answerer: Answerer, version: VersionCode) {
    this.#answerer = answerer;
    this.#version = version;
  }

  get found(): FoundSuites {
    const [refusal, isPartial] = [this.#refusal, this.#isPartial];
    return {
      runs: this.#runs,
      undecided: this.#undecided,
      refusesSilently: this.#refusesSilently,
      ...(refusal === undefined || this.#runs.length > 0 ? {} : { refusal }),
      ...(isPartial === undefined ? {} : { isPartial }),
    };
  }

  async strikeOut(suites: readonly number[]): Promise<void> {
    const run: Accepted[] = [];
    for (let left = suites; left.length > 0 && !this.#isOver;) {
      const verdict = await this.#ask(left);
      if (verdict.kind !== "accepted") return this.#refused(verdict, left);
      if (run.length === 0) this.#runs.push(run);
      const { suite, flight } = verdict;
      run.push({ suite, flight, wasAskedAll: false });
      left = left.filter((one) => one !== suite);
    }
  }

  async #refused(
    verdict: Exclude<Verdict, { kind: "accepted" }>,
    left: readonly number[],
  ): Promise<void> {
    this.#refusal ??= verdict;
    if (verdict.kind === "refused") return;
    if (verdict.kind !== "failed") return this.#end(verdict);
    if (verdict.isSilent) {
      this.#refusesSilently ||= await this.#isWell();
      return this.#refusesSilently ? undefined : this.#end(verdict);
    }
    if (left.length === 1) return void this.#undecided.push(...left);
    const middle = left.length >> 1;
    await this.strikeOut(left.slice(0, middle));
    await this.strikeOut(left.slice(middle));
  }

  #end(verdict: Verdict): void {
    this.#isOver = true;
    if (this.#runs.length > 0 && "reason" in verdict) this.#isPartial = verdict.reason;
  }

  /** Whether it still answers what it has answered first. */
  async #isWell(): Promise<boolean> {
    const known = this.#runs[0]?.[0]?.suite;
    return known !== undefined && (await this.#ask([known])).kind === "accepted";
  }

  async #ask(suites: readonly number[]): Promise<Verdict> {
    if (this.#asked === MAX_HELLOS)
      return { kind: "unreachable", reason: `it has cost ${MAX_HELLOS} handshakes` };
    this.#asked += 1;
    const hello: Hello = { version: this.#version, suites };
    return classifyAnswer(await this.#answerer.hello(hello), this.#version, suites);
  }
}
