import { ByteWriter } from "../../lib/byte-writer.ts";
import { EXTENSION, HEARTBEAT } from "../../tls/client-hello.ts";
import { RECORD } from "../../tls/records.ts";
import type { Wire } from "../wire.ts";
import { afterFlight, record } from "./handshake-probe.ts";
import {
  type Evidence,
  newestOlder,
  NOT_APPLICABLE,
  NOT_VULNERABLE,
  type Verdict,
  type Weakness,
} from "./weakness.ts";

/** CVE-2014-0160, where the server takes heartbeats at all. */
export const HEARTBLEED: Weakness = {
  id: "heartbleed",
  severity: "critical",
  title: "Heartbleed (CVE-2014-0160)",
  explanation: "Anybody can read the server's memory, keys and passwords included.",
  examine,
};

const HEARTBEAT_RECORD = 24;

/**
 * Bytes that a request claims to have and does not, few first: no more memory is read than shows
 * it. While a handshake lasts, OpenSSL 1.0.1 writes through a buffer of 4 KB, which swallows a small
 * answer; the last is what the exploits of 2014 claimed.
 */
const CLAIMS = [32, 4096, 16_384] as const;

/** A sound request's payload: its answer overflows the same buffer, and shows that heartbeats are answered. */
const SOUND_PAYLOAD = 4080;
const PADDING = 16;

async function examine(evidence: Evidence): Promise<Verdict> {
  const protocol = newestOlder(evidence);
  if (protocol === undefined || protocol.version === 0x0300) return NOT_APPLICABLE;
  const asked = protocol.accepted.filter(({ wasAskedAll }) => wasAskedAll);
  const answersHeartbeats = asked.some(({ flight }) =>
    flight.hello?.extensions.has(EXTENSION.heartbeat),
  );
  // Where no hello has offered them yet, the probe's own does.
  if (asked.length > 0 && !answersHeartbeats) return NOT_APPLICABLE;
  const suites = protocol.accepted.map(({ suite }) => suite);
  for (const claim of CLAIMS) {
    const answer = await afterFlight(
      evidence,
      protocol,
      { suites, extensions: [HEARTBEAT] },
      async (wire, flight): Promise<HeartbeatAnswer | undefined> => {
        if (flight.hello?.extensions.has(EXTENSION.heartbeat) !== true) return undefined;
        wire.write(heartbeats(claim, protocol.version));
        return readAnswer(wire, claim);
      },
    );
    if (answer === undefined) return NOT_APPLICABLE;
    if (answer.leaked > 0)
      return {
        kind: "vulnerable",
        evidence: `a heartbeat without content that claimed ${claim} bytes was answered with ${answer.leaked} bytes of memory and padding`,
      };
    if (!answer.hasSpoken)
      return {
        kind: "unknown",
        reason: `the server answered neither a sound heartbeat nor a record that belongs to nothing: ${answer.ending}`,
      };
  }
  return NOT_VULNERABLE;
}

/**
 * A request that claims what it has not, a sound one behind it, and a record that belongs to
 * nothing: whoever drops the first in silence, as it should (RFC 6520 §4), speaks up at one of the
 * others.
 */
function heartbeats(claim: number, version: number): Uint8Array {
  const sound = new ByteWriter()
    .u8(1)
    .u16(SOUND_PAYLOAD)
    .bytes(new Uint8Array(SOUND_PAYLOAD + PADDING))
    .finish();
  return Buffer.concat([
    record(HEARTBEAT_RECORD, version, new ByteWriter().u8(1).u16(claim).finish()),
    record(HEARTBEAT_RECORD, version, sound),
    record(RECORD.applicationData, version, Uint8Array.of(0)),
  ]);
}

interface HeartbeatAnswer {
  /** Bytes that came for the request that had none. */
  readonly leaked: number;
  /** It said something that a server says which has dealt with the request. */
  readonly hasSpoken: boolean;
  readonly ending: string;
}

/** Counts what comes; of a heartbeat's content nothing but its type and length is looked at or kept. */
async function readAnswer(wire: Wire, claim: number): Promise<HeartbeatAnswer> {
  const counter = new RecordCounter();
  for (;;) {
    const bytes = await wire.read();
    if (typeof bytes !== "string") counter.push(bytes);
    const { leaked, hasSpoken, isOver } = counter.state(claim);
    if (typeof bytes === "string") return { leaked, hasSpoken, ending: bytes };
    if (isOver || leaked >= claim) return { leaked, hasSpoken, ending: "answered" };
  }
}

/** A record's header of 5 bytes, and the first 3 of a heartbeat's message. */
const [HEADER_BYTES, MESSAGE_BYTES] = [5, 3];

/** Counts records as they come, in any pieces, and forgets their bodies. */
class RecordCounter {
  readonly #head: number[] = [];
  /** Of the record under way, bytes that have not come yet. */
  #left = 0;
  #type = 0;
  readonly #claims: { readonly claim: number; bytes: number }[] = [];
  #hasAlert = false;

  push(bytes: Uint8Array): void {
    for (const byte of bytes) this.#byte(byte);
  }

  state(claim: number): { leaked: number; hasSpoken: boolean; isOver: boolean } {
    const leak = this.#claims.find((one) => one.claim === claim);
    const isSound = this.#claims.some((one) => one.claim === SOUND_PAYLOAD);
    return {
      leaked: leak?.bytes ?? 0,
      hasSpoken: isSound || this.#hasAlert,
      isOver: this.#hasAlert,
    };
  }

  #byte(byte: number): void {
    if (this.#left === 0) {
      this.#head.push(byte);
      if (this.#head.length < HEADER_BYTES) return;
      const [type = 0, , , high = 0, low = 0] = this.#head.splice(0);
      this.#type = type;
      this.#left = high * 256 + low;
      this.#hasAlert ||= type === RECORD.alert;
      return;
    }
    this.#left -= 1;
    if (this.#type === HEARTBEAT_RECORD) this.#heartbeatByte(byte);
    if (this.#left === 0) this.#head.length = 0;
  }

  #heartbeatByte(byte: number): void {
    if (this.#head.length < MESSAGE_BYTES) {
      this.#head.push(byte);
      const [type, high = 0, low = 0] = this.#head;
      if (this.#head.length === MESSAGE_BYTES && type === 2)
        this.#claims.push({ claim: high * 256 + low, bytes: 0 });
      return;
    }
    const last = this.#claims.at(-1);
    if (last !== undefined) last.bytes += 1;
  }
}
