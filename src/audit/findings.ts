import type { Finding, ProtocolReport } from "./report.ts";

interface Check {
  readonly id: string;
  readonly severity: Finding["severity"];
  readonly title: string;
  /** What shows it; undefined when it is not so. */
  readonly evidence: (protocols: Readonly<Record<string, ProtocolReport>>) => string | undefined;
}

/** What stands out in an audit; one entry a weakness. */
const CHECKS: readonly Check[] = [
  { id: "sslv3", severity: "high", title: "SSLv3 is broken (POODLE)", evidence: (protocols) => offered(protocols, ["SSLv3"]) },
  { id: "old-tls", severity: "medium", title: "TLS 1.0 and 1.1 are deprecated (RFC 8996)", evidence: (protocols) => offered(protocols, ["TLSv1.0", "TLSv1.1"]) },
  { id: "no-tls13", severity: "info", title: "TLS 1.3 is not offered", evidence: (protocols) => (protocols["TLSv1.3"] === undefined ? Object.keys(protocols).join(", ") : undefined) },
  { id: "export", severity: "critical", title: "Export suites (FREAK)", evidence: (protocols) => suites(protocols, /EXPORT/) },
  { id: "anonymous", severity: "critical", title: "Suites without authentication", evidence: (protocols) => suites(protocols, /anon/) },
  { id: "null", severity: "critical", title: "Suites without encryption", evidence: (protocols) => suites(protocols, /_NULL_/) },
  { id: "rc4", severity: "high", title: "RC4 is broken (RFC 7465)", evidence: (protocols) => suites(protocols, /RC4/) },
  { id: "sweet32", severity: "medium", title: "Ciphers with 64-bit blocks (SWEET32)", evidence: (protocols) => suites(protocols, /3DES|_DES|IDEA|RC2/) },
];

/** What stands out in the protocols. */
export function findings(protocols: Readonly<Record<string, ProtocolReport>>): Finding[] {
  return CHECKS.flatMap(({ id, severity, title, evidence }) => {
    const text = evidence(protocols);
    return text === undefined ? [] : [{ id, severity, title, evidence: text }];
  });
}

function offered(protocols: Readonly<Record<string, ProtocolReport>>, names: readonly string[]): string | undefined {
  const found = names.filter((name) => protocols[name] !== undefined);
  return found.length === 0 ? undefined : found.join(", ");
}

function suites(protocols: Readonly<Record<string, ProtocolReport>>, pattern: RegExp): string | undefined {
  const names = new Set(Object.values(protocols).flatMap((protocol) => protocol.ciphers.map((cipher) => cipher.name)).filter((name) => pattern.test(name)));
  return names.size === 0 ? undefined : [...names].join(", ");
}
