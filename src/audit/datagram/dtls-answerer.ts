import { randomBytes } from "node:crypto";
import { messageOf } from "../../lib/errors.ts";
import type { DatagramDoor } from "../../ports/datagram.ts";
import type { Alert } from "../../tls/alerts.ts";
import {
  DatagramFlightReader,
  encodeDatagramFarewell,
  encodeDatagramHello,
  type DtlsVersion,
} from "../../tls/dtls.ts";
import type { Answer } from "../connection.ts";
import type { Hello } from "../prober.ts";
import type { DatagramOptions } from "./datagram-options.ts";

/** Asks one DTLS version of a port hello by hello, each in a conversation of its own. */
export class DtlsAnswerer {
  /** Something that is DTLS has come back. */
  hasSpoken = false;
  /** The last fatal one. */
  alert: Alert | undefined;
  readonly #open: () => Promise<DatagramDoor>;
  readonly #version: DtlsVersion;
  readonly #options: DatagramOptions;
  /** The longest that an answer has taken. */
  #slowestMs = 0;

  constructor(open: () => Promise<DatagramDoor>, version: DtlsVersion, options: DatagramOptions) {
    this.#open = open;
    this.#version = version;
    this.#options = options;
  }

  /** The first flight of one handshake, which is then left. */
  async hello(hello: Hello): Promise<Answer> {
    const door = await this.#open();
    try {
      const answer = await this.#converse(door, hello);
      if (answer.kind === "flight") this.alert = answer.flight.alert ?? this.alert;
      return answer;
    } finally {
      door.close();
    }
  }

  /** Shorter once the server is known: many say no by saying nothing. */
  get #silenceMs(): number {
    const { silenceMs } = this.#options;
    return this.hasSpoken
      ? Math.min(silenceMs, Math.max(LEAST_SILENCE_MS, SILENCE_FACTOR * this.#slowestMs))
      : silenceMs;
  }

  /** What was not answered is repeated after 250 ms, 500 ms, … (RFC 6347 §4.2.4). */
  async #converse(door: DatagramDoor, hello: Hello): Promise<Answer> {
    const { serverName, signal } = this.#options;
    const silenceMs = this.#silenceMs;
    const begun = performance.now();
    const whole = { ...hello, random: randomBytes(32), serverName };
    let [cookie, turn, reader] = [new Uint8Array(0), 0, new DatagramFlightReader()];
    let [waited, pause, hasHeard] = [0, FIRST_PAUSE_MS, false];
    const send = (): void => door.send(encodeDatagramHello(this.#version, whole, { cookie, turn }));
    send();
    while (!signal.aborted && waited < silenceMs && turn < MAX_TURNS) {
      const wait = Math.min(pause, silenceMs - waited);
      const answer = await door.receive(wait);
      if (answer === "refused") break;
      if (answer === "silent") {
        waited += wait;
        pause *= 2;
        turn += 1;
        if (waited < silenceMs) send();
        continue;
      }
      try {
        reader.push(answer);
      } catch (thrown) {
        if (!hasHeard) return { kind: "plain", bytes: answer };
        return { kind: "flight", flight: reader, ending: "done", fault: messageOf(thrown) };
      }
      if (!this.hasSpoken) this.#options.onSpoken?.();
      [this.hasSpoken, hasHeard] = [true, true];
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - begun);
      if (!reader.isDone) continue;
      if (reader.cookie === undefined || cookie.length > 0) break;
      cookie = new Uint8Array(reader.cookie);
      turn += 1;
      reader = new DatagramFlightReader();
      send();
    }
    if (!hasHeard) return { kind: "nothing", ending: "silent" };
    // Only where a handshake is under way: some servers choke on an alert that belongs to none.
    if (reader.hello !== undefined) door.send(encodeDatagramFarewell(turn + 1));
    const fault = reader.isDone ? {} : { fault: "the server's flight did not come whole" };
    return { kind: "flight", flight: reader, ending: reader.isDone ? "done" : "silent", ...fault };
  }
}

const FIRST_PAUSE_MS = 250;

/** Long enough for one datagram that is lost and sent again. */
const LEAST_SILENCE_MS = 600;
const SILENCE_FACTOR = 8;

/** Records of ours in one conversation: a cookie and the repetitions. */
const MAX_TURNS = 12;
