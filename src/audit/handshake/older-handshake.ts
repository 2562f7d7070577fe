import { constants, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import { AppError } from "../../lib/errors.ts";
import { ByteReader } from "../../lib/byte-reader.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { cipherSuite } from "../../tls/cipher-suites.ts";
import { EXTENSION } from "../../tls/client-hello.ts";
import { MESSAGE, MessageReader, RECORD, RecordReader, type TlsRecord } from "../../tls/records.ts";
import { FlightReader } from "../../tls/server-flight.ts";
import { readServerKey } from "../../tls/server-key.ts";
import { readX509 } from "../../tls/x509.ts";
import { type Answer, type AnswerReader, converse } from "../connection.ts";
import type { Subject, SubjectProtocol } from "../subject.ts";
import { failureText, record } from "../weaknesses/handshake-probe.ts";
import type { Wire } from "../wire.ts";
import { generateKey, keyInField } from "./key-agreement.ts";
import { OlderClient, olderProtection, type OlderProtection, type Padding } from "./older-keys.ts";

/** The client's key: what goes into ClientKeyExchange, and what both sides then share. */
export interface ClientKey {
  readonly exchange: Uint8Array;
  readonly premaster: Uint8Array;
}

/**
 * A handshake of TLS 1.0 to 1.2 that has come to the client's turn, for probes that do their part
 * wrong on purpose. Nothing is verified.
 */
export interface ClientsTurn {
  readonly wire: Wire;
  readonly wantsClientCertificate: boolean;
  /** The code of the group of the server's elliptic key. Throws `PEER_TLS` where there is none. */
  readonly group: number;
  /** A sound key for this server. */
  key(): ClientKey;
  /** Sends Certificate where one is wanted, and ClientKeyExchange. */
  sendKey(key: ClientKey): void;
  /** Sends ChangeCipherSpec and Finished; after `sendKey`. Gives what encrypts further records. */
  sendFinished(key: ClientKey, padding?: Padding): OlderClient;
}

/** Suites of a version with which handshakes can be done here. */
export function computableSuites(
  { accepted }: SubjectProtocol,
  isMeant: (protection: OlderProtection) => boolean,
): readonly number[] {
  return accepted
    .map(({ suite }) => suite)
    .filter((suite) => {
      const protection = olderProtection(suite);
      return protection !== undefined && isMeant(protection);
    });
}

interface TurnOptions {
  readonly suites: readonly number[];
  /** The groups to offer; all that can be computed when left out. */
  readonly groups?: readonly number[];
}

const [CERTIFICATE, CLIENT_KEY_EXCHANGE] = [11, 16];
const COMPUTED = [23, 29, 24, 25, 30];

/**
 * Brings a connection to the client's turn and gives it to `act`. Rejects with `PEER_HANDSHAKE`
 * when the server does not get there.
 */
export async function atClientsTurn<T>(
  { prober }: Subject,
  { version, name }: SubjectProtocol,
  { suites, groups = COMPUTED }: TurnOptions,
  act: (turn: ClientsTurn) => Promise<T>,
): Promise<T> {
  const hello = prober.encode({ version, suites, groups });
  const result = await prober.exchange(
    async (
      wire,
    ): Promise<
      | { readonly value: T }
      | { readonly failure: string }
      | Extract<Answer, { kind: "nothing" | "plain" }>
    > => {
      const reader = new TranscriptReader();
      const answer = await converse(wire, hello, reader);
      if (answer.kind === "nothing" || answer.kind === "plain") return answer;
      const turn = turnOf(wire, hello, reader);
      return turn === undefined
        ? { failure: "the handshake ended early" }
        : { value: await act(turn) };
    },
  );
  if ("value" in result) return result.value;
  throw new AppError("PEER_HANDSHAKE", `Cannot probe ${name}: ${failureText(result)}`);
}

/**
 * The client's turn behind a server's flight; undefined where that has not come to its end, or the
 * suite is none that is computed here.
 */
export function turnOf(
  wire: Wire,
  hello: Uint8Array,
  reader: TranscriptReader,
): ClientsTurn | undefined {
  const { version, suite } = reader.hello ?? {};
  const protection = suite === undefined ? undefined : olderProtection(suite);
  if (version === undefined || protection === undefined) return undefined;
  if (!reader.isDone || reader.alert !== undefined) return undefined;
  return new Turn({
    wire,
    version,
    reader,
    protection,
    // Behind the headers of record and message, and the version.
    clientRandom: hello.subarray(11, 43),
    transcript: [hello.subarray(5), ...reader.messages],
  });
}

/** A server's flight with its messages as they stood. */
export class TranscriptReader extends FlightReader implements AnswerReader {
  readonly messages: Uint8Array[] = [];
  /** What came behind the ServerHello of TLS 1.3, as far as it came. */
  readonly sealed: TlsRecord[] = [];
  readonly records = new RecordReader();
  readonly #reader = new MessageReader();

  override push(bytes: Uint8Array): void {
    super.push(bytes);
    // Behind its alert a server may say in its own protocol what was wrong (MariaDB).
    if (this.alert !== undefined) return;
    this.records.push(bytes);
    for (let one = this.records.next(); one !== undefined; one = this.records.next()) {
      if (one.type === RECORD.applicationData)
        this.sealed.push({ ...one, body: one.body.slice(), header: one.header.slice() });
      if (one.type !== RECORD.handshake) continue;
      this.#reader.push(one.body);
      for (let message = this.#reader.next(); message !== undefined; message = this.#reader.next())
        this.messages.push(message.whole.slice());
    }
  }

  /** The random of the ServerHello: after its type, length and version. */
  get random(): Uint8Array {
    return (
      this.messages.find(([type]) => type === MESSAGE.serverHello)?.subarray(6, 38) ??
      new Uint8Array(32)
    );
  }
}

interface TurnState {
  readonly wire: Wire;
  readonly version: number;
  readonly reader: TranscriptReader;
  readonly protection: OlderProtection;
  readonly clientRandom: Uint8Array;
  readonly transcript: Uint8Array[];
}

class Turn implements ClientsTurn {
  readonly #state: TurnState;

  constructor(state: TurnState) {
    this.#state = state;
  }

  get wire(): Wire {
    return this.#state.wire;
  }

  get wantsClientCertificate(): boolean {
    return this.#state.reader.wantsClientCertificate;
  }

  get group(): number {
    return serversPoint(this.#state.reader).group;
  }

  key(): ClientKey {
    const { reader, protection, version } = this.#state;
    if (protection.keyExchange === "RSA") return rsaKey(reader, version);
    return protection.keyExchange === "DHE_RSA" ? finiteKey(reader) : ellipticKey(reader);
  }

  sendKey({ exchange }: ClientKey): void {
    const { wire, version, transcript } = this.#state;
    const messages = this.wantsClientCertificate
      ? [message(CERTIFICATE, Uint8Array.of(0, 0, 0))]
      : [];
    messages.push(message(CLIENT_KEY_EXCHANGE, exchange));
    transcript.push(...messages);
    wire.write(record(RECORD.handshake, version, Buffer.concat(messages)));
  }

  sendFinished({ premaster }: ClientKey, padding: Padding = "right"): OlderClient {
    const { wire, version, reader, protection, clientRandom, transcript } = this.#state;
    const client = new OlderClient({
      version,
      protection,
      premaster,
      clientRandom,
      serverRandom: reader.random,
      transcript: Buffer.concat(transcript),
      hasExtendedMaster: reader.hello?.extensions.has(EXTENSION.extendedMasterSecret) === true,
      encryptsThenMacs: reader.hello?.extensions.has(EXTENSION.encryptThenMac) === true,
    });
    wire.write(
      Buffer.concat([
        record(RECORD.changeCipherSpec, version, Uint8Array.of(1)),
        record(RECORD.handshake, version, client.finished(padding)),
      ]),
    );
    return client;
  }
}

function message(type: number, body: Uint8Array): Uint8Array {
  return new ByteWriter()
    .u8(type)
    .vector(3, (content) => content.bytes(body))
    .finish();
}

function rsaKey({ certificates: [leaf] }: FlightReader, version: number): ClientKey {
  if (leaf === undefined)
    throw new AppError("PEER_HANDSHAKE", "Cannot wrap a secret: the server showed no certificate");
  const premaster = Buffer.concat([Uint8Array.of(version >>> 8, version & 0xff), randomBytes(46)]);
  const key = createPublicKey({
    key: Buffer.from(readX509(leaf).publicKeyInfo),
    format: "der",
    type: "spki",
  });
  const wrapped = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, premaster);
  return {
    exchange: new ByteWriter().vector(2, (content) => content.bytes(wrapped)).finish(),
    premaster,
  };
}

function ellipticKey(reader: FlightReader): ClientKey {
  const { group, point } = serversPoint(reader);
  const own = generateKey([group]);
  if (own === undefined)
    throw new AppError(
      "PEER_HANDSHAKE",
      `Cannot agree on a key: group ${group} cannot be computed here`,
    );
  return {
    exchange: new ByteWriter().vector(1, (content) => content.bytes(own.share.key)).finish(),
    premaster: own.agree(point),
  };
}

/** The longest prime that is computed with; no server has a longer one. */
const MAX_PRIME_BYTES = 1024;

/** In the field that the server names (RFC 5246 §7.4.3). */
function finiteKey({ keyExchange = new Uint8Array(0) }: FlightReader): ClientKey {
  const reader = new ByteReader(keyExchange, "PEER_TLS");
  const [prime, generator, theirs] = ["prime", "generator", "public value"].map((name) =>
    reader.take(reader.u16(`${name} length`), name),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  if (prime.length > MAX_PRIME_BYTES || prime.every((byte) => byte === 0))
    throw new AppError("PEER_HANDSHAKE", "Cannot agree on a key: the server's prime is none");
  const own = keyInField(prime, generator);
  const shared = own.agree(theirs);
  return {
    exchange: new ByteWriter().vector(2, (content) => content.bytes(own.share)).finish(),
    // Without its leading zeros (RFC 5246 §8.1.2).
    premaster: shared.subarray(
      Math.max(
        0,
        shared.findIndex((byte) => byte !== 0),
      ),
    ),
  };
}

/** The group and the public point of a ServerKeyExchange. Throws `PEER_TLS` for a broken one. */
function serversPoint({ hello, keyExchange }: FlightReader): {
  readonly group: number;
  readonly point: Uint8Array;
} {
  const key =
    keyExchange === undefined || hello === undefined
      ? undefined
      : readServerKey(keyExchange, cipherSuite(hello.suite));
  if (key?.kind !== "ec" || keyExchange === undefined)
    throw new AppError("PEER_TLS", "Cannot read the server's key: it names no curve");
  // Behind the curve's type and name.
  const rest = new ByteReader(keyExchange.subarray(3), "PEER_TLS");
  return { group: key.group, point: rest.take(rest.u8("point length"), "point") };
}
