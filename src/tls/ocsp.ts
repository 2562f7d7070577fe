import { ByteWriter } from "../lib/byte-writer.ts";
import { DerReader, oidText, TAG, timeText, type DerElement } from "./der.ts";
import { type AlgorithmIdentifier, bitString, readAlgorithm } from "./x509.ts";

/**
 * An OCSP response (RFC 6960 §4.2.1): what its responder says of certificates, and its signature.
 */
export interface OcspResponse {
  /**
   * 0 when there is an answer; else why not (1 malformed request, 2 internal error, 3 try later, 5
   * signature needed, 6 unauthorised).
   */
  readonly status: number;
  readonly signed: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly answers: readonly OcspAnswer[];
  /** DER of the certificates that came along: the responder's, if it is not the issuer itself. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * A SingleResponse (RFC 6960 §4.2.1): the state of one certificate. `hashAlgorithm` is an object
 * identifier with dots; `thisUpdate` and `nextUpdate` are ISO 8601, UTC.
 */
export interface OcspAnswer {
  /** The hash by which the issuer is named. */
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serial: Uint8Array;
  readonly status: "good" | "revoked" | "unknown";
  /** ISO 8601, UTC; only of a revoked one. */
  readonly revokedAt: string | undefined;
  readonly thisUpdate: string;
  readonly nextUpdate: string | undefined;
}

const BASIC = "1.3.6.1.5.5.7.48.1.1";

/** Most answers and certificates of one response that are read: a staple has one of each. */
const MAX_PARTS = 16;

/** Reads an OCSP response. Throws `PEER_CERTIFICATE`. */
export function readOcspResponse(der: Uint8Array): OcspResponse {
  const outer = new DerReader(der).inside("OCSP response", TAG.sequence);
  const status = outer.next("status", TAG.enumerated).body[0] ?? 0;
  const none: OcspResponse = {
    status,
    signed: new Uint8Array(0),
    signatureAlgorithm: { oid: "", parameters: new Uint8Array(0) },
    signature: new Uint8Array(0),
    answers: [],
    certificates: [],
  };
  const bytes = outer.optional(0xa0, "response");
  if (bytes === undefined) return none;
  const typed = new DerReader(bytes.body).inside("response", TAG.sequence);
  if (oidText(typed.next("kind of response", TAG.oid).body) !== BASIC) return none;
  const basic = new DerReader(typed.next("response", TAG.octetString).body).inside(
    "basic response",
    TAG.sequence,
  );
  const data = basic.next("response data", TAG.sequence);
  return {
    status,
    signed: data.whole,
    signatureAlgorithm: readAlgorithm(basic, "signature algorithm"),
    signature: bitString(basic, "signature"),
    answers: readAnswers(new DerReader(data.body)),
    certificates: readCertificates(basic),
  };
}

/** How a question names a certificate: SHA-1 of its issuer's name and key, and its serial number. */
export interface OcspQuestion {
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serial: Uint8Array;
}

/**
 * DER of an OCSP request about one certificate, as RFC 5019 §2.1 has it: SHA-1, which every responder
 * takes, and no nonce.
 */
export function encodeOcspRequest({
  issuerNameHash,
  issuerKeyHash,
  serial,
}: OcspQuestion): Uint8Array {
  const id = element(
    TAG.sequence,
    Uint8Array.of(0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0),
    element(TAG.octetString, issuerNameHash),
    element(TAG.octetString, issuerKeyHash),
    element(TAG.integer, serial),
  );
  // OCSPRequest, TBSRequest, list of requests, one Request.
  return [1, 2, 3, 4].reduce((inside) => element(TAG.sequence, inside), id);
}

function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, { length: one }) => sum + one, 0);
  const writer = new ByteWriter().u8(tag);
  if (length < 0x80) writer.u8(length);
  else writer.u8(0x82).u16(length);
  for (const bytes of contents) writer.bytes(bytes);
  return writer.finish();
}

function readAnswers(data: DerReader): OcspAnswer[] {
  data.optional(0xa0, "version");
  data.next("responder");
  data.next("time", TAG.generalizedTime);
  const list = data.inside("answers", TAG.sequence);
  const answers: OcspAnswer[] = [];
  while (list.left > 0 && answers.length < MAX_PARTS)
    answers.push(readAnswer(list.inside("answer", TAG.sequence)));
  return answers;
}

function readAnswer(answer: DerReader): OcspAnswer {
  const id = answer.inside("certificate id", TAG.sequence);
  const { oid: hashAlgorithm } = readAlgorithm(id, "hash algorithm");
  const issuerNameHash = id.next("issuer's name", TAG.octetString).body;
  const issuerKeyHash = id.next("issuer's key", TAG.octetString).body;
  const serial = id.next("serial number", TAG.integer).body;
  const state = answer.next("certificate's status");
  const thisUpdate = timeText(answer.next("time of the answer", TAG.generalizedTime));
  const next = answer.optional(0xa0, "end of the answer");
  return {
    hashAlgorithm,
    issuerNameHash,
    issuerKeyHash,
    serial,
    status: state.tag === 0x80 ? "good" : state.tag === 0xa1 ? "revoked" : "unknown",
    revokedAt:
      state.tag === 0xa1
        ? timeText(new DerReader(state.body).next("time of revocation", TAG.generalizedTime))
        : undefined,
    thisUpdate,
    nextUpdate:
      next === undefined
        ? undefined
        : timeText(new DerReader(next.body).next("end of the answer", TAG.generalizedTime)),
  };
}

function readCertificates(basic: DerReader): Uint8Array[] {
  const list: DerElement | undefined = basic.optional(0xa0, "certificates");
  if (list === undefined) return [];
  return [...new DerReader(list.body).inside("certificates", TAG.sequence).rest("certificate")]
    .slice(0, MAX_PARTS)
    .map(({ whole }) => whole);
}
