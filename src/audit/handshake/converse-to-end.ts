import { createHash, createHmac } from "node:crypto";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { MESSAGE, MessageReader, RECORD, RecordReader, type TlsRecord } from "../../tls/records.ts";
import type { FlightReader, ServerHello } from "../../tls/server-flight.ts";
import { type Answer, converse } from "../connection.ts";
import { record } from "../weaknesses/handshake-probe.ts";
import type { Wire } from "../wire.ts";
import {
  expandLabel,
  HandshakeDecryption,
  handshakeSecrets,
  ModernSealing,
} from "./handshake-keys.ts";
import type { OwnKey } from "./key-agreement.ts";
import { TranscriptReader, turnOf } from "./older-handshake.ts";

/** A hello's record, and the private keys of its shares. */
export interface OfferedHello {
  readonly bytes: Uint8Array;
  readonly keys: readonly OwnKey[];
}

/**
 * As `converse`; where the server takes the hello, the handshake is done to its end, `leave` is said
 * inside TLS, and the server's own end is waited for: such a connection is none that was broken off.
 * Marks the wire when it came to that. What cannot be computed here is broken off after all.
 */
export async function converseToEnd(
  wire: Wire,
  hello: OfferedHello,
  leave: Uint8Array,
): Promise<Answer<FlightReader>> {
  const reader = new TranscriptReader();
  const answer = await converse(wire, hello.bytes, reader);
  // Whatever a peer's bytes make it throw: the answer was read before.
  wire.isWhole = await finish(wire, hello, { reader, leave }).catch(() => false);
  return answer;
}

interface Finish {
  readonly reader: TranscriptReader;
  readonly leave: Uint8Array;
}

/** True when the server ended the connection after `leave`. */
async function finish(
  wire: Wire,
  hello: OfferedHello,
  { reader, leave }: Finish,
): Promise<boolean> {
  const { hello: answered, alert } = reader;
  if (answered === undefined || alert !== undefined || answered.compressor !== 0) return false;
  const isLed =
    answered.version === 0x0304
      ? await finishModern(wire, hello, { reader, leave })
      : await finishOlder(wire, hello.bytes, { reader, leave });
  return isLed && hasEnded(wire);
}

async function finishOlder(
  wire: Wire,
  hello: Uint8Array,
  { reader, leave }: Finish,
): Promise<boolean> {
  const turn = turnOf(wire, hello, reader);
  if (turn === undefined) return false;
  const key = turn.key();
  turn.sendKey(key);
  const client = turn.sendFinished(key);
  let isChanged = false;
  for await (const { type, version } of recordsOf(wire)) {
    if (type === RECORD.changeCipherSpec) isChanged = true;
    else if (type !== RECORD.handshake) return false;
    else if (isChanged) {
      const body = client.seal(RECORD.applicationData, leave);
      wire.write(record(RECORD.applicationData, version, body));
      return true;
    }
  }
  return false;
}

async function finishModern(
  wire: Wire,
  { bytes, keys }: OfferedHello,
  { reader, leave }: Finish,
): Promise<boolean> {
  const { suite, group, keyShare } = reader.hello as ServerHello;
  const own = keys.find(({ share }) => share.group === group);
  const [serverHello] = reader.messages;
  if (own === undefined || keyShare === undefined || serverHello === undefined) return false;
  const hellos = [bytes.subarray(5), serverHello];
  const shared = own.agree(keyShare);
  const { protection, client, master } = handshakeSecrets(suite, shared, hellos);
  const flight = await encryptedFlight(
    wire,
    reader,
    new HandshakeDecryption(suite, shared, hellos),
  );
  if (flight === undefined) return false;
  const { hash } = protection;
  const said = [...hellos, ...flight.messages];
  const digestOf = (messages: readonly Uint8Array[]): Buffer =>
    createHash(hash).update(Buffer.concat(messages)).digest();
  const { length } = digestOf([]);
  const certificate = flight.context === undefined ? [] : [noCertificate(flight.context)];
  const finishedKey = expandLabel(hash, client, { label: "finished", length });
  const verified = createHmac(hash, finishedKey)
    .update(digestOf([...said, ...certificate]))
    .digest();
  const finished = message(MESSAGE.finished, verified);
  const traffic = expandLabel(hash, master, {
    label: "c ap traffic",
    context: digestOf(said),
    length,
  });
  wire.write(
    Buffer.concat([
      new ModernSealing(protection, client).seal(
        RECORD.handshake,
        Buffer.concat([...certificate, finished]),
      ),
      new ModernSealing(protection, traffic).seal(RECORD.applicationData, leave),
    ]),
  );
  return true;
}

interface EncryptedFlight {
  readonly messages: readonly Uint8Array[];
  /** Of a CertificateRequest; undefined where none is wanted. */
  readonly context: Uint8Array | undefined;
}

/** The server's messages up to its Finished; undefined where it does not get there. */
async function encryptedFlight(
  wire: Wire,
  { sealed, records }: TranscriptReader,
  decryption: HandshakeDecryption,
): Promise<EncryptedFlight | undefined> {
  const reader = new MessageReader();
  const messages: Uint8Array[] = [];
  let context: Uint8Array | undefined;
  for await (const { type, header, body } of recordsOf(wire, records, sealed)) {
    // It means nothing in TLS 1.3 (RFC 8446 §D.4).
    if (type === RECORD.changeCipherSpec) continue;
    const opened = decryption.open(header, body);
    if (opened.type !== RECORD.handshake) return undefined;
    reader.push(opened.content);
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      messages.push(next.whole.slice());
      if (next.type === MESSAGE.certificateRequest)
        context = next.body.slice(1, 1 + (next.body[0] ?? 0));
      if (next.type === MESSAGE.finished) return { messages, context };
    }
  }
  return undefined;
}

/** An empty list answers a CertificateRequest (RFC 8446 §4.4.2). */
function noCertificate(context: Uint8Array): Uint8Array {
  const body = new ByteWriter()
    .vector(1, (content) => content.bytes(context))
    .vector(3, () => {})
    .finish();
  return message(MESSAGE.certificate, body);
}

function message(type: number, body: Uint8Array): Uint8Array {
  return new ByteWriter()
    .u8(type)
    .vector(3, (content) => content.bytes(body))
    .finish();
}

/** Records that have come, and those that come until the connection ends. */
async function* recordsOf(
  wire: Wire,
  reader = new RecordReader(),
  come: readonly TlsRecord[] = [],
): AsyncGenerator<TlsRecord> {
  yield* come;
  for (;;) {
    for (let next = reader.next(); next !== undefined; next = reader.next()) yield next;
    const bytes = await wire.read();
    if (typeof bytes === "string") return;
    reader.push(bytes);
  }
}

/** Milliseconds that a server has for its last words. */
const LAST_WORDS_MS = 1000;

async function hasEnded(wire: Wire): Promise<boolean> {
  for (;;) {
    const bytes = await wire.read(LAST_WORDS_MS);
    if (typeof bytes === "string") return bytes === "closed";
  }
}
