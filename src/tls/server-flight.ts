import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import type { Alert } from "./alerts.ts";
import { EXTENSION } from "./client-hello.ts";
import {
  MESSAGE,
  MessageReader,
  RECORD,
  RecordReader,
  type HandshakeMessage,
  type TlsRecord,
} from "./records.ts";

/**
 * A ServerHello or HelloRetryRequest (RFC 8446 §4.1.3). `version` is that of supported_versions
 * where it is there, else the legacy field.
 */
export interface ServerHello {
  readonly version: number;
  readonly suite: number;
  readonly compressor: number;
  readonly isRetryRequest: boolean;
  /** The group that TLS 1.3 picked, in key_share or in the HelloRetryRequest. */
  readonly group: number | undefined;
  /** The server's public key in TLS 1.3; undefined in a HelloRetryRequest. */
  readonly keyShare: Uint8Array | undefined;
  readonly sessionId: Uint8Array;
  /** Bodies of the extensions by type, in the server's order. */
  readonly extensions: ReadonlyMap<number, Uint8Array>;
}

/** What a server has answered to a ClientHello so far. */
export interface Flight {
  readonly hello: ServerHello | undefined;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  /** The ServerKeyExchange's body: what is in it depends on the suite, see `readServerKey`. */
  readonly keyExchange: Uint8Array | undefined;
  /** The OCSP response of a CertificateStatus (RFC 6066 §8), DER. */
  readonly ocspResponse: Uint8Array | undefined;
  /** A fatal alert ends the flight; warnings are read over. */
  readonly alert: Alert | undefined;
  readonly wantsClientCertificate: boolean;
}

/**
 * A HelloRetryRequest is a ServerHello with this random (RFC 8446 §4.1.3): SHA-256 of
 * "HelloRetryRequest".
 */
const RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";

/** Certificates of one flight that are kept: no real chain is longer. */
const MAX_CERTIFICATES = 32;

/**
 * Reads a server's first flight as it comes, in any pieces. Throws `PEER_TLS` for bytes that are no
 * TLS, and for too many of them.
 */
export class FlightReader implements Flight {
  hello: ServerHello | undefined;
  certificates: readonly Uint8Array[] = [];
  keyExchange: Uint8Array | undefined;
  ocspResponse: Uint8Array | undefined;
  alert: Alert | undefined;
  wantsClientCertificate = false;
  isDone = false;
  readonly #records = new RecordReader();
  readonly #messages = new MessageReader();

  push(bytes: Uint8Array): void {
    this.#records.push(bytes);
    while (!this.isDone) {
      const record = this.#records.next();
      if (record === undefined) return;
      this.#record(record);
    }
  }

  #record(record: TlsRecord): void {
    if (record.type === RECORD.alert) {
      this.alert = readFatalAlert(record);
      this.isDone = this.alert !== undefined;
    } else if (record.type === RECORD.handshake) {
      this.#messages.push(record.body);
      for (
        let message = this.#messages.next();
        message !== undefined && !this.isDone;
        message = this.#messages.next()
      )
        this.#message(message);
    } else if (record.type === RECORD.applicationData) {
      // Everything from here on is encrypted: nothing more to learn.
      this.isDone = true;
    }
  }

  #message({ type, body }: HandshakeMessage): void {
    switch (type) {
      case MESSAGE.clientHello:
        throw new AppError("PEER_TLS", "Cannot read the server's flight: it is a client's");
      case MESSAGE.serverHello:
        this.hello = readServerHello(body);
        if (this.hello.version === 0x0304) this.isDone = true;
        break;
      case MESSAGE.certificate:
        this.certificates = readCertificates(new ByteReader(body, "PEER_TLS"));
        break;
      case MESSAGE.serverKeyExchange:
        this.keyExchange = body;
        break;
      case MESSAGE.certificateStatus:
        this.ocspResponse = readCertificateStatus(body);
        break;
      case MESSAGE.certificateRequest:
        this.wantsClientCertificate = true;
        break;
      case MESSAGE.serverHelloDone:
        this.isDone = true;
        break;
    }
  }
}

/**
 * A record's alert when it is fatal; warnings such as unrecognized_name may come before the
 * ServerHello. Throws `PEER_TLS`.
 */
export function readFatalAlert({ version, body }: TlsRecord): Alert | undefined {
  const reader = new ByteReader(body, "PEER_TLS");
  const [level, description] = [reader.u8("alert level"), reader.u8("alert description")];
  return level === 1 && description !== 0
    ? undefined
    : { level, description, recordVersion: version };
}

/** The body of a ServerHello or HelloRetryRequest (RFC 8446 §4.1.3). Throws `PEER_TLS`. */
export function readServerHello(body: Uint8Array): ServerHello {
  const reader = new ByteReader(body, "PEER_TLS");
  const legacy = reader.u16("server version");
  if (legacy >>> 8 !== 3)
    throw new AppError(
      "PEER_TLS",
      `Cannot read ServerHello: version 0x${legacy.toString(16)} is none of TLS`,
    );
  const isRetryRequest = hex(reader.take(32, "server random")) === RETRY_RANDOM;
  const sessionId = reader.take(reader.u8("session id length"), "session id").slice();
  const [suite, compressor] = [reader.u16("cipher suite"), reader.u8("compression method")];
  const bodies = new Map<number, Uint8Array>();
  let [version, group, keyShare]: [number, number | undefined, Uint8Array | undefined] = [
    legacy,
    undefined,
    undefined,
  ];
  const extensions = reader.sub(
    reader.left === 0 ? 0 : reader.u16("extensions length"),
    "extensions",
  );
  while (extensions.left > 0) {
    const type = extensions.u16("extension type");
    const bytes = extensions.take(extensions.u16("extension length"), "extension").slice();
    const extension = new ByteReader(bytes, "PEER_TLS");
    bodies.set(type, bytes);
    if (type === EXTENSION.supportedVersions) version = extension.u16("selected version");
    if (type === EXTENSION.keyShare) {
      group = extension.u16("selected group");
      if (!isRetryRequest) keyShare = extension.take(extension.u16("key length"), "key share");
    }
  }
  return {
    version,
    suite,
    compressor,
    isRetryRequest,
    group,
    keyShare,
    sessionId,
    extensions: bodies,
  };
}

/**
 * The response in a CertificateStatus; undefined for a kind that is not OCSP. Throws `PEER_TLS`.
 */
export function readCertificateStatus(body: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(body, "PEER_TLS");
  return reader.u8("status type") === 1
    ? reader.take(reader.u24("OCSP response length"), "OCSP response").slice()
    : undefined;
}

/** The certificates of a Certificate message up to TLS 1.2, leaf first. Throws `PEER_TLS`. */
export function readCertificates(reader: ByteReader): Uint8Array[] {
  const list = reader.sub(reader.u24("certificates length"), "certificates");
  const certificates: Uint8Array[] = [];
  while (list.left > 0 && certificates.length < MAX_CERTIFICATES)
    certificates.push(list.take(list.u24("certificate length"), "certificate").slice());
  return certificates;
}

/**
 * What a Certificate message of TLS 1.3 has: the chain, and the extensions of its leaf (RFC 8446
 * §4.4.2).
 */
export interface ModernCertificateMessage {
  readonly certificates: readonly Uint8Array[];
  readonly ocspResponse: Uint8Array | undefined;
  /** Body of signed_certificate_timestamp. */
  readonly sctList: Uint8Array | undefined;
}

/** Reads it. Throws `PEER_TLS`. */
export function readModernCertificates(reader: ByteReader): ModernCertificateMessage {
  reader.sub(reader.u8("certificate context length"), "certificate context");
  const list = reader.sub(reader.u24("certificates length"), "certificates");
  const certificates: Uint8Array[] = [];
  let [ocspResponse, sctList]: [Uint8Array | undefined, Uint8Array | undefined] = [
    undefined,
    undefined,
  ];
  while (list.left > 0 && certificates.length < MAX_CERTIFICATES) {
    certificates.push(list.take(list.u24("certificate length"), "certificate").slice());
    const extensions = list.sub(
      list.u16("certificate extensions length"),
      "certificate extensions",
    );
    while (extensions.left > 0) {
      const type = extensions.u16("extension type");
      const body = extensions.take(extensions.u16("extension length"), "extension").slice();
      if (certificates.length > 1) continue;
      if (type === EXTENSION.statusRequest) ocspResponse = readCertificateStatus(body);
      if (type === EXTENSION.signedCertificateTimestamp) sctList = body;
    }
  }
  return { certificates, ocspResponse, sctList };
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
