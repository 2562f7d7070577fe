import { type CipherSuite, cipherSuite, hasForwardSecrecy } from "../../tls/cipher-suites.ts";
import { knownPrime } from "../../tls/dh-primes.ts";
import { readServerKey, type ServerKey } from "../../tls/server-key.ts";
import type { Accepted } from "../enumerate.ts";
import type { SubjectProtocol } from "../subject.ts";
import {
  type Evidence,
  NOT_APPLICABLE,
  type Verdict,
  vulnerableIf,
  type Weakness,
} from "./weakness.ts";

/**
 * Weaknesses that the accepted versions and suites show without further questions, in order of
 * severity.
 */
export const SUITE_WEAKNESSES: readonly Weakness[] = [
  {
    id: "drown",
    severity: "critical",
    title: "SSLv2 is offered (DROWN)",
    explanation:
      "Anybody who recorded traffic of a server with the same key can decrypt it through this protocol.",
    examine: drown,
  },
  {
    id: "export",
    severity: "critical",
    title: "Export suites",
    explanation: "Their keys were made short enough to be broken, and today that takes hours.",
    examine: (evidence) => ofSuites(evidence, ({ exportBits }) => exportBits !== undefined),
  },
  {
    id: "anonymous",
    severity: "critical",
    title: "Suites without authentication",
    explanation: "Whoever sits between client and server can speak as either.",
    examine: (evidence) => ofSuites(evidence, ({ isAnonymous }) => isAnonymous),
  },
  {
    id: "null",
    severity: "critical",
    title: "Suites without encryption",
    explanation: "Everybody on the way can read along.",
    examine: (evidence) => ofSuites(evidence, ({ bits }) => bits === 0),
  },
  {
    id: "freak",
    severity: "high",
    title: "RSA export keys (FREAK)",
    explanation: "An attacker makes clients take a 512-bit RSA key, factors it and reads along.",
    examine: (evidence) =>
      ofSuites(evidence, ({ keyExchange }) => keyExchange.startsWith("RSA_EXPORT")),
  },
  {
    id: "logjam",
    severity: "high",
    title: "Short or common Diffie-Hellman groups (Logjam)",
    explanation:
      "Work done once for a prime of up to 1024 bits opens every connection that uses it.",
    examine: logjam,
  },
  {
    id: "sslv3",
    severity: "high",
    title: "SSLv3 is broken (RFC 7568)",
    explanation: "No client needs it, and an attacker can make clients fall back to it.",
    examine: ({ protocols }) =>
      vulnerableIf(protocols.some(({ version }) => version === 0x0300) ? "SSLv3" : undefined),
  },
  {
    id: "poodle-ssl",
    severity: "high",
    title: "CBC suites in SSLv3 (POODLE)",
    explanation:
      "SSLv3 does not check padding: an attacker who can make a client repeat a request reads its cookies byte by byte.",
    examine: (evidence) =>
      among(
        evidence,
        ({ version }) => version === 0x0300,
        ({ isCbc }) => isCbc,
      ),
  },
  {
    id: "rc4",
    severity: "high",
    title: "RC4 is broken (RFC 7465)",
    explanation: "Its output is biased: what is sent often enough under it can be recovered.",
    examine: (evidence) => ofSuites(evidence, ({ cipher }) => cipher === "RC4"),
  },
  {
    id: "weak-cipher",
    severity: "high",
    title: "Ciphers of less than 112 bits",
    explanation: "Their keys can be found by trying.",
    examine: (evidence) =>
      ofSuites(evidence, ({ bits, cipher }) => bits > 0 && bits < 112 && cipher !== "RC4"),
  },
  {
    id: "crime",
    severity: "high",
    title: "TLS compression (CRIME)",
    explanation:
      "The length of compressed requests tells an attacker who can add to them what else is in them.",
    examine: crime,
  },
  {
    id: "sweet32",
    severity: "medium",
    title: "Ciphers with 64-bit blocks (SWEET32)",
    explanation:
      "After some hundred gigabytes under one key blocks repeat and tell what was in them.",
    examine: (evidence) =>
      ofSuites(
        evidence,
        ({ hasSmallBlock, exportBits }) => hasSmallBlock && exportBits === undefined,
      ),
  },
  {
    id: "weak-dh",
    severity: "medium",
    title: "Diffie-Hellman groups of less than 2048 bits",
    explanation: "Groups of this size are within reach of those with means.",
    examine: (evidence) => ofPrimes(evidence, ({ bits }) => bits < 2048),
  },
  {
    id: "no-forward-secrecy",
    severity: "medium",
    title: "No forward secrecy",
    explanation: "Who gets the server's key later can read everything that was recorded before.",
    examine: ({ protocols }) =>
      vulnerableIf(
        list(
          protocols
            .filter(
              ({ accepted }) =>
                !accepted.some(({ suite }) => hasForwardSecrecy(cipherSuite(suite))),
            )
            .map(({ name }) => name),
        ),
      ),
  },
  {
    id: "beast",
    severity: "low",
    title: "CBC suites in TLS 1.0 and older (BEAST)",
    explanation: "The next block's initial vector is known, which old clients do not work around.",
    examine: (evidence) =>
      among(
        evidence,
        ({ version }) => version <= 0x0301,
        ({ isCbc }) => isCbc,
      ),
  },
  {
    id: "lucky13",
    severity: "low",
    title: "CBC suites without encrypt-then-MAC (LUCKY13)",
    explanation:
      "Their padding is checked before their MAC, and where that takes different times, it tells what was encrypted.",
    examine: lucky13,
  },
];

/** What keeps the question for SSLv2 from its answer is an error of that name. */
function drown({ sslv2, prober }: Evidence): Verdict {
  const trouble = prober.errors.find(({ probe }) => probe === "SSLv2");
  if (sslv2 === undefined && trouble !== undefined)
    return { kind: "unknown", reason: `whether SSLv2 is offered is not known: ${trouble.error}` };
  return vulnerableIf(
    sslv2 === undefined ? undefined : `SSLv2 with ${sslv2.ciphers.length} cipher kinds`,
  );
}

function crime({ protocols }: Evidence): Verdict {
  const found = protocols.flatMap(({ name, compressors = [] }) =>
    compressors.filter((one) => one !== "NULL").map((one) => `${one} in ${name}`),
  );
  const untold = protocols.find(
    ({ version, compressors }) => version < 0x0304 && compressors === undefined,
  );
  return found.length === 0 && untold !== undefined
    ? { kind: "unknown", reason: `the compressors of ${untold.name} could not be found out` }
    : vulnerableIf(list(found));
}

function suites(
  { protocols }: Pick<Evidence, "protocols">,
  isMeant: (suite: CipherSuite) => boolean,
): string | undefined {
  return list([
    ...new Set(
      protocols
        .flatMap(({ accepted }) => accepted.map(({ suite }) => cipherSuite(suite)))
        .filter(isMeant)
        .map(({ name }) => name),
    ),
  ]);
}

/** Whether such suites are accepted: unknown where that of one could not be told, and of none could. */
function ofSuites(
  { protocols }: Pick<Evidence, "protocols">,
  isMeant: (suite: CipherSuite) => boolean,
): Verdict {
  const found = suites({ protocols }, isMeant);
  const undecided = list([
    ...new Set(
      protocols
        .flatMap((protocol) => protocol.undecided.map(cipherSuite))
        .filter(isMeant)
        .map(({ name }) => name),
    ),
  ]);
  return found === undefined && undecided !== undefined
    ? { kind: "unknown", reason: `could not tell whether these are accepted: ${undecided}` }
    : vulnerableIf(found);
}

/** The suites of some versions; not applicable where none of these is spoken. */
function among(
  { protocols }: Evidence,
  isMeant: (protocol: SubjectProtocol) => boolean,
  isWeak: (suite: CipherSuite) => boolean,
): Verdict {
  const meant = protocols.filter(isMeant);
  return meant.length === 0 ? NOT_APPLICABLE : ofSuites({ protocols: meant }, isWeak);
}

/** The first of many: the report has them all elsewhere. */
function list(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  return names.length <= 6
    ? names.join(", ")
    : `${names.slice(0, 6).join(", ")} and ${names.length - 6} more`;
}

type Prime = Extract<ServerKey, { readonly kind: "dh" | "srp" }>;

/** The primes that the server used, each once. */
export function primesOf(
  protocols: readonly Pick<SubjectProtocol, "version" | "accepted">[],
): readonly Prime[] {
  const found = new Map<string, Prime>();
  for (const { version, accepted } of protocols) {
    if (version === 0x0304) continue;
    for (const one of accepted) {
      const key = serverKeyOf(one);
      if (key?.kind === "dh") found.set(Buffer.from(key.prime).toString("latin1"), key);
    }
  }
  return [...found.values()];
}

function serverKeyOf({ suite, flight }: Accepted): ServerKey | undefined {
  try {
    return flight.keyExchange === undefined
      ? undefined
      : readServerKey(flight.keyExchange, cipherSuite(suite));
  } catch {
    return undefined;
  }
}

function ofPrimes({ protocols }: Evidence, isWeak: (prime: Prime) => boolean): Verdict {
  const primes = primesOf(protocols);
  const weak = list(primes.filter(isWeak).map(primeText));
  // A suite was selected, and no prime could be read behind it.
  const isUnread = protocols.some(
    ({ version, accepted }) =>
      version < 0x0304 &&
      accepted.some((one) => cipherSuite(one.suite).ephemeral === "dh" && !serverKeyOf(one)),
  );
  if (weak === undefined && isUnread)
    return { kind: "unknown", reason: "a Diffie-Hellman prime could not be read" };
  return primes.length === 0 ? NOT_APPLICABLE : vulnerableIf(weak);
}

function primeText({ bits, prime }: Prime): string {
  const name = knownPrime(prime);
  return name === undefined ? `${bits} bits` : `${bits} bits, the prime of ${name}`;
}

function logjam(evidence: Evidence): Verdict {
  const exported = ofSuites(evidence, ({ keyExchange }) => /^DHE_\w+_EXPORT/.test(keyExchange));
  return exported.kind === "not vulnerable"
    ? ofPrimes(evidence, ({ bits }) => bits <= 1024)
    : exported;
}

/**
 * With encrypt-then-MAC the MAC is checked first; a client that does not ask for it is exposed all
 * the same.
 */
function lucky13({ protocols, features }: Evidence): Verdict {
  const older = protocols.filter(({ version }) => version < 0x0304);
  const cbc = suites({ protocols: older }, ({ isCbc }) => isCbc);
  if (cbc === undefined) return NOT_APPLICABLE;
  return vulnerableIf(features.encryptThenMac === true ? undefined : cbc);
}
