import { randomBytes } from "node:crypto";
import { encodeClientHello, type HelloOptions } from "../tls/client-hello.ts";
import { FlightReader } from "../tls/server-flight.ts";
import { type Answer, type AnswerReader, type Connect, exchange } from "./connection.ts";
import type { ProbeError } from "./report.ts";

export interface ProberOptions {
  readonly connect: Connect;
  readonly signal: AbortSignal;
  readonly silenceMs: number;
  readonly serverName: string | undefined;
  /** The most connections at once to this target. */
  readonly maxParallel: number;
}

/** A hello without what is the same for all of a target. */
export type Hello = Omit<HelloOptions, "random" | "serverName">;

/** How many times the silence limit one exchange may take in all: a server that drips bytes is not waited for. */
const TOTAL_FACTOR = 2;

/** A connect-to-answer time this many times the quickest one means that connections wait for each other. */
const STALL_FACTOR = 4;
const STALL_FLOOR_MS = 150;

/** Errors that are kept; a target that fails in more ways than this has told enough. */
const MAX_ERRORS = 64;

/** Second tries of a target: enough to tell an overrun server from one that always fails. */
const MAX_SECOND_TRIES = 8;

/**
 * Sends hellos to one target, counts connections and keeps errors. Starts with one connection at a time and widens while answers stay
 * quick: servers that serve one connection at a time (openssl s_server) stall behind a second one.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #waiting: (() => void)[] = [];
  readonly errors: ProbeError[] = [];
  /** The name that hellos carry; set to undefined when the server refuses it. */
  serverName: string | undefined;
  connections = 0;
  #active = 0;
  #limit = 1;
  #secondTries = 0;
  #quickestMs = Number.POSITIVE_INFINITY;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.serverName = options.serverName;
  }

  /** True once the target's time is up: what has not been asked yet stays unknown. */
  get isOver(): boolean {
    return this.#options.signal.aborted;
  }

  hello(hello: Hello): Promise<Answer> {
    const { serverName } = this;
    return this.send(encodeClientHello({ ...hello, random: randomBytes(32), serverName }));
  }

  /** Sends bytes and reads the answer as a server's first flight. */
  send(request: Uint8Array): Promise<Answer> {
    return this.converse(request, () => new FlightReader());
  }

  /**
   * Sends bytes on a connection of their own. A connection that fails while others were open is tried once more alone: a server that is
   * overrun must not look like one that says no.
   */
  async converse<R extends AnswerReader>(request: Uint8Array, reader: () => R): Promise<Answer<R>> {
    const [answer, wasAlone] = await this.#once(request, reader());
    const isWorthIt = !wasAlone && isFailure(answer) && this.#hasAnswered && !this.isOver && this.#secondTries < MAX_SECOND_TRIES;
    if (!isWorthIt) return answer;
    this.#secondTries += 1;
    this.#limit = 1;
    return (await this.#once(request, reader()))[0];
  }

  /** Lets so many connections be open at once, though no answer has shown yet that the server bears it. */
  widen(limit: number): void {
    this.#limit = Math.min(this.#options.maxParallel, Math.max(this.#limit, limit));
  }

  note(probe: string, error: string): void {
    // The same trouble with every suite of a version is told once.
    if (this.errors.length < MAX_ERRORS && !this.errors.some((known) => known.probe === probe && known.error === error)) this.errors.push({ probe, error });
  }

  get #hasAnswered(): boolean {
    return this.#quickestMs < Number.POSITIVE_INFINITY;
  }

  async #once<R extends AnswerReader>(request: Uint8Array, reader: R): Promise<[answer: Answer<R>, wasAlone: boolean]> {
    await this.#enter();
    const wasAlone = this.#active === 1;
    const start = performance.now();
    try {
      if (this.isOver) return [{ kind: "unreachable", reason: "the target's time is up" }, true];
      const { connect, signal, silenceMs } = this.#options;
      const answer = await exchange(request, reader, { connect, signal, silenceMs, totalMs: silenceMs * TOTAL_FACTOR });
      if (answer.kind !== "unreachable") this.connections += 1;
      this.#adapt(answer, performance.now() - start);
      return [answer, wasAlone && this.#active === 1];
    } finally {
      this.#leave();
    }
  }

  #adapt(answer: Answer, ms: number): void {
    if (answer.kind !== "flight") return;
    this.#quickestMs = Math.min(this.#quickestMs, ms);
    if (ms > STALL_FLOOR_MS && ms > this.#quickestMs * STALL_FACTOR) this.#limit = Math.max(1, this.#limit >> 1);
    else this.#limit = Math.min(this.#options.maxParallel, this.#limit + 1);
  }

  /** INVARIANT: `#active` counts those inside and those that were just let in. */
  async #enter(): Promise<void> {
    if (this.#active < this.#limit) this.#active += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    this.#active -= 1;
    while (this.#active < this.#limit && this.#waiting.length > 0) {
      this.#active += 1;
      this.#waiting.shift()?.();
    }
  }
}

/** Nothing came back, or no connection came about. */
function isFailure(answer: Answer): boolean {
  return answer.kind === "nothing" || answer.kind === "unreachable";
}
