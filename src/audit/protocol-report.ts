import { type CipherSuite, cipherSuite } from "../tls/cipher-suites.ts";
import type { VersionCode, VersionName } from "../tls/client-hello.ts";
import { groupName } from "../tls/groups.ts";
import { schemeName } from "../tls/signature-schemes.ts";
import type { Certificate } from "./certificate/certificate.ts";
import type { Accepted } from "./enumerate.ts";
import type { KeyExchangeFacts } from "./key-exchange.ts";
import { forwardSecrecyWarning, gradeSuite } from "./grade.ts";
import type { Preference } from "./preference.ts";
import type { ProtocolReport } from "./report.ts";

/** One version that a server speaks. */
export interface FoundProtocol {
  readonly version: VersionCode;
  readonly name: VersionName;
  readonly preference: Preference;
  /** Undefined for TLS 1.3, which has none. */
  readonly compressors: readonly string[] | undefined;
  readonly keyExchange: KeyExchangeFacts | undefined;
  /** Suites of which it could not be told whether they are accepted. */
  readonly undecided: readonly number[];
}

/** A version's suites with their grades and warnings, as ssl-enum-ciphers reports them. */
export function reportProtocol(
  { version, preference, compressors, keyExchange }: Omit<FoundProtocol, "name" | "undecided">,
  leafOf: (accepted: Accepted) => Certificate | undefined,
): ProtocolReport {
  const warnings = new Set<string>();
  const ciphers = preference.ordered.map((accepted) => {
    const suite = cipherSuite(accepted.suite);
    const grade = gradeSuite({
      suite,
      flight: accepted.flight,
      certificate: leafOf(accepted),
      version,
    });
    for (const warning of grade.warnings) warnings.add(warning);
    return {
      ...namedSuite(suite),
      ...(grade.kexInfo === undefined ? {} : { kexInfo: grade.kexInfo }),
      strength: grade.letter,
    };
  });
  const secrecy = forwardSecrecyWarning(preference.ordered.map(({ suite }) => cipherSuite(suite)));
  if (secrecy !== undefined) warnings.add(secrecy);
  const isServers = preference.preference === "server" && preference.error === undefined;
  return {
    ciphers: isServers ? ciphers : ciphers.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ...(compressors === undefined ? {} : { compressors }),
    ...(preference.preference === undefined ? {} : { cipherPreference: preference.preference }),
    ...(preference.error === undefined ? {} : { cipherPreferenceError: preference.error }),
    ...(preference.isChaChaFirst === true ? { chacha20First: true } : {}),
    ...(preference.equals === undefined
      ? {}
      : { equalPreference: preference.equals.map((suite) => cipherSuite(suite).name) }),
    ...(keyExchange === undefined ? {} : keyExchangeReport(keyExchange)),
    warnings: [...warnings].toSorted(),
  };
}

/** A version's suites by their names, where their grades could not be told. */
export function suitesAlone({ preference: { ordered } }: FoundProtocol): ProtocolReport {
  return {
    ciphers: ordered.map(({ suite }) => ({
      ...namedSuite(cipherSuite(suite)),
      strength: "unknown",
    })),
    warnings: [],
  };
}

/** How reports call a suite. */
export function namedSuite({ id, name }: CipherSuite): {
  readonly id: string;
  readonly name: string;
} {
  return { id: `0x${id.toString(16).toUpperCase().padStart(4, "0")}`, name };
}

function keyExchangeReport({
  groups,
  groupPreference,
  schemes,
}: KeyExchangeFacts): Pick<ProtocolReport, "groups" | "groupPreference" | "signatureSchemes"> {
  return {
    groups: groups.map(groupName),
    ...(groupPreference === undefined ? {} : { groupPreference }),
    ...(schemes.length === 0 ? {} : { signatureSchemes: schemes.map(schemeName) }),
  };
}
