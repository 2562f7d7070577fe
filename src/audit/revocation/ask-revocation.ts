import { createHash } from "node:crypto";
import { messageOf } from "../../lib/errors.ts";
import { encodeOcspRequest } from "../../tls/ocsp.ts";
import type { SentChain, TrustContext } from "../certificate/chain-report.ts";
import { findTrustPath } from "../certificate/path.ts";
import { assessStaple } from "../certificate/revocation.ts";
import type { RevocationReport } from "../report.ts";
import { type Answer, assessCrl, type Question, untold } from "./assess-crl.ts";
import { httpBytes } from "./http-bytes.ts";

/** URLs that are asked of each kind, for one certificate. */
const MAX_URLS = 2;
/** Certificates of a chain that are asked about. */
const MAX_CERTIFICATES = 4;

const OCSP_LIMITS = { maxBytes: 128 * 1024, timeoutMs: 5000 };
/** The largest public lists have some ten million bytes. */
const CRL_LIMITS = { maxBytes: 16 * 1024 * 1024, timeoutMs: 10_000 };

/**
 * Asks the authorities of a chain whether its certificates, but for the root, are revoked, by OCSP
 * (RFC 6960) and by list (RFC 5280 §5), each where the certificate says. Only of a chain that is
 * trusted: otherwise whoever made the certificate could send us anywhere. Never rejects.
 */
export async function askRevocation(
  { sent }: SentChain,
  { store, now }: TrustContext,
  signal: AbortSignal,
): Promise<readonly RevocationReport[]> {
  const [leaf] = sent;
  const { certificates, distrust } = findTrustPath(sent, store, now);
  if (distrust !== undefined)
    return [
      {
        certificate: leaf.report.fingerprintSha256,
        ...untold("the chain is not trusted: whom it names is not asked"),
      },
    ];
  const questions = certificates
    .slice(0, -1)
    .map((certificate, index): Question => ({
      certificate,
      issuer: certificates[index + 1] ?? certificate,
      now,
    }));
  const answers = await Promise.all(
    questions.slice(0, MAX_CERTIFICATES).map((question) => askAbout(question, signal)),
  );
  return answers.flat();
}

async function askAbout(question: Question, signal: AbortSignal): Promise<RevocationReport[]> {
  const { fingerprintSha256, ocspUrls = [], crlUrls = [] } = question.certificate.report;
  const certificate = { certificate: fingerprintSha256 };
  if (ocspUrls.length === 0 && crlUrls.length === 0)
    return [{ ...certificate, ...untold("the certificate names nobody to ask") }];
  const asked = await Promise.all([
    askInTurn("OCSP", ocspUrls, (url) => askResponder(url, question, signal)),
    askInTurn("CRL", crlUrls, async (url) =>
      assessCrl(await httpBytes(url, { ...CRL_LIMITS, signal }), url, question),
    ),
  ]);
  return asked.flat().map((answer) => ({ ...certificate, ...answer }));
}

/** The first answer that tells; where none does, the last. */
async function askInTurn(
  method: "OCSP" | "CRL",
  urls: readonly string[],
  ask: (url: string) => Promise<Answer>,
): Promise<Omit<RevocationReport, "certificate">[]> {
  let last: Omit<RevocationReport, "certificate">[] = [];
  for (const url of urls.slice(0, MAX_URLS)) {
    const answer = await ask(url).catch((thrown: unknown) => untold(messageOf(thrown)));
    last = [{ method, url, ...answer }];
    if (answer.status !== "could not tell") break;
  }
  return last;
}

async function askResponder(
  url: string,
  { certificate, issuer, now }: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const body = encodeOcspRequest({
    issuerNameHash: sha1(issuer.x509.subject),
    issuerKeyHash: sha1(issuer.x509.publicKey),
    serial: certificate.x509.serial,
  });
  const der = await httpBytes(url, { ...OCSP_LIMITS, body, signal });
  const { status, ...answer } = assessStaple(der, certificate, issuer, now);
  return { status: status === "invalid" ? "could not tell" : status, ...answer };
}

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}
