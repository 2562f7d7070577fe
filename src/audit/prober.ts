import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { encodeClientHello, type HelloOptions } from "../tls/client-hello.ts";
import { FlightReader } from "../tls/server-flight.ts";
import {
  type Answer,
  type AnswerReader,
  type Connect,
  converse,
  type Dialogue,
  session,
  type Unreachable,
} from "./connection.ts";
import type { ProbeError, ProbeErrorCode } from "./report.ts";
import type { Wire } from "./wire.ts";

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

/**
 * How many times the silence limit one exchange may take in all: a server that drips bytes is not
 * waited for.
 */
const TOTAL_FACTOR = 2;

/**
 * A connect-to-answer time this many times the quickest one means that connections wait for each
 * other.
 */
const STALL_FACTOR = 4;
const STALL_FLOOR_MS = 150;

/** Errors that are kept; a target that fails in more ways than this has told enough. */
const MAX_ERRORS = 64;

/**
 * Pauses after which a target that answered before and now takes no connection is asked again;
 * together the most that one probe waits.
 */
const PAUSES_MS = [150, 400, 1000] as const;

/**
 * Probes that a target leaves without a word though it is well: from then on that is its way to say
 * no, and it is not asked for its mood any more.
 */
const MAX_SILENCES = 24;

/** Times that one probe is tried while the target is not well. */
const MAX_TURNS = 4;

/**
 * Sends hellos to one target, counts connections and keeps errors. Starts with one connection at a
 * time and widens while answers stay quick: servers that serve one connection at a time (openssl
 * s_server) stall behind a second one.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #waiting: (() => void)[] = [];
  readonly errors: ProbeError[] = [];
  /** The name that hellos carry; set to undefined when the server refuses it. */
  serverName: string | undefined;
  /** What leads each connection to TLS; undefined where TLS begins at once. */
  dialogue: Dialogue | undefined;
  connections = 0;
  #active = 0;
  #limit = 1;
  /** The first request that was answered with a ServerHello. */
  #control: Uint8Array | undefined;
  #silences = 0;
  #check: Promise<"well" | "recovered" | "gone"> | undefined;
  /**
   * Took no connection after all pauses: further probes do not wait again, until one gets through.
   */
  #isGone = false;
  #quickestMs = Number.POSITIVE_INFINITY;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.serverName = options.serverName;
  }

  /** True once the target's time is up: what has not been asked yet stays unknown. */
  get isOver(): boolean {
    return this.#options.signal.aborted;
  }

  /**
   * Sends a ClientHello with the target's name, another one, or with `null` none, and reads the
   * answer.
   */
  hello(hello: Hello, name: string | null | undefined = this.serverName): Promise<Answer> {
    const serverName = name ?? undefined;
    return this.converse(
      encodeClientHello({ ...hello, random: randomBytes(32), serverName }),
      () => new FlightReader(),
    );
  }

  /**
   * Sends bytes on a connection of their own and reads the answer; like `exchange` for a server
   * that says nothing.
   */
  async converse<R extends AnswerReader>(request: Uint8Array, reader: () => R): Promise<Answer<R>> {
    const answer = await this.exchange((wire): Promise<Answer<R>> =>
      converse(wire, request, reader()),
    );
    if (answer.kind === "flight" && answer.flight.hello !== undefined) this.#control ??= request;
    return answer;
  }

  /**
   * Talks on a connection of its own. When nothing comes back from a server that has answered
   * before, it is asked again what it has answered: so a server that
   * is overrun, or limits rates, does not look like one that says no. `talk` may run again on a
   * fresh connection.
   */
  async exchange<T extends object>(talk: (wire: Wire) => Promise<T>): Promise<T | Unreachable> {
    for (let turn = 1; ; turn += 1) {
      const wasAlone = this.#active === 0;
      const answer = await this.session(talk);
      if (
        !saidNothing(answer) ||
        this.#control === undefined ||
        this.isOver ||
        this.#silences >= MAX_SILENCES
      )
        return answer;
      this.#limit = 1;
      this.#check ??= this.#checkMood(this.#control).finally(() => (this.#check = undefined));
      const mood = await this.#check;
      if (mood === "gone")
        return {
          kind: "unreachable",
          reason: this.#refusal(`the connection ended without a word`),
          code: "incomplete",
        };
      if ((mood === "well" && wasAlone) || turn === MAX_TURNS) return answer;
    }
  }

  /**
   * How the server takes the hello that it has answered before: well at once, only after a pause,
   * or not any more.
   */
  async #checkMood(control: Uint8Array): Promise<"well" | "recovered" | "gone"> {
    const answers = async (): Promise<boolean> => {
      const answer = await this.#once((wire) => converse(wire, control, new FlightReader()));
      return answer.kind === "flight";
    };
    if (await answers()) {
      this.#silences += 1;
      return "well";
    }
    for (const pause of this.#isGone ? [] : PAUSES_MS) {
      await sleep(pause, this.#options.signal);
      if (this.isOver) return "gone";
      if (await answers()) return "recovered";
    }
    this.#isGone = true;
    return "gone";
  }

  #refusal(reason: string): string {
    return `refused after it had answered (${this.connections} connections), as servers that limit rates do: ${reason}`;
  }

  /**
   * Opens a connection, leads it to where TLS begins and gives it to `talk`; it is closed when that
   * is done. A target that answered before and now takes no
   * connection is given pauses. Rejects only with what `talk` rejects with. `talk` may run once
   * more on a fresh connection.
   */
  async session<T>(talk: (wire: Wire) => Promise<T>): Promise<T | Unreachable> {
    for (const pause of this.#isGone ? [] : PAUSES_MS) {
      const result = await this.#once(talk);
      if (!isUnreachable(result) || !this.#hasAnswered || this.isOver) return result;
      this.#limit = 1;
      await sleep(pause, this.#options.signal);
    }
    const last = await this.#once(talk);
    this.#isGone = isUnreachable(last);
    return isUnreachable(last) && this.#hasAnswered
      ? { ...last, reason: this.#refusal(last.reason), code: "incomplete" }
      : last;
  }

  /**
   * Lets so many connections be open at once, though no answer has shown yet that the server bears
   * it.
   */
  widen(limit: number): void {
    this.#limit = Math.min(this.#options.maxParallel, Math.max(this.#limit, limit));
  }

  note(probe: string, error: string, code?: ProbeErrorCode): void {
    // The same trouble with every suite of a version is told once.
    if (
      this.errors.length < MAX_ERRORS &&
      !this.errors.some((known) => known.probe === probe && known.error === error)
    )
      this.errors.push({ probe, error, ...(code === undefined ? {} : { code }) });
  }

  get #hasAnswered(): boolean {
    return this.#quickestMs < Number.POSITIVE_INFINITY;
  }

  async #once<T>(talk: (wire: Wire) => Promise<T>): Promise<T | Unreachable> {
    await this.#enter();
    const start = performance.now();
    try {
      if (this.isOver)
        return { kind: "unreachable", reason: "the target's time is up", code: "aborted" };
      const { signal, silenceMs } = this.#options;
      const connect = async (limit: AbortSignal): Promise<Socket> => {
        const socket = await this.#options.connect(limit);
        this.connections += 1;
        return socket;
      };
      const timed = (wire: Wire): Promise<T> =>
        talk(wire).finally(() => this.#adapt(wire, performance.now() - start));
      return await session(timed, {
        connect,
        dialogue: this.dialogue,
        signal,
        silenceMs,
        totalMs: silenceMs * TOTAL_FACTOR,
      });
    } finally {
      this.#leave();
    }
  }

  #adapt(wire: Wire, ms: number): void {
    if (wire.received === 0) return;
    this.#quickestMs = Math.min(this.#quickestMs, ms);
    if (ms > STALL_FLOOR_MS && ms > this.#quickestMs * STALL_FACTOR)
      this.#limit = Math.max(1, this.#limit >> 1);
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

function isUnreachable(result: unknown): result is Unreachable {
  return (
    typeof result === "object" &&
    result !== null &&
    "kind" in result &&
    result.kind === "unreachable"
  );
}

/** Waits, but not beyond the target's end. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal.addEventListener("abort", settle, { once: true });
    if (signal.aborted) settle();
  });
}

function saidNothing(answer: object): boolean {
  return "kind" in answer && answer.kind === "nothing";
}
