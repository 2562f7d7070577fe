import { randomBytes } from "node:crypto";
import { AppError } from "../../lib/errors.ts";
import { ByteReader } from "../../lib/byte-reader.ts";
import { alpnExtension, encodeClientHello } from "../../tls/client-hello.ts";
import {
  CLOSE_FRAME,
  encodeAckFrame,
  encodeCryptoFrame,
  encodeTransportParameters,
  type LongPacket,
  MIN_DATAGRAM_BYTES,
  PING_FRAME,
  type QuicFrame,
  type QuicVersion,
  readLongPackets,
  readQuicFrames,
} from "../../tls/quic.ts";
import {
  type HandshakeMessage,
  MAX_FLIGHT_BYTES,
  MESSAGE,
  MessageReader,
} from "../../tls/records.ts";
import {
  readModernCertificates,
  readServerHello,
  type ServerHello,
} from "../../tls/server-flight.ts";
import { handshakeSecrets } from "../handshake/handshake-keys.ts";
import { readAlpn } from "../handshake/modern-certificates.ts";
import type { OwnKey } from "../handshake/key-agreement.ts";
import { initialProtection, QuicProtection } from "./quic-protection.ts";

/** Suites of QUIC that we can read (RFC 9001 §5.3). */
export const QUIC_SUITES: readonly number[] = [0x1301, 0x1302, 0x1303, 0x1304];

/** IANA "TLS ALPN Protocol IDs": those that are spoken over QUIC. */
const QUIC_ALPN = [
  "h3",
  "h3-29",
  "doq",
  "hq-interop",
  "hq-29",
  "smb",
  "masque",
  "webtransport",
  "perf",
  "mqtt",
  "ssh",
];

/** Where connection errors that are TLS alerts begin (RFC 9001 §4.8). */
const CRYPTO_ERROR = 0x100;

/** Pieces of a flight that wait for what comes before them. */
const MAX_WAITING_PIECES = 64;

/** Packet numbers that are acknowledged; a flight has about ten packets. */
const MAX_RECEIVED = 256;

/**
 * What the ClientHello of a `QuicHandshake` offers: one version, one key share, and all groups by
 * their IANA codes.
 */
export interface QuicHello {
  readonly version: QuicVersion;
  readonly serverName: string | undefined;
  readonly key: OwnKey;
  /** All groups that the server may ask for instead. */
  readonly groups: readonly number[];
  /** Those of `QUIC_SUITES` when left out. */
  readonly suites?: readonly number[];
  /** Nothing behind the ServerHello is wanted. */
  readonly isHelloOnly?: boolean;
}

/**
 * The client's side of one QUIC handshake up to the server's CertificateVerify: datagrams in,
 * datagrams out. Nothing is verified. `push` throws `PEER_TLS` for what
 * breaks the protocol; packets that cannot be opened are ignored, as RFC 9000 §12.2 wants.
 */
export class QuicHandshake {
  /** A ServerHello or HelloRetryRequest. */
  hello: ServerHello | undefined;
  alpn: string | undefined;
  certificates: readonly Uint8Array[] = [];
  /** How the server ended the connection. */
  close: { readonly alert: number | undefined; readonly text: string } | undefined;
  isDone = false;
  readonly #version: QuicVersion;
  readonly #source = randomBytes(8);
  readonly #hello: Uint8Array;
  readonly #key: OwnKey;
  #destination: Uint8Array = randomBytes(8);
  #token: Uint8Array = new Uint8Array(0);
  #initial: Level;
  #handshake: Level | undefined;
  #hasHeard = false;
  readonly #isHelloOnly: boolean;

  constructor({
    version,
    serverName,
    key,
    groups,
    suites = QUIC_SUITES,
    isHelloOnly = false,
  }: QuicHello) {
    this.#isHelloOnly = isHelloOnly;
    this.#version = version;
    this.#key = key;
    const parameters = {
      type: version.parametersExtension,
      body: encodeTransportParameters(this.#source),
    };
    const record = encodeClientHello({
      version: 0x0304,
      suites,
      random: randomBytes(32),
      serverName,
      groups,
      keyShares: [key.share],
      extensions: [alpnExtension(QUIC_ALPN), parameters],
    });
    this.#hello = record.subarray(5);
    this.#initial = this.#newInitial();
  }

  /** The group of a HelloRetryRequest: to be asked anew with a key of it. */
  get retryGroup(): number | undefined {
    return this.hello?.isRetryRequest === true ? this.hello.group : undefined;
  }

  /** Something that could be opened has come. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** Takes a datagram; true when it brought something new that wants an answer. */
  push(datagram: Uint8Array): boolean {
    let isNew = false;
    for (const packet of readLongPackets(datagram, this.#version))
      isNew = this.#packet(packet) || isNew;
    return isNew;
  }

  /**
   * What is to be sent now: the hello as long as nothing came, then acknowledgements, which also
   * prove our address so that the server goes on.
   */
  next(): Uint8Array {
    if (!this.#hasHeard) return this.#datagram([encodeCryptoFrame(this.#hello)], []);
    const handshake = this.#handshake?.received.size ?? 0;
    return this.#datagram(
      acknowledged(this.#initial),
      handshake > 0 ? acknowledged(this.#handshake) : [PING_FRAME],
    );
  }

  /** Ends the connection on the server's side. */
  farewell(): Uint8Array {
    return this.#datagram([CLOSE_FRAME], [CLOSE_FRAME]);
  }

  #newInitial(): Level {
    const { client, server } = initialProtection(this.#version, this.#destination);
    return new Level(client, server);
  }

  #packet(packet: LongPacket): boolean {
    if (packet.kind === "retry") return this.#retry(packet.source, packet.token);
    const level = packet.kind === "initial" ? this.#initial : this.#handshake;
    const opened = level === undefined ? undefined : openOrIgnore(level, packet);
    if (
      level === undefined ||
      opened === undefined ||
      level.received.has(opened.number) ||
      level.received.size >= MAX_RECEIVED
    )
      return false;
    // From its first packet on the server is called by the id that it chose (RFC 9000 §7.2).
    if (!this.#hasHeard) this.#destination = packet.source;
    this.#hasHeard = true;
    level.received.add(opened.number);
    const frames = readQuicFrames(opened.payload);
    for (const frame of frames) this.#frame(level, frame);
    return frames.length > 0;
  }

  /** The server wants its token back (RFC 9000 §17.2.5), once. */
  #retry(source: Uint8Array, token: Uint8Array): boolean {
    if (this.#hasHeard || this.#token.length > 0 || token.length === 0) return false;
    this.#destination = source;
    this.#token = token;
    this.#initial = this.#newInitial();
    return true;
  }

  #frame(level: Level, frame: QuicFrame): void {
    if (frame.kind === "close") {
      const alert =
        frame.code >= CRYPTO_ERROR && frame.code < CRYPTO_ERROR + 256
          ? frame.code - CRYPTO_ERROR
          : undefined;
      this.close ??= {
        alert,
        text: `error 0x${frame.code.toString(16)}${frame.reason === "" ? "" : `: ${frame.reason}`}`,
      };
      this.isDone = true;
    }
    if (frame.kind !== "crypto") return;
    level.stream.push(frame.offset, frame.bytes);
    for (
      let message = level.stream.next();
      message !== undefined && !this.isDone;
      message = level.stream.next()
    )
      this.#message(message);
  }

  #message({ type, body, whole }: HandshakeMessage): void {
    if (type === MESSAGE.serverHello) this.#serverHello(body, whole);
    else if (type === MESSAGE.encryptedExtensions)
      this.alpn = readAlpn(new ByteReader(body, "PEER_TLS"));
    else if (type === MESSAGE.certificate)
      this.certificates = readModernCertificates(new ByteReader(body, "PEER_TLS")).certificates;
    else if (type === MESSAGE.certificateVerify) this.isDone = true;
  }

  #serverHello(body: Uint8Array, whole: Uint8Array): void {
    const hello = readServerHello(body);
    this.hello = hello;
    this.isDone = hello.isRetryRequest || this.#isHelloOnly;
    if (this.isDone) return;
    if (hello.group !== this.#key.share.group || hello.keyShare === undefined)
      throw new AppError("PEER_TLS", "Cannot read the handshake: the server took no key of ours");
    const { protection, client, server } = handshakeSecrets(
      hello.suite,
      this.#key.agree(hello.keyShare),
      [this.#hello, whole],
    );
    this.#handshake = new Level(
      new QuicProtection(this.#version, protection, client),
      new QuicProtection(this.#version, protection, server),
    );
  }

  /**
   * A datagram with these frames: every one with an Initial packet is filled to the size that RFC
   * 9000 §14.1 wants.
   */
  #datagram(
    initialFrames: readonly Uint8Array[],
    handshakeFrames: readonly Uint8Array[],
  ): Uint8Array {
    const { types } = this.#version;
    const ids = { destination: this.#destination, source: this.#source };
    const behind =
      this.#handshake?.seal(
        { ...ids, type: types.handshake, token: undefined },
        Buffer.concat(handshakeFrames),
      ) ?? new Uint8Array(0);
    const frames = Buffer.concat(initialFrames);
    const overhead =
      INITIAL_OVERHEAD + this.#destination.length + this.#source.length + this.#token.length;
    const padding = Math.max(0, MIN_DATAGRAM_BYTES - overhead - frames.length - behind.length);
    const front = this.#initial.seal(
      { ...ids, type: types.initial, token: this.#token },
      Buffer.concat([frames, new Uint8Array(padding)]),
    );
    return Buffer.concat([front, behind]);
  }
}

/**
 * The least that an Initial packet has around ids, token and payload: its first byte and version,
 * lengths, number and tag.
 */
const INITIAL_OVERHEAD = 1 + 4 + 1 + 1 + 1 + 2 + 4 + 16;

/** Keys, packet numbers and CRYPTO stream of one encryption level. */
class Level {
  readonly received = new Set<number>();
  readonly stream = new CryptoStream();
  readonly #ours: QuicProtection;
  readonly #theirs: QuicProtection;
  #sent = 0;

  constructor(ours: QuicProtection, theirs: QuicProtection) {
    this.#ours = ours;
    this.#theirs = theirs;
  }

  seal(
    head: {
      type: number;
      destination: Uint8Array;
      source: Uint8Array;
      token: Uint8Array | undefined;
    },
    payload: Uint8Array,
  ): Uint8Array {
    return this.#ours.seal({ ...head, number: this.#sent++, payload });
  }

  open(packet: Extract<LongPacket, { whole: Uint8Array }>): {
    readonly number: number;
    readonly payload: Uint8Array;
  } {
    return this.#theirs.open(packet);
  }
}

function openOrIgnore(
  level: Level,
  packet: Extract<LongPacket, { whole: Uint8Array }>,
): ReturnType<Level["open"]> | undefined {
  try {
    return level.open(packet);
  } catch {
    // Of other keys, or changed on its way: it counts as not arrived (RFC 9001 §5.5).
    return undefined;
  }
}

function acknowledged(level: Level | undefined): readonly Uint8Array[] {
  return level === undefined || level.received.size === 0
    ? [PING_FRAME]
    : [encodeAckFrame(level.received)];
}

/** Puts the pieces of a CRYPTO stream into their order, bounded in bytes and pieces. */
class CryptoStream {
  readonly #messages = new MessageReader();
  #waiting: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #read = 0;

  push(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > MAX_FLIGHT_BYTES)
      throw new AppError(
        "PEER_TLS",
        `Cannot read the server's handshake: it is over ${MAX_FLIGHT_BYTES} bytes`,
      );
    if (offset > this.#read) {
      if (this.#waiting.length >= MAX_WAITING_PIECES)
        throw new AppError(
          "PEER_TLS",
          `Cannot read the server's handshake: over ${MAX_WAITING_PIECES} pieces are out of order`,
        );
      this.#waiting.push({ offset, bytes });
      return;
    }
    this.#take(offset, bytes);
    for (let next = this.#ready(); next !== undefined; next = this.#ready())
      this.#take(next.offset, next.bytes);
  }

  next(): HandshakeMessage | undefined {
    return this.#messages.next();
  }

  #take(offset: number, bytes: Uint8Array): void {
    const fresh = bytes.subarray(this.#read - offset);
    this.#messages.push(fresh.slice());
    this.#read += fresh.length;
  }

  #ready(): { readonly offset: number; readonly bytes: Uint8Array } | undefined {
    this.#waiting = this.#waiting.filter(({ offset, bytes }) => offset + bytes.length > this.#read);
    return this.#waiting.find(({ offset }) => offset <= this.#read);
  }
}
