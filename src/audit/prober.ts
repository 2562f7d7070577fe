import { randomBytes } from "node:crypto";
import { encodeClientHello, type HelloOptions } from "../tls/client-hello.ts";
import { type Answer, type Connect, exchange } from "./connection.ts";
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

/**
 * Sends hellos to one target, counts connections and keeps errors. Starts with one connection at a time and widens while answers stay
 * quick: servers that serve one connection at a time (openssl s_server) stall behind a second one.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #waiting: (() => void)[] = [];
  readonly errors: ProbeError[] = [];
  connections = 0;
  #active = 0;
  #limit = 1;
  #quickestMs = Number.POSITIVE_INFINITY;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** True once the target's time is up: what has not been asked yet stays unknown. */
  get isOver(): boolean {
    return this.#options.signal.aborted;
  }

  async hello(hello: Hello): Promise<Answer> {
    const { serverName } = this.#options;
    return this.send(encodeClientHello({ ...hello, random: randomBytes(32), serverName }));
  }

  async send(request: Uint8Array): Promise<Answer> {
    await this.#enter();
    const start = performance.now();
    try {
      if (this.isOver) return { kind: "unreachable", reason: "the target's time is up" };
      const { connect, signal, silenceMs } = this.#options;
      const answer = await exchange(request, { connect, signal, silenceMs, totalMs: silenceMs * TOTAL_FACTOR });
      if (answer.kind !== "unreachable") this.connections += 1;
      this.#adapt(answer, performance.now() - start);
      return answer;
    } finally {
      this.#leave();
    }
  }

  note(probe: string, error: string): void {
    // The same trouble with every suite of a version is told once.
    if (this.errors.length < 64 && !this.errors.some((known) => known.probe === probe && known.error === error)) this.errors.push({ probe, error });
  }

  #adapt(answer: Answer, ms: number): void {
    if (answer.kind !== "flight") return;
    this.#quickestMs = Math.min(this.#quickestMs, ms);
    if (ms > STALL_FLOOR_MS && ms > this.#quickestMs * STALL_FACTOR) this.#limit = Math.max(1, this.#limit >> 1);
    else this.#limit = Math.min(this.#options.maxParallel, this.#limit + 1);
  }

  async #enter(): Promise<void> {
    if (this.#active >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#active += 1;
  }

  #leave(): void {
    this.#active -= 1;
    for (let room = this.#limit - this.#active; room > 0; room -= 1) this.#waiting.shift()?.();
  }
}
