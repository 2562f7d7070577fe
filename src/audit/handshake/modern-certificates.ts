import { AppError } from "../../lib/errors.ts";
import { ByteReader } from "../../lib/byte-reader.ts";
import { type Alert, alertText } from "../../tls/alerts.ts";
import { alpnExtension, EXTENSION, PROOFS } from "../../tls/client-hello.ts";
import {
  MESSAGE,
  MessageReader,
  RECORD,
  RecordReader,
  type HandshakeMessage,
  type TlsRecord,
} from "../../tls/records.ts";
import {
  type ModernCertificateMessage,
  readFatalAlert,
  readModernCertificates,
  readServerHello,
  type ServerHello,
} from "../../tls/server-flight.ts";
import { SCHEME_CODES } from "../../tls/signature-schemes.ts";
import { ALPN_PROTOCOLS } from "../abilities.ts";
import type { AnswerReader } from "../connection.ts";
import type { Prober } from "../prober.ts";
import { wantsName } from "../wants-name.ts";
import { HandshakeDecryption, PROTECTIONS } from "./handshake-keys.ts";
import { COMPUTED_GROUPS, generateKey, type OwnKey } from "./key-agreement.ts";

/** What a TLS 1.3 server says under encryption. */
export interface ModernFacts {
  /** What it showed, with the code of the scheme that it signed that handshake with. */
  readonly messages: readonly SignedMessage[];
  /** Codes of the schemes that it signs with, in the order in which it picked them. */
  readonly schemes: readonly number[];
  /** In its order; empty when it took none of those that it was offered. */
  readonly alpn: readonly string[];
  readonly wantsClientCertificate: boolean;
}

/** A Certificate message, and how the handshake was signed with its leaf's key. */
export type SignedMessage = ModernCertificateMessage & { readonly scheme: number | undefined };

interface ModernOptions {
  /** Codes of the groups that the server takes. */
  readonly groups: readonly number[];
  /**
   * Asks for application protocols, too: where an older version is spoken, that costs less there.
   */
  readonly asksAlpn: boolean;
}

/**
 * Certificates, signature schemes and application protocols of a TLS 1.3 server: it encrypts them,
 * so a key exchange is done for each question, and the
 * handshake is left as soon as the answer is read. Nothing is verified. Undefined when nothing
 * could be read; the prober's errors then say why.
 */
export async function modernFacts(
  prober: Prober,
  { groups, asksAlpn }: ModernOptions,
): Promise<ModernFacts | undefined> {
  const known = COMPUTED_GROUPS.filter((code) => groups.length === 0 || groups.includes(code));
  const first = await ask(prober, known, {
    schemes: SCHEME_CODES,
    alpn: asksAlpn ? ALPN_PROTOCOLS : [],
    isFirst: true,
  });
  if (first === undefined) return undefined;
  const messages: SignedMessage[] = [{ ...first.message, scheme: first.scheme }];
  const schemes: number[] = [];
  for (
    let flight: EncryptedFlight | undefined = first;
    flight?.scheme !== undefined && !schemes.includes(flight.scheme);
  ) {
    schemes.push(flight.scheme);
    flight = await ask(prober, known, {
      schemes: SCHEME_CODES.filter((code) => !schemes.includes(code)),
      alpn: [],
      isFirst: false,
    });
    if (flight !== undefined) messages.push({ ...flight.message, scheme: flight.scheme });
  }
  const alpn: string[] = [];
  for (let picked = first.alpn; picked !== undefined && !alpn.includes(picked);) {
    alpn.push(picked);
    picked = (
      await ask(prober, known, {
        schemes: SCHEME_CODES,
        alpn: ALPN_PROTOCOLS.filter((name) => !alpn.includes(name)),
        isFirst: false,
      })
    )?.alpn;
  }
  return { messages, schemes, alpn, wantsClientCertificate: first.wantsClientCertificate };
}

interface EncryptedFlight {
  readonly message: ModernCertificateMessage;
  readonly scheme: number | undefined;
  readonly alpn: string | undefined;
  readonly wantsClientCertificate: boolean;
}

interface Question {
  readonly schemes: readonly number[];
  readonly alpn: readonly string[];
  /** Only then is a failure told: later ones are how a server says that it has no more. */
  readonly isFirst: boolean;
}

async function ask(
  prober: Prober,
  groups: readonly number[],
  { schemes, alpn, isFirst }: Question,
): Promise<EncryptedFlight | undefined> {
  const key = generateKey(groups);
  if (key === undefined) {
    prober.note(
      "certificate",
      "could not be read from TLS 1.3: none of its groups can be computed here",
    );
    return undefined;
  }
  const hello = prober.encode({
    version: 0x0304,
    suites: Object.keys(PROTECTIONS).map(Number),
    groups: [key.share.group],
    keyShares: [key.share],
    signatureSchemes: schemes,
    extensions: [...PROOFS, ...(alpn.length === 0 ? [] : [alpnExtension(alpn)])],
  });
  const answer = await prober.converse(
    hello,
    () => new EncryptedFlightReader(hello.subarray(5), key),
  );
  if (answer.kind === "flight" && answer.flight.message !== undefined)
    return { ...answer.flight.facts, message: answer.flight.message };
  const { alert } = answer.kind === "flight" ? answer.flight : {};
  // A server that insists on a protocol of its own is asked without.
  if (alert?.description === NO_APPLICATION_PROTOCOL && alpn.length > 0)
    return ask(prober, groups, { schemes, alpn: [], isFirst });
  if (!isFirst) return undefined;
  const fault = answer.kind === "flight" ? answer.fault : undefined;
  const how = "could not be read from TLS 1.3";
  if (alert === undefined) prober.note("certificate", `${how}: ${fault ?? "no answer"}`);
  // Go's servers look for a certificate once they have said hello, and have none for no name.
  else
    prober.note("certificate", `${how}: ${alertText(alert)}; ${wantsName(prober)}`, "incomplete");
  return undefined;
}

const NO_APPLICATION_PROTOCOL = 120;

/**
 * Reads a TLS 1.3 server's flight up to its CertificateVerify. Throws `PEER_TLS`, or what the key
 * exchange throws.
 */
class EncryptedFlightReader implements AnswerReader {
  hello: ServerHello | undefined;
  message: ModernCertificateMessage | undefined;
  readonly keyExchange = undefined;
  readonly ocspResponse = undefined;
  alert: Alert | undefined;
  wantsClientCertificate = false;
  isDone = false;
  #scheme: number | undefined;
  #alpn: string | undefined;
  readonly #clientHello: Uint8Array;
  readonly #key: OwnKey;
  readonly #records = new RecordReader();
  readonly #messages = new MessageReader();
  #decryption: HandshakeDecryption | undefined;

  constructor(clientHello: Uint8Array, key: OwnKey) {
    this.#clientHello = clientHello;
    this.#key = key;
  }

  get certificates(): readonly Uint8Array[] {
    return this.message?.certificates ?? [];
  }

  get facts(): Omit<EncryptedFlight, "message"> {
    return {
      scheme: this.#scheme,
      alpn: this.#alpn,
      wantsClientCertificate: this.wantsClientCertificate,
    };
  }

  push(bytes: Uint8Array): void {
    this.#records.push(bytes);
    for (
      let record = this.#records.next();
      record !== undefined && !this.isDone;
      record = this.#records.next()
    )
      this.#record(record);
  }

  #record(record: TlsRecord): void {
    // A ChangeCipherSpec means nothing in TLS 1.3 (RFC 8446 §D.4).
    if (record.type === RECORD.changeCipherSpec) return;
    const opened =
      record.type === RECORD.applicationData
        ? this.#decryption?.open(record.header, record.body)
        : undefined;
    const type = opened?.type ?? record.type;
    const content = opened?.content ?? record.body;
    if (type === RECORD.alert) {
      this.alert = readFatalAlert({ ...record, body: content });
      this.isDone = this.alert !== undefined;
    } else if (type === RECORD.handshake) {
      this.#messages.push(content);
      for (
        let message = this.#messages.next();
        message !== undefined && !this.isDone;
        message = this.#messages.next()
      )
        this.#message(message);
    }
  }

  #message(message: HandshakeMessage): void {
    switch (message.type) {
      case MESSAGE.serverHello:
        this.#serverHello(message);
        break;
      case MESSAGE.encryptedExtensions:
        this.#alpn = readAlpn(new ByteReader(message.body, "PEER_TLS"));
        break;
      case MESSAGE.certificateRequest:
        this.wantsClientCertificate = true;
        break;
      case MESSAGE.certificate:
        this.message = readModernCertificates(new ByteReader(message.body, "PEER_TLS"));
        break;
      case MESSAGE.certificateVerify:
        this.#scheme = new ByteReader(message.body, "PEER_TLS").u16("signature scheme");
        this.isDone = true;
        break;
    }
  }

  #serverHello({ body, whole }: HandshakeMessage): void {
    const hello = readServerHello(body);
    if (this.#key.share.group !== hello.group || hello.keyShare === undefined)
      throw new AppError("PEER_TLS", "Cannot read the handshake: the server took no key of ours");
    this.#decryption = new HandshakeDecryption(hello.suite, this.#key.agree(hello.keyShare), [
      this.#clientHello,
      whole,
    ]);
    this.hello = hello;
  }
}

/**
 * The protocol in EncryptedExtensions (RFC 7301 §3.1); undefined when there is none. Throws
 * `PEER_TLS`.
 */
export function readAlpn(reader: ByteReader): string | undefined {
  const extensions = reader.sub(reader.u16("extensions length"), "extensions");
  while (extensions.left > 0) {
    const type = extensions.u16("extension type");
    const body = extensions.sub(extensions.u16("extension length"), "extension");
    if (type !== EXTENSION.alpn) continue;
    const list = body.sub(body.u16("list length"), "list");
    return new TextDecoder("latin1").decode(list.take(list.u8("name length"), "name"));
  }
  return undefined;
}
