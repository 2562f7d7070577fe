import { cipherSuite, hasForwardSecrecy } from "../../tls/cipher-suites.ts";
import { knownPrime } from "../../tls/dh-primes.ts";
import type { Finding } from "../report.ts";
import { primesOf } from "./suite-weaknesses.ts";
import type { Evidence } from "./weakness.ts";

interface Remark extends Omit<Finding, "evidence"> {
  readonly explanation: string;
  /** What shows it; undefined when it is not so. */
  readonly evidence: (evidence: Evidence) => string | undefined;
}

/** What is no weakness by itself, but better changed. */
const REMARKS: readonly Remark[] = [
  {
    id: "plaintext",
    severity: "high",
    title: "The port answers in plain text, too",
    explanation:
      "Clients that forget the s of https are served all the same, and everybody on the way reads along.",
    evidence: ({ plainAnswer }) => plainAnswer,
  },
  {
    id: "plaintext-login",
    severity: "medium",
    title: "Passwords are taken before TLS begins",
    explanation:
      "A client that forgets STARTTLS, or is kept from it, shows its password to everybody on the way. Some servers offer this to their own host alone.",
    evidence: ({ features }) => joined(features.clearLogins ?? []),
  },
  {
    id: "old-tls",
    severity: "medium",
    title: "TLS 1.0 and 1.1 are deprecated (RFC 8996)",
    explanation: "They rest on MD5 and SHA-1, and no client of today needs them.",
    evidence: ({ protocols }) =>
      joined(
        protocols
          .filter(({ version }) => version === 0x0301 || version === 0x0302)
          .map(({ name }) => name),
      ),
  },
  {
    id: "insecure-renegotiation",
    severity: "medium",
    title: "No secure renegotiation (RFC 5746)",
    explanation:
      "An attacker can put a request of his own before a client's where the server renegotiates.",
    evidence: ({ features }) =>
      features.secureRenegotiation === false
        ? "the server does not answer renegotiation_info"
        : undefined,
  },
  {
    id: "client-renegotiation",
    severity: "low",
    title: "Clients may renegotiate",
    explanation:
      "A client can make the server do handshake after handshake in one connection, which costs the server far more than the client.",
    evidence: ({ features }) =>
      features.clientRenegotiation === true
        ? "a second handshake in the same session was answered"
        : undefined,
  },
  {
    id: "fallback-scsv",
    severity: "low",
    title: "Downgrades are not noticed (RFC 7507)",
    explanation:
      "A client that falls back because somebody disturbed its first try is not told that the server can do better.",
    evidence: ({ features }) =>
      features.fallbackScsv === false ? "TLS_FALLBACK_SCSV is ignored" : undefined,
  },
  {
    id: "weak-handshake-signature",
    severity: "low",
    title: "Handshakes may be signed over MD5 or SHA-1",
    explanation:
      "Collisions of these digests let an attacker in the middle move signatures between handshakes (SLOTH).",
    evidence: ({ schemes }) => joined(schemes.filter((name) => /md5|sha1$/.test(name))),
  },
  {
    id: "insecure-cookie",
    severity: "medium",
    title: "Cookies without Secure",
    explanation: "Browsers send them over plain HTTP, too, where everybody on the way reads them.",
    evidence: ({ features }) => joined(features.http?.insecureCookies ?? []),
  },
  {
    id: "no-hsts",
    severity: "info",
    title: "No Strict-Transport-Security, or for less than half a year (RFC 6797)",
    explanation:
      "Browsers that are led to plain HTTP go there, where they could have been told never to.",
    evidence: ({ features: { http } }) =>
      http === undefined || (http.hsts?.maxAge ?? 0) >= HALF_A_YEAR_S
        ? undefined
        : http.hsts === undefined
          ? `the answer to GET / (status ${http.status}) has none`
          : `max-age is ${http.hsts.maxAge} s`,
  },
  {
    id: "common-prime",
    severity: "info",
    title: "A common Diffie-Hellman prime",
    explanation:
      "Work done once for this prime counts for every server that has it; at 2048 bits and more nobody can do it.",
    evidence: ({ protocols }) =>
      joined(primesOf(protocols).flatMap(({ prime }) => knownPrime(prime) ?? [])),
  },
  {
    id: "static-rsa",
    severity: "info",
    title: "Some suites have no forward secrecy",
    explanation: "Clients that pick one of them can be read later by who gets the server's key.",
    evidence: ({ protocols }) => {
      const older = protocols
        .filter(({ version }) => version < 0x0304)
        .flatMap(({ accepted }) => accepted.map(({ suite }) => cipherSuite(suite)));
      const without = new Set(
        older.filter((suite) => !hasForwardSecrecy(suite) && !suite.isAnonymous),
      );
      return without.size === 0 || !older.some(hasForwardSecrecy)
        ? undefined
        : `${without.size} of ${new Set(older).size} suites`;
    },
  },
  {
    id: "no-tls13",
    severity: "info",
    title: "TLS 1.3 is not offered",
    explanation:
      "It is faster, encrypts more of the handshake and has none of the old versions' weak choices.",
    evidence: ({ protocols }) =>
      protocols.some(({ version }) => version === 0x0304)
        ? undefined
        : joined(protocols.map(({ name }) => name)),
  },
  {
    id: "no-post-quantum",
    severity: "info",
    title: "No post-quantum key exchange",
    explanation:
      "What is recorded today can be read once there are quantum computers large enough.",
    evidence: ({ protocols, groups }) =>
      protocols.some(({ version }) => version === 0x0304) &&
      !groups.some((name) => name.includes("MLKEM"))
        ? joined(groups)
        : undefined,
  },
];

/** The least that SSL Labs takes for long. */
const HALF_A_YEAR_S = 180 * 86_400;

function joined(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : names.join(", ");
}

/** Everything of the table that holds. */
export function remarks(evidence: Evidence): Finding[] {
  return REMARKS.flatMap(({ evidence: shows, ...finding }) => {
    const text = shows(evidence);
    return text === undefined ? [] : [{ ...finding, evidence: text }];
  });
}
