import {
  alternativeNames,
  basicConstraints,
  extendedKeyUsage,
  type GeneralName,
  keyUsage,
  type NameConstraints,
  nameConstraints,
} from "../../tls/x509-extensions.ts";
import type { CertificateReport } from "../report.ts";
import type { Certificate } from "./certificate.ts";
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
    const judged = judgePath(path, store, now);
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
        Buffer.compare(one.x509.subject, last.x509.issuer) === 0 &&
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

function judgePath(certificates: readonly Certificate[], store: TrustStore, now: Date): TrustPath {
  const last = certificates.at(-1);
  const anchor = last !== undefined && store.has(last) ? last : undefined;
  const problem = certificates
    .map((certificate, index) => problemOf(certificate, certificates.slice(0, index), now))
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

/** Parts that no client needs to tell whether a certificate is trusted. */
const NEEDLESS: ReadonlySet<string> = new Set(["authority information access", "SCTs"]);

function neededFaults({ unreadable = [] }: CertificateReport): string[] {
  return unreadable.map(({ part }) => part).filter((part) => !NEEDLESS.has(part));
}

/** What keeps one certificate from its place; `below` are those that it vouches for, leaf first. */
function problemOf(
  { report, x509 }: Certificate,
  below: readonly Certificate[],
  now: Date,
): string | undefined {
  const name = below.length === 0 ? "the certificate" : report.subject;
  const [fault] = neededFaults(report);
  if (fault !== undefined) return `${name} cannot be judged: its ${fault} cannot be read`;
  const today = now.toISOString();
  const { notBefore = today, notAfter = today } = x509;
  if (today < notBefore) return `${name} is not valid before ${notBefore}`;
  if (today > notAfter) return `${name} expired on ${notAfter}`;
  try {
    const purposes = extendedKeyUsage(x509);
    if (purposes !== undefined && !purposes.some((purpose) => SERVER_PURPOSES.has(purpose)))
      return `${name} is not for servers, but for ${purposes.join(", ")}`;
    if (below.length === 0) return undefined;
    const constraints = basicConstraints(x509);
    // Certificates of version 1 have no such extension; as roots they are trusted for being in the
    // store.
    if (constraints?.isAuthority !== true && x509.version === 3) return `${name} is no authority`;
    const between = below.length - 1;
    if (constraints?.pathLength !== undefined && constraints.pathLength < between)
      return `${name} allows ${constraints.pathLength} authorities below it, and there are ${between}`;
    if (keyUsage(x509)?.includes("keyCertSign") === false)
      return `${name} may not sign certificates`;
    const limits = nameConstraints(x509);
    const [leaf] = below;
    return limits === undefined ||
      leaf === undefined ||
      allows(limits, alternativeNames(leaf.x509) ?? [])
      ? undefined
      : `${name} may not vouch for these names`;
  } catch {
    return `${name} cannot be judged: it has extensions that cannot be read`;
  }
}

/**
 * Purposes that allow a server; the last two are Netscape's and Microsoft's from the time before.
 */
const SERVER_PURPOSES = new Set([
  "serverAuth",
  "anyExtendedKeyUsage",
  "2.16.840.1.113730.4.1",
  "1.3.6.1.4.1.311.10.3.3",
]);

function allows({ permitted, excluded }: NameConstraints, names: readonly GeneralName[]): boolean {
  return names.every((name) => {
    const rules = permitted.filter(({ kind }) => kind === name.kind);
    return (
      (rules.length === 0 || rules.some((rule) => isBelow(name, rule))) &&
      !excluded.some((rule) => rule.kind === name.kind && isBelow(name, rule))
    );
  });
}

/**
 * Whether a name lies below a constraint's (RFC 5280 §4.2.1.10): DNS names by labels, addresses by
 * network and mask.
 */
function isBelow(name: GeneralName, rule: GeneralName): boolean {
  if (name.kind === "DNS") {
    const [value, suffix] = [name.value.toLowerCase(), rule.value.toLowerCase().replace(/^\./, "")];
    return suffix === "" || value === suffix || value.endsWith(`.${suffix}`);
  }
  if (name.kind !== "IP Address") return name.value === rule.value;
  const { length } = name.bytes;
  return (
    rule.bytes.length === length * 2 &&
    name.bytes.every(
      (byte, index) =>
        (byte & (rule.bytes[length + index] ?? 0)) ===
        ((rule.bytes[index] ?? 0) & (rule.bytes[length + index] ?? 0)),
    )
  );
}
