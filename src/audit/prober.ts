import { randomBytes, randomInt } from "node:crypto";
import { encodeClientHello, type HelloOptions, type VersionCode } from "../tls/client-hello.ts";
import { groupCodes } from "../tls/groups.ts";
import { FlightReader } from "../tls/server-flight.ts";
import {
  type Answer,
  type AnswerReader,
  converse,
  type Dialogue,
  type Nudge,
  type Unreachable,
} from "./connection.ts";
import type { ConnectErrorLimit } from "./connect-errors.ts";
import { converseToEnd, type OfferedHello } from "./handshake/converse-to-end.ts";
import { generateKey, generateKeys } from "./handshake/key-agreement.ts";
import { FULL_SHAPE, type HelloShape, inShape, modernShape } from "./hello-shape.ts";
import type { ProbeError, ProbeErrorCode } from "./report.ts";
import { type SessionPatience, Sessions, type SessionsOptions } from "./sessions.ts";
import type { Ending as WireEnding, Wire } from "./wire.ts";

/** How a `Prober` reaches its target, and the limits that it keeps to. */
export interface ProberOptions extends Omit<SessionsOptions, "note"> {
  readonly serverName: string | undefined;
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

/** Errors that are kept; a target that fails in more ways than this has told enough. */
const MAX_ERRORS = 64;

/**
 * Probes that a target leaves without a word though it is well: from then on that is its way to say
 * no, and it is not asked for its mood any more.
 */
const MAX_SILENCES = 24;

/** Times that one probe is tried while the target is not well. */
const MAX_TURNS = 4;

/** Times that one probe is tried of a server that is known to answer the same differently. */
const MAX_TURNS_MIXED = 12;

/**
 * Times that a probe is tried which a server that is well answers in no TLS, or by closing, until
 * so many answers were confirmed: that is its way, then.
 */
const MAX_TURNS_PLAIN = 5;
const MAX_TURNS_CLOSED = 3;
const MAX_CONFIRMED = 4;
const OUT_OF_STEP_MS = 20;

/**
 * Times that what was answered in TLS is asked before words of no TLS are believed: where half of the
 * answers are such, these and those were chance once in a few thousand cases.
 */
const STEADY_ANSWERS = 6;

/** Sends hellos to one target, counts connections and keeps errors. */
export class Prober {
  readonly #sessions: Sessions;
  readonly errors: ProbeError[] = [];
  /** The name that hellos carry; set to undefined when the server refuses it. */
  serverName: string | undefined;
  /** Said inside TLS to have the server end a connection that it would otherwise count. */
  leave: Uint8Array | undefined;
  /** Hellos are brought to lengths that all peers take. */
  isPadded = false;
  readonly #shapes = new Map<VersionCode, HelloShape>();
  #commonShape = FULL_SHAPE;
  /** The first request that was answered with a ServerHello. */
  #control: Uint8Array | undefined;
  #silences = 0;
  #isMixed = false;
  #hasBelieved = false;
  #steady: Promise<boolean> | undefined;
  #confirmed = 0;
  #check: Promise<"well" | "recovered" | "gone"> | undefined;

  constructor({ serverName, ...options }: ProberOptions) {
    this.serverName = serverName;
    const note = this.note.bind(this);
    this.#sessions = new Sessions({ ...options, note });
  }

  get connections(): number {
    return this.#sessions.connections;
  }

  /** What leads each connection to TLS; undefined where TLS begins at once. */
  get dialogue(): Dialogue | undefined {
    return this.#sessions.dialogue;
  }

  set dialogue(dialogue: Dialogue | undefined) {
    this.#sessions.dialogue = dialogue;
  }

  /** The most that each word of the dialogue takes; by what was measured when left out. */
  set greetingMs(ms: number | undefined) {
    this.#sessions.greetingMs = ms;
  }

  /** True once the target's time is up: what has not been asked yet stays unknown. */
  get isOver(): boolean {
    return this.#sessions.isOver;
  }

  /** Something could not be asked any more, of a target that had answered before. */
  get isIncomplete(): boolean {
    return (
      this.#sessions.isIncomplete ||
      this.errors.some(({ code }) => code === "incomplete" || code === "spared")
    );
  }

  /** Not everything was asked, for the server's sake. */
  get hasSpared(): boolean {
    return this.errors.some(({ code }) => code === "spared");
  }

  /** How long a port is waited for that has said nothing yet, in milliseconds. */
  get patienceMs(): number {
    return this.#sessions.patienceMs;
  }

  /** No more connections end early than the server bears: hellos that it takes get whole handshakes. */
  spare({ most, leave }: ConnectErrorLimit): void {
    if (this.#sessions.spare(most)) this.leave = leave;
  }

  /** As `Sessions` has it. */
  get connectErrors(): Sessions["connectErrors"] {
    return this.#sessions.connectErrors;
  }

  /** As `Sessions` has it. */
  session<T>(
    talk: (wire: Wire) => Promise<T>,
    patience: SessionPatience = {},
  ): Promise<T | Unreachable> {
    return this.#sessions.session(talk, patience);
  }

  /** As `Sessions` has it. */
  get wordMs(): number {
    return this.#sessions.wordMs;
  }

  /**
   * Lets so many connections be open at once, though no answer has shown yet that the server bears
   * it, until the next answer.
   */
  widen(limit: number): void {
    this.#sessions.widen(limit);
  }

  /** Ends the connections that nobody has asked for. */
  close(): void {
    this.#sessions.close();
  }

  /**
   * Sends a ClientHello and reads the answer.
   */
  async hello(hello: Hello, options: HelloQuestion = {}): Promise<Answer> {
    const { leave } = this;
    const offer = leave === undefined ? undefined : this.#offer(hello, options);
    const request = offer?.bytes ?? this.encode(hello, options);
    const talk = (wire: Wire): Promise<Answer> =>
      offer === undefined || leave === undefined
        ? converse(wire, request, new FlightReader())
        : converseToEnd(wire, offer, leave);
    const answer = await (options.isOnce === true
      ? this.session(talk, { silenceMs: options.silenceMs })
      : this.exchange(talk));
    this.#learnControl(answer, request);
    return answer;
  }

  /** In TLS 1.3 with a key of each group: the server then needs no second hello. */
  #offer(hello: Hello, options: HelloQuestion): OfferedHello {
    if (hello.version !== 0x0304) return { bytes: this.encode(hello, options), keys: [] };
    const { groups } = inShape(hello, options.shape ?? this.shapeOf(0x0304));
    const keys = generateKeys(groups ?? groupCodes(0x0304));
    const keyShares = keys.map(({ share }) => share);
    return { bytes: this.encode({ ...hello, keyShares }, options), keys };
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
    const common = this.#commonShape;
    return this.#shapes.get(version) ?? (version === 0x0304 ? modernShape(common) : common);
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
   * before, it is asked again what it has answered: so a server that is overrun, or limits rates,
   * does not look like one that says no. What a server that is well said by chance is asked again,
   * too. `talk` may run again on a fresh connection.
   */
  async exchange<T extends object>(talk: (wire: Wire) => Promise<T>): Promise<T | Unreachable> {
    let wasRepeated = false;
    for (let turn = 1; ; turn += 1) {
      const wasAlone = this.#sessions.isIdle;
      const answer = await this.session(talk);
      if (this.#control === undefined || this.isOver) return answer;
      const silence = silenceOf(answer);
      if (silence === undefined && !isPlain(answer)) {
        if (wasRepeated) this.noteMixed();
        return answer;
      }
      if (silence !== undefined) {
        if (this.#silences >= MAX_SILENCES && !this.#isMixed) return answer;
        const mood = await this.#mood(this.#control);
        if (mood === "gone") return this.#sessions.givenUp("the connection ended without a word");
        if (mood === "recovered" || !wasAlone) {
          if (turn >= MAX_TURNS) return answer;
          continue;
        }
      }
      if (wasRepeated) this.#confirmed += 1;
      if (!this.#mayBeChance(turn, silence)) {
        if (this.#isMixed) return this.#sessions.givenUp("it answers differently each time");
        if (silence !== undefined || (await this.#isSteady(this.#control))) {
          this.#hasBelieved = true;
          return answer;
        }
        this.noteMixed();
      }
      wasRepeated = true;
      // Not in step with other questions: where two servers take turns, that would meet the same.
      await this.#sessions.pause(randomInt(OUT_OF_STEP_MS * turn));
    }
  }

  /**
   * Whether what is no TLS was taken for the server's way to say no, by a server that turned out to
   * answer the same differently: what was concluded from it may be wrong. Tells it once.
   */
  takeMisled(): boolean {
    const isMisled = this.#isMixed && this.#hasBelieved;
    this.#hasBelieved = false;
    return isMisled;
  }

  /** Whether the hello that was answered in TLS always is: asked a few times, once a target. */
  #isSteady(control: Uint8Array): Promise<boolean> {
    const ask = async (): Promise<boolean> => {
      for (let turn = 1; turn <= STEADY_ANSWERS; turn += 1) {
        const answer = await this.session((wire) => converse(wire, control, new FlightReader()));
        if (answer.kind === "plain") return false;
        await this.#sessions.pause(randomInt(OUT_OF_STEP_MS));
      }
      return true;
    };
    return (this.#steady ??= ask());
  }

  /** Whether a server that is well may answer the same question otherwise the next time. */
  #mayBeChance(turn: number, silence: WireEnding | undefined): boolean {
    if (this.#isMixed) return turn < MAX_TURNS_MIXED;
    if (silence === "silent" || this.#confirmed >= MAX_CONFIRMED) return false;
    return turn < (silence === undefined ? MAX_TURNS_PLAIN : MAX_TURNS_CLOSED);
  }

  /**
   * The same was answered in TLS and not, as where several servers are behind one port: from now on
   * what is no TLS says nothing.
   */
  noteMixed(): void {
    this.#isMixed = true;
    const how = "in TLS on some connections and not on others";
    this.note("protocol", `the port answers differently: ${how}`, "differs");
  }

  #mood(control: Uint8Array): Promise<"well" | "recovered" | "gone"> {
    this.#sessions.narrow();
    this.#check ??= this.#checkMood(control).finally(() => (this.#check = undefined));
    return this.#check;
  }

  /**
   * How the server takes the hello that it has answered before: well at once, only after a pause,
   * or not any more.
   */
  async #checkMood(control: Uint8Array): Promise<"well" | "recovered" | "gone"> {
    const answers = async (): Promise<boolean> => {
      const answer = await this.#sessions.once((wire) =>
        converse(wire, control, new FlightReader()),
      );
      return answer.kind === "flight" || (this.#isMixed && answer.kind === "plain");
    };
    if (await answers()) {
      this.#silences += 1;
      return "well";
    }
    return (await this.#sessions.comesBack(answers)) ? "recovered" : "gone";
  }

  note(probe: string, error: string, code?: ProbeErrorCode): void {
    // The same trouble with every suite of a version is told once.
    if (
      this.errors.length < MAX_ERRORS &&
      !this.errors.some((known) => known.probe === probe && known.error === error)
    )
      this.errors.push({ probe, error, ...(code === undefined ? {} : { code }) });
  }
}

/** How a connection ended on which nothing was said; undefined where something was. */
function silenceOf(answer: object): WireEnding | undefined {
  const { kind, ending } = answer as { kind?: unknown; ending?: WireEnding };
  return kind === "nothing" ? (ending ?? "closed") : undefined;
}

function isPlain(answer: object): boolean {
  return "kind" in answer && answer.kind === "plain";
}
