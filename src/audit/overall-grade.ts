import { cipherSuite } from "../tls/cipher-suites.ts";
import type {
  AuditReport,
  CertificateReport,
  ChainReport,
  OverallGrade,
  ProtocolReport,
} from "./report.ts";

/** What of a report the grade rests on. */
export type GradedReport = Pick<AuditReport, "protocols" | "certificates" | "chains" | "findings">;

type Cap = OverallGrade["caps"][number];

/**
 * SSL Labs' rating ("SSL Server Rating Guide" 2009r) of what an audit has found: the score of
 * protocols, key exchange and ciphers, held down by caps. Three things
 * are our own: STARTTLS is no reason for T; without a name that was asked for there is no M; and
 * HSTS, which A+ asks of web sites, is not looked at, for ports here
 * speak anything. Undefined without a protocol, and
 * where no certificate could be read.
 */
export function overallGrade(report: GradedReport): OverallGrade | undefined {
  const { protocols } = report;
  if (Object.keys(protocols).length === 0 || lacksCertificate(report)) return undefined;
  const scores = {
    protocol: protocolScore(Object.keys(protocols)),
    keyExchange: keyExchangeScore(report),
    cipher: cipherScore(protocols),
  };
  const isNothing = Object.values(scores).includes(0);
  const score = isNothing
    ? 0
    : Math.floor((30 * scores.protocol + 30 * scores.keyExchange + 40 * scores.cipher) / 100);
  const caps = [
    ...findingCaps(report),
    ...suiteCaps(protocols),
    ...keyCaps(scores.keyExchange),
    ...trustCaps(report),
  ].toSorted((a, b) => letterRank(b.cap) - letterRank(a.cap));
  const plain = letterOf(
    score,
    caps.filter(({ cap }) => cap !== "T" && cap !== "M"),
  );
  const letter = caps.some(({ cap }) => cap === "T")
    ? "T"
    : caps.some(({ cap }) => cap === "M")
      ? "M"
      : plain;
  return { letter, score, scores, caps, ...(letter === plain ? {} : { ignoringTrust: plain }) };
}

/**
 * A suite that shows a certificate was accepted and none was read: who that server is, how strong
 * its key and whether anybody trusts it is not known, so it has no letter.
 */
function lacksCertificate({ protocols, chains = [] }: GradedReport): boolean {
  if (chains.length > 0) return false;
  return ciphersOf(protocols).some(({ id }) => {
    const { isTls13, certificateKey } = cipherSuite(Number(id));
    return isTls13 || certificateKey !== undefined;
  });
}

/** Best first; the last two are no worse encryption, but no identity. */
const LETTERS = ["A+", "A", "A-", "B", "C", "D", "E", "F", "M", "T"];

/** How bad a letter is: 0 for A+, the higher the worse, T worst of all. */
export function letterRank(letter: string): number {
  return LETTERS.indexOf(letter);
}

/** Letters that a server can be asked to reach, best first: T and M are no degrees of strength. */
export const GRADE_LIMITS: readonly string[] = LETTERS.filter(
  (letter) => letter !== "T" && letter !== "M",
);

function letterOf(score: number, caps: readonly Cap[]): string {
  const steps: readonly (readonly [from: number, letter: string])[] = [
    [80, "A"],
    [65, "B"],
    [50, "C"],
    [35, "D"],
    [20, "E"],
  ];
  const byScore = steps.find(([from]) => score >= from)?.[1] ?? "F";
  if (byScore === "A" && caps.length === 0) return "A+";
  return [byScore, ...caps.map(({ cap }) => cap)].reduce((worst, letter) =>
    letterRank(letter) > letterRank(worst) ? letter : worst,
  );
}

const PROTOCOL_SCORES: Readonly<Record<string, number>> = {
  SSLv2: 0,
  SSLv3: 80,
  "TLSv1.0": 90,
  "TLSv1.1": 95,
  "TLSv1.2": 100,
  "TLSv1.3": 100,
};

/** The mean of the best and the worst version. */
function protocolScore(names: readonly string[]): number {
  return mean(names.map((name) => PROTOCOL_SCORES[name] ?? 0));
}

function mean(scores: readonly number[]): number {
  return Math.floor((Math.max(...scores) + Math.min(...scores)) / 2);
}

/** The weakest key: the certificates' own, and those that suites make for one connection. */
function keyExchangeScore({ protocols, certificates, chains = [] }: GradedReport): number {
  const leaves = chains
    .map(({ sent: [leaf] }) =>
      certificates.find(({ fingerprintSha256 }) => fingerprintSha256 === leaf),
    )
    .filter((one) => one !== undefined);
  const suites = ciphersOf(protocols).map(({ id, kexInfo }) => suiteKeyScore(Number(id), kexInfo));
  return Math.min(100, ...leaves.map(certificateScore), ...suites);
}

function ciphersOf(
  protocols: AuditReport["protocols"],
  isMeant: (name: string) => boolean = () => true,
): ProtocolReport["ciphers"] {
  return Object.entries(protocols).flatMap(([name, { ciphers }]) =>
    name !== "SSLv2" && isMeant(name) ? ciphers : [],
  );
}

function certificateScore({ keyType, keyBits, curve }: CertificateReport): number {
  if (keyType === "ec") return curveScore(curve ?? "");
  return keyBits === undefined ? 100 : modulusScore(keyBits);
}

function suiteKeyScore(id: number, info: string | undefined): number {
  const { isAnonymous, exportBits } = cipherSuite(id);
  if (isAnonymous) return 0;
  const [, kind, bits] = /^(rsa|dsa|dh|srp) (\d+)$/.exec(info ?? "") ?? [];
  const score =
    kind === undefined ? (info === undefined ? 100 : curveScore(info)) : modulusScore(Number(bits));
  return exportBits === undefined ? score : Math.min(score, 40);
}

function modulusScore(bits: number): number {
  return step(bits, [
    [512, 20],
    [1024, 40],
    [2048, 80],
    [4096, 90],
  ]);
}

/**
 * Groups by the size in their name. A hybrid's number says something else, and that of a group
 * without a name nothing: neither lowers the score.
 */
function curveScore(name: string): number {
  if (/mlkem|kyber|^group 0x/i.test(name)) return 100;
  if (name.startsWith("ffdhe")) return modulusScore(Number(name.slice(5)));
  if (/25519/.test(name)) return 100;
  return step(Number(/\d{3}/.exec(name)?.[0] ?? 256), [
    [110, 20],
    [123, 40],
    [163, 80],
    [225, 90],
  ]);
}

/** The mean of the strongest and the weakest cipher. */
function cipherScore(protocols: AuditReport["protocols"]): number {
  const bits = ciphersOf(protocols).map(({ id }) => cipherSuite(Number(id)).bits);
  return bits.length === 0
    ? 0
    : mean(
        bits.map((one) =>
          step(one, [
            [1, 0],
            [128, 20],
            [256, 80],
          ]),
        ),
      );
}

function step(value: number, steps: readonly (readonly [below: number, score: number])[]): number {
  return steps.find(([below]) => value < below)?.[1] ?? 100;
}

/** The best letter that a server with a finding can have. */
const FINDING_CAPS: Readonly<Record<string, string>> = {
  drown: "F",
  heartbleed: "F",
  "ccs-injection": "F",
  ticketbleed: "F",
  robot: "F",
  "poodle-tls": "F",
  "invalid-curve": "F",
  export: "F",
  anonymous: "F",
  null: "F",
  "weak-cipher": "F",
  "rsa-exponent-1": "F",
  crime: "C",
  "poodle-ssl": "C",
  sslv3: "B",
  "old-tls": "B",
  "no-forward-secrecy": "B",
  beast: "B",
  rc4: "B",
  "insecure-renegotiation": "A-",
  "no-tls13": "A-",
  "fallback-scsv": "A",
};

function findingCaps({ findings }: GradedReport): Cap[] {
  return findings.flatMap(({ id, title }) => {
    const cap = FINDING_CAPS[id];
    return cap === undefined ? [] : [{ cap, reason: title }];
  });
}

/** What follows from versions and suites together. */
function suiteCaps(protocols: AuditReport["protocols"]): Cap[] {
  const caps: Cap[] = [];
  const names = Object.keys(protocols);
  const suites = ciphersOf(protocols).map(({ id }) => cipherSuite(Number(id)));
  const newer = ciphersOf(protocols, (name) => name > "TLSv1.0").map(({ id }) =>
    cipherSuite(Number(id)),
  );
  if (names.every((name) => name.startsWith("SSL")))
    caps.push({ cap: "F", reason: "Nothing newer than SSLv3 is offered" });
  if (!names.includes("TLSv1.2") && !names.includes("TLSv1.3"))
    caps.push({ cap: "C", reason: "TLS 1.2 is not offered" });
  if (newer.some(({ cipher }) => cipher === "RC4"))
    caps.push({ cap: "C", reason: "RC4 is offered in TLS 1.1 or newer" });
  if (newer.some(({ hasSmallBlock }) => hasSmallBlock))
    caps.push({ cap: "C", reason: "Ciphers with 64-bit blocks are offered in TLS 1.1 or newer" });
  if (!suites.some(({ name }) => /GCM|CCM|POLY1305|AEGIS|MGM/.test(name)))
    caps.push({ cap: "B", reason: "No suite with authenticated encryption is offered" });
  return caps;
}

/** No key at all, score 0, has a cap of its own: the finding. */
function keyCaps(score: number): Cap[] {
  if (score > 0 && score <= 40) return [{ cap: "F", reason: "Keys of less than 1024 bits" }];
  return score > 40 && score <= 80 ? [{ cap: "B", reason: "Keys of less than 2048 bits" }] : [];
}

function trustCaps({ chains = [], certificates, findings }: GradedReport): Cap[] {
  const caps = chains.flatMap((chain) =>
    chainCaps(
      chain,
      chain.sent.flatMap(
        (print) => certificates.find((one) => one.fingerprintSha256 === print) ?? [],
      ),
    ),
  );
  for (const { id, title } of findings)
    if (id === "revoked") caps.push({ cap: "T", reason: title });
  return caps;
}

function chainCaps(
  { distrust, keyType, missingIssuer, hostMatches, superfluous }: ChainReport,
  sent: readonly CertificateReport[],
): Cap[] {
  const caps: Cap[] =
    distrust === undefined
      ? []
      : [{ cap: "T", reason: `The certificate (${keyType}) is not trusted: ${distrust}` }];
  if (hostMatches === false) caps.push({ cap: "M", reason: "The certificate is for another name" });
  // A private authority's own certificate need not be sent; one that tells where to fetch it was
  // forgotten.
  if (missingIssuer !== undefined && sent.some(({ issuerUrls }) => issuerUrls !== undefined))
    caps.push({ cap: "B", reason: `The chain lacks an issuer: ${missingIssuer}` });
  for (const [index, { signatureAlgorithm, isSelfSigned, subject }] of sent.entries()) {
    // Nobody looks at a root's signature of itself, for clients have that certificate already, nor
    // at what is no part of the path.
    if (index > 0 && (isSelfSigned || superfluous.includes(subject))) continue;
    const reason = `A certificate is signed with ${signatureAlgorithm}: ${subject}`;
    if (/md[245]/i.test(signatureAlgorithm)) caps.push({ cap: "F", reason });
    else if (/sha1(?!\d)/i.test(signatureAlgorithm)) caps.push({ cap: "T", reason });
  }
  return caps;
}
