import { nameKey } from "../../tls/canonical-name.ts";
import { schemeName } from "../../tls/signature-schemes.ts";
import { alternativeNames, readSctList } from "../../tls/x509-extensions.ts";
import type { ChainReport } from "../report.ts";
import type { Certificate } from "./certificate.ts";
import { matchesHost } from "./host-match.ts";
import { findTrustPath } from "./path.ts";
import { assessStaple } from "./revocation.ts";
import type { TrustStore } from "./trust-store.ts";

/** A chain as it was seen. */
export interface SentChain {
  /** In the order they were sent; those that could be read. */
  readonly sent: readonly [Certificate, ...Certificate[]];
  readonly protocols: readonly string[];
  /** Codes of the schemes of TLS 1.3 that its key signs with. */
  readonly schemes?: readonly number[];
  /** DER of a stapled OCSP response. */
  readonly ocspResponse: Uint8Array | undefined;
  /** Body of the TLS extension signed_certificate_timestamp. */
  readonly sctList: Uint8Array | undefined;
}

/** Against what chains are held. */
export interface TrustContext {
  readonly store: TrustStore;
  /** The name that was asked for; undefined where only an address is known. */
  readonly name: string | undefined;
  readonly now: Date;
}

/** Everything that can be said of a chain as a whole. */
export function reportChain(
  { sent, protocols, schemes = [], ocspResponse, sctList }: SentChain,
  { store, name, now }: TrustContext,
): ChainReport {
  const [leaf] = sent;
  const path = findTrustPath(sent, store, now);
  const used = new Set(path.certificates.map(({ report }) => report.fingerprintSha256));
  const issuer = path.certificates[1] ?? (leaf.report.isSelfSigned ? leaf : undefined);
  const scts = sctList === undefined ? [] : readScts(sctList);
  return {
    keyType: leaf.report.keyType,
    protocols,
    ...(schemes.length === 0 ? {} : { signatureSchemes: schemes.map(schemeName) }),
    sent: sent.map(({ report }) => report.fingerprintSha256),
    isTrusted: path.distrust === undefined,
    ...(path.distrust === undefined ? {} : { distrust: path.distrust }),
    ...(path.anchor === undefined ? {} : { anchor: path.anchor.report.subject }),
    isOrdered: sent.every(
      ({ x509 }, index) =>
        index === 0 ||
        nameKey(x509.subject) === nameKey(sent[index - 1]?.x509.issuer ?? x509.subject),
    ),
    superfluous: sent
      .filter(({ report }) => !used.has(report.fingerprintSha256))
      .map(({ report }) => report.subject),
    ...(path.missingIssuer === undefined ? {} : { missingIssuer: path.missingIssuer }),
    ...(name === undefined ? {} : { hostMatches: isFor(leaf, name) }),
    ...(ocspResponse === undefined ? {} : { ocsp: assessStaple(ocspResponse, leaf, issuer, now) }),
    ...(scts.length === 0 ? {} : { scts }),
  };
}

function isFor(leaf: Certificate, name: string): boolean {
  try {
    return matchesHost(alternativeNames(leaf.x509) ?? [], name);
  } catch {
    return false;
  }
}

function readScts(list: Uint8Array): NonNullable<ChainReport["scts"]> {
  try {
    return readSctList(list);
  } catch {
    // A list that cannot be read proves nothing to any client either.
    return [];
  }
}
