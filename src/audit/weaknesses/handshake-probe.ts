import { AppError } from "../../lib/errors.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { alertText } from "../../tls/alerts.ts";
import type { Extension } from "../../tls/client-hello.ts";
import { RECORD, RecordReader } from "../../tls/records.ts";
import { type Flight, FlightReader, readFatalAlert } from "../../tls/server-flight.ts";
import { type Answer, converse } from "../connection.ts";
import type { Subject, SubjectProtocol } from "../subject.ts";
import type { Wire } from "../wire.ts";

interface ProbeHello {
  readonly suites: readonly number[];
  readonly extensions?: readonly Extension[];
}

/**
 * Brings a server of TLS 1.2 or older to the end of its first flight and goes on from there. Throws
 * `PEER_HANDSHAKE` when it does not get there.
 */
export async function afterFlight<T>(
  { prober }: Subject,
  { version, name }: SubjectProtocol,
  hello: ProbeHello,
  talk: (wire: Wire, flight: Flight) => Promise<T>,
): Promise<T> {
  const result = await prober.exchange(
    async (
      wire,
    ): Promise<
      | { readonly value: T }
      | { readonly failure: string }
      | Extract<Answer, { kind: "nothing" | "plain" }>
    > => {
      const flight = new FlightReader();
      const answer = await converse(wire, prober.encode({ version, ...hello }), flight);
      if (flight.hello !== undefined && flight.alert === undefined && flight.isDone)
        return { value: await talk(wire, flight) };
      if (answer.kind === "nothing" || answer.kind === "plain") return answer;
      return {
        failure: flight.alert === undefined ? "the handshake ended early" : alertText(flight.alert),
      };
    },
  );
  if ("value" in result) return result.value;
  throw new AppError("PEER_HANDSHAKE", `Cannot probe ${name}: ${failureText(result)}`);
}

/** Why a handshake did not get to where a probe begins. */
export function failureText(
  result:
    | { readonly failure: string }
    | Extract<Answer, { kind: "nothing" | "plain" | "unreachable" }>,
): string {
  if ("failure" in result) return result.failure;
  if (result.kind === "unreachable") return result.reason;
  return result.kind === "nothing" ? "the server said nothing" : "the answer is no TLS";
}

/** One record in plain text. */
export function record(type: number, version: number, body: Uint8Array): Uint8Array {
  return new ByteWriter()
    .u8(type)
    .u16(version)
    .vector(2, (content) => content.bytes(body))
    .finish();
}

/**
 * How a server takes what it was sent: its alert's number, the type of another record, or how the
 * stream ended.
 */
export type Reaction =
  | { readonly kind: "alert"; readonly description: number }
  | { readonly kind: "record"; readonly type: number; readonly body: Uint8Array }
  | { readonly kind: "closed" | "reset" | "silent" };

/**
 * The server's next word after what was just sent. Handshake records that were still under way are
 * passed over. Throws `PEER_TLS` for bytes that are no TLS.
 */
export async function reaction(wire: Wire, silenceMs?: number): Promise<Reaction> {
  const records = new RecordReader();
  for (;;) {
    const bytes = await wire.read(silenceMs);
    if (typeof bytes === "string") return { kind: bytes };
    records.push(bytes);
    for (let next = records.next(); next !== undefined; next = records.next()) {
      if (next.type === RECORD.handshake) continue;
      if (next.type !== RECORD.alert) return { kind: "record", type: next.type, body: next.body };
      // An alert that is not two bytes long is encrypted, and one of its own kind.
      const alert = next.body.length === 2 ? readFatalAlert(next) : { description: ENCRYPTED };
      if (alert !== undefined) return { kind: "alert", description: alert.description };
    }
  }
}

/** Stands for the description of an alert that cannot be read. */
const ENCRYPTED = -1;

/** `alert 20`, `closed`, … */
export function reactionText(reaction: Reaction): string {
  if (reaction.kind === "alert")
    return reaction.description === ENCRYPTED
      ? "an encrypted alert"
      : `alert ${reaction.description}`;
  return reaction.kind === "record" ? `a record of type ${reaction.type}` : reaction.kind;
}
