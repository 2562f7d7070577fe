import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { encodeClientHello, type HelloOptions, type VersionCode } from "../tls/client-hello.ts";
import { groupCodes } from "../tls/groups.ts";
import { FlightReader } from "../tls/server-flight.ts";
import {
  type Answer,
  type AnswerReader,
  type Connect,
  converse,
  type Dialogue,
  type Nudge,
  type Opened,
  open,
  type SessionOptions,
  type Unreachable,
} from "./connection.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { generateKey } from "./handshake/key-agreement.ts";
import { FULL_SHAPE, type HelloShape, inShape } from "./hello-shape.ts";
import type { ProbeError, ProbeErrorCode } from "./report.ts";
import { WarmConnections } from "./warm-connections.ts";
import type { Wire } from "./wire.ts";

/** How a `Prober` reaches its target, and the limits that it keeps to. */
export interface ProberOptions {
  readonly connect: Connect;
  readonly signal: AbortSignal;
  /** The most that a wait for bytes takes, until the peer has shown that it needs longer. */
  readonly silenceMs: number;
  readonly serverName: string | undefined;
  /** The most connections at once to this target. */
  readonly maxParallel: number;
  /** Called at each sign of life. */
  readonly onProgress?: () => void;
}

/** How one session differs from the others. */
export interface SessionPatience {
  readonly silenceMs?: number | undefined;
  /** Null: none, though the target has one. */
  readonly dialogue?: Dialogue | null;
  /** Ends the session when it is not needed any more. */
  readonly signal?: AbortSignal | undefined;
}

/** How a hello is asked. */
export interface HelloQuestion {
  /** Another name than the target's; null for none. */
  readonly name?: string | null | undefined;
  /** Another shape than the target's. */
  readonly shape?: HelloShape;
  /** One connection, however it ends: without a look at whether the server is well. */
  readonly isOnce?: boolean;
  /** Of a hello that is asked once. */
  readonly silenceMs?: number;
}

function keyShareFor(groups: readonly number[] = groupCodes(0x0304)): Pick<Hello, "keyShares"> {
  const share = generateKey(groups)?.share;
  return share === undefined ? {} : { keyShares: [share] };
}

/** A hello without what is the same for all of a target. */
export type Hello = Omit<HelloOptions, "random" | "serverName">;

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

/** Sends hellos to one target, counts connections and keeps errors. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #limit: ConnectionLimit;
  readonly errors: ProbeError[] = [];
  /** The name that hellos carry; set to undefined when the server refuses it. */
  serverName: string | undefined;
  /** What leads each connection to TLS; undefined where TLS begins at once. */
  dialogue: Dialogue | undefined;
  /** The most that each word of the dialogue takes; by what was measured when left out. */
  greetingMs: number | undefined;
  connections = 0;
  /** Hellos are brought to lengths that all peers take. */
  isPadded = false;
  readonly #shapes = new Map<VersionCode, HelloShape>();
  #commonShape = FULL_SHAPE;
  #isIncomplete = false;
  #isRemote = false;
  #mostConnections = MAX_CONNECTIONS;
  /** The first request that was answered with a ServerHello. */
  #control: Uint8Array | undefined;
  #silences = 0;
  #check: Promise<"well" | "recovered" | "gone"> | undefined;
  /**
   * Took no connection after all pauses: further probes do not wait again, until one gets through.
   */
  #isGone = false;
  #hasAnswered = false;
  #slowestMs = 0;
  #openingMs = 0;
  readonly #warm = new WarmConnections(WARM);

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#limit = new ConnectionLimit(options.maxParallel);
    this.serverName = options.serverName;
  }

  /** True once the target's time is up: what has not been asked yet stays unknown. */
  get isOver(): boolean {
    return this.#options.signal.aborted;
  }

  /** Something could not be asked any more, of a target that had answered before. */
  get isIncomplete(): boolean {
    return (
      this.#isIncomplete ||
      (this.#hasAnswered && this.isOver) ||
      this.errors.some(({ code }) => code === "incomplete" || code === "spared")
    );
  }

  /** Not everything was asked, for the server's sake. */
  get hasSpared(): boolean {
    return this.errors.some(({ code }) => code === "spared");
  }

  /** How long a port is waited for that has said nothing yet, in milliseconds. */
  get patienceMs(): number {
    return this.#options.silenceMs * PATIENCE_FACTOR;
  }

  /**
   * From now on, no more connections than so many in all; without effect where servers do not count:
   * on loopback, and for undefined.
   */
  spare(connections: number | undefined): void {
    if (connections !== undefined && this.#isRemote) this.#mostConnections = connections;
  }

  /** Ends the connections that nobody has asked for. */
  close(): void {
    this.#warm.close();
  }

  /**
   * Sends a ClientHello and reads the answer.
   */
  async hello(hello: Hello, options: HelloQuestion = {}): Promise<Answer> {
    const request = this.encode(hello, options);
    if (options.isOnce !== true) return this.converse(request, () => new FlightReader());
    const talk = (wire: Wire): Promise<Answer> => converse(wire, request, new FlightReader());
    const answer = await this.session(talk, { silenceMs: options.silenceMs });
    this.#learnControl(answer, request);
    return answer;
  }

  /** A hello's bytes, as this target takes them. */
  encode(
    hello: Hello,
    {
      name = this.serverName,
      shape = this.shapeOf(hello.version),
    }: Pick<HelloQuestion, "name" | "shape"> = {},
  ): Uint8Array {
    const shaped = inShape(hello, shape);
    const isModern = hello.version === 0x0304;
    return encodeClientHello({
      // As TLS 1.3 in disguise of 1.2, which middleboxes and some servers want (RFC 8446 §D.4).
      sessionId: isModern ? randomBytes(32) : new Uint8Array(0),
      ...(isModern && shape.hasKeyShare ? keyShareFor(shaped.groups) : {}),
      ...shaped,
      isPadded: shape.isPadded || this.isPadded,
      random: randomBytes(32),
      serverName: name ?? undefined,
    });
  }

  /** What hellos of a version may hold. */
  shapeOf(version: VersionCode): HelloShape {
    return this.#shapes.get(version) ?? this.#commonShape;
  }

  /** Has hellos of a version shaped so; those of other versions, too, as long as none has its own. */
  useShape(version: VersionCode, shape: HelloShape): void {
    this.#shapes.set(version, shape);
    if (this.#commonShape === FULL_SHAPE) this.#commonShape = { ...shape, isBare: false };
  }

  /** Sends a hello on a connection that is open already. */
  helloOn(wire: Wire, hello: Hello): Promise<Answer> {
    return converse(wire, this.encode(hello), new FlightReader());
  }

  /** The first of all hellos, with all patience; `nudge` as `converse` has it. */
  async firstHello(
    hello: Hello,
    { nudge, signal }: { readonly nudge?: Nudge; readonly signal?: AbortSignal } = {},
  ): Promise<Answer> {
    const request = this.encode(hello);
    const answer = await this.session(
      (wire): Promise<Answer> => converse(wire, request, new FlightReader(), nudge),
      { silenceMs: this.patienceMs, signal },
    );
    this.#learnControl(answer, request);
    return answer;
  }

  #learnControl(answer: Answer, request: Uint8Array): void {
    if (answer.kind === "flight" && answer.flight.hello !== undefined) this.#control ??= request;
  }

  /**
   * Sends bytes on a connection of their own and reads the answer; like `exchange` for a server
   * that says nothing.
   */
  async converse<R extends AnswerReader>(request: Uint8Array, reader: () => R): Promise<Answer<R>> {
    const answer = await this.exchange((wire): Promise<Answer<R>> =>
      converse(wire, request, reader()),
    );
    this.#learnControl(answer, request);
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
      const wasAlone = this.#limit.isIdle;
      const answer = await this.session(talk);
      if (
        !saidNothing(answer) ||
        this.#control === undefined ||
        this.isOver ||
        this.#silences >= MAX_SILENCES
      )
        return answer;
      this.#limit.narrow();
      this.#check ??= this.#checkMood(this.#control).finally(() => (this.#check = undefined));
      const mood = await this.#check;
      if (mood === "gone") {
        this.#isIncomplete = true;
        return {
          kind: "unreachable",
          reason: this.#refusal(`the connection ended without a word`),
          code: "incomplete",
        };
      }
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
  async session<T>(
    talk: (wire: Wire) => Promise<T>,
    patience: SessionPatience = {},
  ): Promise<T | Unreachable> {
    for (const pause of this.#isGone ? [] : PAUSES_MS) {
      const result = await this.#once(talk, patience);
      if (!isUnreachable(result) || !this.#hasAnswered || this.isOver) return result;
      if (result.code === "spared") return result;
      if (patience.signal?.aborted === true) return result;
      this.#limit.narrow();
      await sleep(pause, this.#options.signal);
    }
    const last = await this.#once(talk, patience);
    this.#isGone = isUnreachable(last);
    if (!isUnreachable(last) || !this.#hasAnswered) return last;
    this.#isIncomplete = true;
    return { ...last, reason: this.#refusal(last.reason), code: "incomplete" };
  }

  /**
   * Lets so many connections be open at once, though no answer has shown yet that the server bears
   * it, until the next answer.
   */
  widen(limit: number): void {
    this.#limit.widen(limit);
  }

  note(probe: string, error: string, code?: ProbeErrorCode): void {
    // The same trouble with every suite of a version is told once.
    if (
      this.errors.length < MAX_ERRORS &&
      !this.errors.some((known) => known.probe === probe && known.error === error)
    )
      this.errors.push({ probe, error, ...(code === undefined ? {} : { code }) });
  }

  async #once<T>(
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
        opened.close();
      }
    } finally {
      this.#limit.leave();
    }
  }

  get #limitReached(): Unreachable | undefined {
    if (!this.isOver && this.connections < this.#mostConnections) return undefined;
    if (!this.isOver && this.#mostConnections < MAX_CONNECTIONS) {
      const reason = `the server blocks addresses that end too many connections early: asked no more than ${this.#mostConnections} times`;
      this.note("target", reason, "spared");
      return { kind: "unreachable", reason, code: "spared" };
    }
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
        this.#isRemote ||= !isLoopback(socket.remoteAddress);
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
    this.#hasAnswered = true;
    this.#options.onProgress?.();
    this.#slowestMs = Math.max(this.#slowestMs, wire.firstByteMs);
    if (helloMs !== undefined) this.#limit.learn(helloMs);
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

function saidNothing(answer: object): boolean {
  return "kind" in answer && answer.kind === "nothing";
}
