import { nameKey } from "../../tls/canonical-name.ts";
import type { Certificate } from "./certificate.ts";
import { isNamedIssuer } from "./key-identifiers.ts";
import { neededFaults, problemOf } from "./path-problems.ts";
import type { TrustStore } from "./trust-store.ts";
import { isSignedBy } from "./verify-signature.ts";

/** How a leaf is tied to the store. */
export interface TrustPath {
  /** Leaf first; as far as it goes. */
  readonly certificates: readonly Certificate[];
  readonly anchor: Certificate | undefined;
  /** Why it is not trusted; undefined where it is. */
  readonly distrust: string | undefined;
  /** The name of an issuer that is neither sent nor in the store. */
  readonly missingIssuer: string | undefined;
}

/**
 * Longest path, and signatures checked for one leaf: certificates that sign each other in circles
 * end here.
 */
const [MAX_DEPTH, MAX_CHECKS] = [10, 64];

/**
 * The best path from the leaf to the store, through what was sent and what the store has (RFC 5280
 * §6). Never throws.
 */
export function findTrustPath(
  sent: readonly [Certificate, ...Certificate[]],
  store: TrustStore,
  now: Date,
): TrustPath {
  let best: TrustPath | undefined;
  for (const path of paths(sent, store)) {
    const judged = assessPath(path, store, now);
    if (judged.distrust === undefined) return judged;
    best = best === undefined || rank(judged) > rank(best) ? judged : best;
  }
  return (
    best ?? {
      certificates: [sent[0]],
      anchor: undefined,
      distrust: "no path could be built",
      missingIssuer: undefined,
    }
  );
}

/** Of paths that fail: one that reaches the store says most, then a longer one. */
function rank({ anchor, certificates }: TrustPath): number {
  return (anchor === undefined ? 0 : 100) + certificates.length;
}

/**
 * Every path, those through the store first; each ends in the store, in a certificate signed by
 * itself, or where no issuer is found.
 */
function* paths(
  sent: readonly [Certificate, ...Certificate[]],
  store: TrustStore,
): Generator<readonly Certificate[]> {
  let checks = 0;
  const isIssuedBy = (certificate: Certificate, issuer: Certificate): boolean => {
    checks += 1;
    return (
      checks <= MAX_CHECKS &&
      issuer.key !== undefined &&
      isSignedBy(certificate.x509, issuer.key) === true
    );
  };
  function* extend(path: readonly Certificate[]): Generator<readonly Certificate[]> {
    const last = path.at(-1);
    if (
      last === undefined ||
      last.report.isSelfSigned ||
      store.has(last) ||
      path.length >= MAX_DEPTH
    ) {
      yield path;
      return;
    }
    const candidates = [...store.issuersOf(last.x509), ...sent].filter(
      (one) =>
        nameKey(one.x509.subject) === nameKey(last.x509.issuer) &&
        isNamedIssuer(one.x509, last.x509) &&
        !path.some((other) => isSame(one, other)),
    );
    let isEnd = true;
    for (const issuer of candidates.filter(
      (one, index) => candidates.findIndex((other) => isSame(one, other)) === index,
    )) {
      if (!isIssuedBy(last, issuer)) continue;
      isEnd = false;
      yield* extend([...path, issuer]);
    }
    if (isEnd) yield path;
  }
  yield* extend([sent[0]]);
}

function isSame(a: Certificate, b: Certificate): boolean {
  return a.report.fingerprintSha256 === b.report.fingerprintSha256;
}

function assessPath(certificates: readonly Certificate[], store: TrustStore, now: Date): TrustPath {
  const last = certificates.at(-1);
  const anchor = last !== undefined && store.has(last) ? last : undefined;
  const problem = certificates
    .map((certificate, index) =>
      problemOf(certificate, {
        below: certificates.slice(0, index),
        isAnchor: certificate === anchor,
        now,
      }),
    )
    .find((text) => text !== undefined);
  // Of a leaf that cannot be read nothing else is sure, its issuer neither.
  const [leaf] = certificates;
  const unread = leaf !== undefined && neededFaults(leaf.report).length > 0 ? problem : undefined;
  const missingIssuer =
    anchor === undefined && last?.report.isSelfSigned === false ? last.report.issuer : undefined;
  return {
    certificates,
    anchor,
    distrust: unread ?? ending(certificates, anchor, missingIssuer) ?? problem,
    missingIssuer,
  };
}

function ending(
  certificates: readonly Certificate[],
  anchor: Certificate | undefined,
  missingIssuer: string | undefined,
): string | undefined {
  if (anchor !== undefined) return undefined;
  if (missingIssuer !== undefined)
    return `its issuer ${missingIssuer} is neither sent nor in the trust store`;
  return certificates.length === 1
    ? "it is signed by itself and not in the trust store"
    : `it ends in ${certificates.at(-1)?.report.subject}, which is not in the trust store`;
}
