import { randomBytes } from "node:crypto";
import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { type Alert, alertText } from "../tls/alerts.ts";
import { encodeClientHello } from "../tls/client-hello.ts";
import { MESSAGE, MessageReader, RECORD, RecordReader, type HandshakeMessage, type TlsRecord } from "../tls/records.ts";
import { readCertificates, readFatalAlert, readServerHello, type ServerHello } from "../tls/server-flight.ts";
import type { AnswerReader } from "./connection.ts";
import { HandshakeDecryption, PROTECTIONS } from "./handshake-keys.ts";
import { generateKeys, type OwnKey } from "./key-agreement.ts";
import type { Prober } from "./prober.ts";

/**
 * The certificates of a TLS 1.3 server, leaf first: it encrypts them, so one key exchange is done with it. Nothing is verified, and the handshake is
 * left as soon as they are read. Empty when they cannot be had; the prober's errors then say why.
 */
export async function modernCertificates(prober: Prober): Promise<readonly Uint8Array[]> {
  const keys = generateKeys();
  const hello = encodeClientHello({
    version: 0x0304,
    suites: Object.keys(PROTECTIONS).map(Number),
    random: randomBytes(32),
    serverName: prober.serverName,
    groups: keys.map(({ share }) => share.group),
    keyShares: keys.map(({ share }) => share),
  });
  const answer = await prober.converse(hello, () => new EncryptedFlightReader(hello.subarray(5), keys));
  if (answer.kind === "flight" && answer.flight.certificates.length > 0) return answer.flight.certificates;
  const { alert } = answer.kind === "flight" ? answer.flight : {};
  const why = alert === undefined ? (answer.kind === "flight" ? answer.fault : undefined) : alertText(alert);
  prober.note("certificate", `could not be read from TLS 1.3: ${why ?? "no answer"}`);
  return [];
}

/** Reads a TLS 1.3 server's flight up to its Certificate. Throws `PEER_TLS`, or what the key exchange throws. */
class EncryptedFlightReader implements AnswerReader {
  hello: ServerHello | undefined;
  certificates: readonly Uint8Array[] = [];
  readonly keyExchange = undefined;
  readonly ocspResponse = undefined;
  alert: Alert | undefined;
  wantsClientCertificate = false;
  isDone = false;
  readonly #clientHello: Uint8Array;
  readonly #keys: readonly OwnKey[];
  readonly #records = new RecordReader();
  readonly #messages = new MessageReader();
  #decryption: HandshakeDecryption | undefined;

  constructor(clientHello: Uint8Array, keys: readonly OwnKey[]) {
    this.#clientHello = clientHello;
    this.#keys = keys;
  }

  push(bytes: Uint8Array): void {
    this.#records.push(bytes);
    for (let record = this.#records.next(); record !== undefined && !this.isDone; record = this.#records.next()) this.#record(record);
  }

  #record(record: TlsRecord): void {
    // A ChangeCipherSpec means nothing in TLS 1.3 (RFC 8446 §D.4).
    if (record.type === RECORD.changeCipherSpec) return;
    const opened = record.type === RECORD.applicationData ? this.#decryption?.open(record.header, record.body) : undefined;
    const type = opened?.type ?? record.type;
    const content = opened?.content ?? record.body;
    if (type === RECORD.alert) {
      this.alert = readFatalAlert({ ...record, body: content });
      this.isDone = this.alert !== undefined;
    } else if (type === RECORD.handshake) {
      this.#messages.push(content);
      for (let message = this.#messages.next(); message !== undefined && !this.isDone; message = this.#messages.next()) this.#message(message);
    }
  }

  #message(message: HandshakeMessage): void {
    if (message.type === MESSAGE.serverHello) this.#serverHello(message);
    else if (message.type === MESSAGE.certificateRequest) this.wantsClientCertificate = true;
    else if (message.type === MESSAGE.certificate) {
      this.certificates = readCertificates(new ByteReader(message.body, "PEER_TLS"), true);
      this.isDone = true;
    }
  }

  #serverHello({ body, whole }: HandshakeMessage): void {
    const hello = readServerHello(body);
    const own = this.#keys.find(({ share }) => share.group === hello.group);
    if (own === undefined || hello.keyShare === undefined) throw new AppError("PEER_TLS", "Cannot read the handshake: the server took no key of ours");
    this.#decryption = new HandshakeDecryption(hello.suite, own.agree(hello.keyShare), [this.#clientHello, whole]);
    this.hello = hello;
  }
}
