import type { Socket } from "node:net";
import {
  type Answer,
  type Connect,
  type Dialogue,
  type Opened,
  open,
  type SessionOptions,
  type Unreachable,
} from "./connection.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import type { ProbeErrorCode } from "./report.ts";
import { WarmConnections } from "./warm-connections.ts";
import type { Wire } from "./wire.ts";

/** How `Sessions` reach a target, and the limits that they keep to. */
export interface SessionsOptions {
  readonly connect: Connect;
  readonly signal: AbortSignal;
  /** The most that a wait for bytes takes, until the peer has shown that it needs longer. */
  readonly silenceMs: number;
  /** The most connections at once to this target. */
  readonly maxParallel: number;
  /**
   * Connect errors that the server at an address (`192.0.2.1:3306`) has counted of us before; 0 when
   * left out.
   */
  readonly errorsBefore?: (address: string) => number;
  /** Called at each sign of life. */
  readonly onProgress?: () => void;
  readonly note: (probe: string, error: string, code?: ProbeErrorCode) => void;
}

/** How one session differs from the others. */
export interface SessionPatience {
  readonly silenceMs?: number | undefined;
  /** Null: none, though the target has one. */
  readonly dialogue?: Dialogue | null;
  /** Ends the session when it is not needed any more. */
  readonly signal?: AbortSignal | undefined;
}

/** A wait for bytes is so many times as long as the longest that an answer has taken. */
const SILENCE_FACTOR = 4;
const MAX_SILENCE_MS = 15_000;

/** The silence limit, times this: how long a port is waited for that has said nothing yet. */
const PATIENCE_FACTOR = 8 / 3;

/** A server that takes longer to get to TLS is led there ahead of the next question. */
const SLOW_OPENING_MS = 250;

/** Servers of mail take some twenty connections in all, and there are others than us. */
const WARM = 8;

/** Connections that one examination may take: the server with every suite takes some 300. */
const MAX_CONNECTIONS = 2000;

/**
 * Pauses after which a target that answered before and now takes no connection is asked again;
 * together the most that one probe waits.
 */
const PAUSES_MS = [10, 150, 400, 1000] as const;

/** Connections that one probe tries to make to a target that takes some of them. */
const MAX_ATTEMPTS = 12;

/** So often a refused connection is followed by one that is taken where that is the port's way. */
const FLUKES = 4;

/** Why a server is spared. */
export const BLOCKS = "the server blocks addresses whose connections end early too often";

/**
 * The connections to one target: how many there are, at once and in all, how long each wait is, and
 * what is done where none comes about.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #limit: ConnectionLimit;
  /** What leads each connection to TLS; undefined where TLS begins at once. */
  dialogue: Dialogue | undefined;
  /** The most that each word of the dialogue takes; by what was measured when left out. */
  greetingMs: number | undefined;
  connections = 0;
  #isIncomplete = false;
  /** The peer's address and port, where that is not on loopback. */
  #remote: string | undefined;
  #whole = 0;
  /** As `connectErrors` counts; undefined where the server does not. */
  #mostErrors: number | undefined;
  /**
   * Took no connection after all pauses: further probes do not wait again, until one gets through.
   */
  #isGone = false;
  #answers = 0;
  #flukes = 0;
  #slowestMs = 0;
  #openingMs = 0;
  readonly #warm = new WarmConnections(WARM);

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#limit = new ConnectionLimit(options.maxParallel);
  }

  get isOver(): boolean {
    return this.#options.signal.aborted;
  }

  /** Not all sessions came about, with a target that had answered before. */
  get isIncomplete(): boolean {
    return this.#isIncomplete || (this.#hasAnswered && this.isOver);
  }

  get #hasAnswered(): boolean {
    return this.#answers > 0;
  }

  /** No connection is open, and none is about to be. */
  get isIdle(): boolean {
    return this.#limit.isIdle;
  }

  /** How long a port is waited for that has said nothing yet, in milliseconds. */
  get patienceMs(): number {
    return this.#options.silenceMs * PATIENCE_FACTOR;
  }

  /** How long a word before TLS may take, by what the way there has taken so far; milliseconds. */
  get wordMs(): number {
    return Math.max(this.#silenceMs, this.#openingMs * SILENCE_FACTOR);
  }

  /**
   * The server blocks addresses that have made this many connect errors: no more are made, also with
   * those of audits before, and one connection at a time. False where servers do not count: on loopback.
   */
  spare(most: number): boolean {
    if (this.#remote === undefined) return false;
    this.#mostErrors = Math.max(0, most - (this.#options.errorsBefore?.(this.#remote) ?? 0));
    this.#limit.keepToOne();
    return true;
  }

  /**
   * Where the server counts them, connections that ended before their protocol did, those under way
   * included; undefined where it does not.
   */
  get connectErrors(): { readonly address: string; readonly count: number } | undefined {
    if (this.#remote === undefined || this.#mostErrors === undefined) return undefined;
    return { address: this.#remote, count: this.connections - this.#whole };
  }

  /** As `ConnectionLimit` has it. */
  widen(limit: number): void {
    this.#limit.widen(limit);
  }

  /** As `ConnectionLimit` has it. */
  narrow(): void {
    this.#limit.narrow();
  }

  /** Ends the connections that nobody has asked for. */
  close(): void {
    this.#warm.close();
  }

  /** Waits, but not beyond the target's end. */
  pause(ms: number): Promise<void> {
    return sleep(ms, this.#options.signal);
  }

  /**
   * Opens a connection, leads it to where TLS begins and gives it to `talk`; it is closed when that
   * is done. A target that answered before and now takes no
   * connection is given pauses. Rejects only with what `talk` rejects with. `talk` may run once
   * more on a fresh connection.
   */
  async session<T>(
    talk: (wire: Wire) => Promise<T>,
    patience: SessionPatience = {},
  ): Promise<T | Unreachable> {
    const pauses: number[] = this.#isGone ? [] : [...PAUSES_MS];
    for (let attempt = 1; ; attempt += 1) {
      const answered = this.#answers;
      const result = await this.once(talk, patience);
      if (!isUnreachable(result)) {
        this.#isGone = false;
        if (attempt === 2) this.#noteFluke();
        return result;
      }
      if (!this.#hasAnswered || this.isOver || patience.signal?.aborted === true) return result;
      if (result.code === "spared") return result;
      this.#limit.narrow();
      // Others were answered meanwhile: it is not gone.
      const wasAnswered = this.#answers > answered && attempt < MAX_ATTEMPTS;
      const pause = wasAnswered ? pauses[0] : pauses.shift();
      if (pause === undefined) {
        this.#isGone = true;
        return this.givenUp(result.reason);
      }
      await this.pause(pause);
    }
  }

  /** A connection was refused, and the next one taken: no matter of rates. */
  #noteFluke(): void {
    this.#flukes += 1;
    const how = "it takes some connections and refuses others";
    if (this.#flukes === FLUKES)
      this.#options.note("protocol", `the port answers differently: ${how}`, "differs");
  }

  /** Says that something could not be asked, for this reason. */
  givenUp(reason: string): Unreachable {
    this.#isIncomplete = true;
    return { kind: "unreachable", reason: this.#refusal(reason), code: "incomplete" };
  }

  /** Whether a target does what it did before after one of the pauses. */
  async comesBack(isBack: () => Promise<boolean>): Promise<boolean> {
    for (const pause of this.#isGone ? [] : PAUSES_MS) {
      await this.pause(pause);
      if (this.isOver) return false;
      if (await isBack()) return true;
    }
    this.#isGone = true;
    return false;
  }

  /** Like `session`, with one connection. */
  async once<T>(
    talk: (wire: Wire) => Promise<T>,
    patience: SessionPatience = {},
  ): Promise<T | Unreachable> {
    await this.#limit.enter();
    try {
      const limit = this.#limitReached;
      if (limit !== undefined) return limit;
      if (patience.signal?.aborted === true)
        return { kind: "unreachable", reason: "it is not needed any more", code: "aborted" };
      const start = performance.now();
      const opened = await this.#open(patience);
      if ("kind" in opened) return opened;
      const { wire, openingMs } = opened;
      if (this.dialogue !== undefined && patience.dialogue === undefined)
        this.#openingMs = Math.max(this.#openingMs, openingMs);
      try {
        opened.begin();
        const begun = performance.now();
        const result = await talk(wire);
        const ms = performance.now() - (this.dialogue === undefined ? start : begun);
        this.#learn(wire, saidHello(result) ? ms : undefined);
        return result;
      } finally {
        if (wire.isWhole) this.#whole += 1;
        opened.close();
      }
    } finally {
      this.#limit.leave();
    }
  }

  get #limitReached(): Unreachable | undefined {
    const hasSpent = (this.connectErrors?.count ?? 0) >= (this.#mostErrors ?? 1);
    if (!this.isOver && hasSpent) {
      const reason = `${BLOCKS}: only ${this.#mostErrors} more of ours may`;
      this.#options.note("target", reason, "spared");
      return { kind: "unreachable", reason, code: "spared" };
    }
    if (!this.isOver && this.connections < MAX_CONNECTIONS) return undefined;
    if (this.#hasAnswered) this.#isIncomplete = true;
    const reason = this.isOver
      ? "the target's time is up"
      : `it has cost ${MAX_CONNECTIONS} connections`;
    return { kind: "unreachable", reason, code: this.#hasAnswered ? "incomplete" : "aborted" };
  }

  #open({
    silenceMs,
    dialogue = this.dialogue,
    signal,
  }: SessionPatience): Promise<Opened | Unreachable> {
    const options: SessionOptions = {
      connect: async (limit): Promise<Socket> => {
        const socket = await this.#options.connect(limit);
        this.connections += 1;
        if (!isLoopback(socket.remoteAddress))
          this.#remote = `${socket.remoteAddress}:${socket.remotePort}`;
        return socket;
      },
      dialogue: dialogue ?? undefined,
      signal:
        signal === undefined
          ? this.#options.signal
          : AbortSignal.any([signal, this.#options.signal]),
      silenceMs: silenceMs ?? this.#silenceMs,
      greetingMs: this.greetingMs ?? Math.max(this.patienceMs, this.#openingMs * SILENCE_FACTOR),
    };
    const isSlow = this.#openingMs > SLOW_OPENING_MS && dialogue === this.dialogue;
    return isSlow ? this.#warm.take(options) : open(options);
  }

  /** By what answers have taken so far, never less than was asked for. */
  get #silenceMs(): number {
    const { silenceMs } = this.#options;
    return Math.max(silenceMs, Math.min(MAX_SILENCE_MS, this.#slowestMs * SILENCE_FACTOR));
  }

  /** `helloMs`: how long a ServerHello took, which is more work than other answers. */
  #learn(wire: Wire, helloMs: number | undefined): void {
    if (wire.received === 0) return;
    this.#answers += 1;
    this.#options.onProgress?.();
    this.#slowestMs = Math.max(this.#slowestMs, wire.firstByteMs);
    if (helloMs !== undefined) this.#limit.learn(helloMs);
  }

  #refusal(reason: string): string {
    return `refused after it had answered (${this.connections} connections), as servers that limit rates do: ${reason}`;
  }
}

function isLoopback(address: string | undefined): boolean {
  return address === undefined || address === "::1" || /^(?:::ffff:)?127\./.test(address);
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

function saidHello(result: unknown): boolean {
  const { kind, flight } = (result ?? {}) as Partial<Extract<Answer, { kind: "flight" }>>;
  return kind === "flight" && flight?.hello !== undefined;
}
