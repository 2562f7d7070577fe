import { knownPrime } from "../tls/dh-primes.ts";
import { findAlpn, findFallbackScsv, findSniBehaviour, shownAbilities } from "./abilities.ts";
import { type ModernFacts, modernFacts } from "./handshake/modern-certificates.ts";
import { sessionFacts } from "./handshake/session-features.ts";
import type { Prober } from "./prober.ts";
import type { FoundProtocol } from "./protocol-report.ts";
import type { Features } from "./report.ts";
import { askHttp } from "./starttls/find-tls.ts";
import { primesOf } from "./weaknesses/suite-weaknesses.ts";

/** What is known of a server beyond its versions and suites. */
export interface FurtherFacts {
  readonly features: Features;
  readonly modern: ModernFacts | undefined;
  readonly plainAnswer: string | undefined;
  readonly ticket: Uint8Array | undefined;
}

/** Everything that is asked once versions and suites are known, side by side. */
export async function askFurther(
  prober: Prober,
  protocols: readonly FoundProtocol[],
): Promise<FurtherFacts> {
  const older = protocols.filter(({ version }) => version !== 0x0304);
  const newest = protocols.find(({ version }) => version === 0x0304);
  const askedModern =
    newest === undefined || prober.isOver
      ? undefined
      : modernFacts(prober, {
          groups: newest.keyExchange?.groups ?? [],
          asksAlpn: older.length === 0,
        });
  const wantsClientCertificate = Promise.resolve(askedModern).then(
    (modern) =>
      modern?.wantsClientCertificate === true ||
      older.some(({ preference }) =>
        preference.ordered.some(({ flight }) => flight.wantsClientCertificate),
      ),
  );
  const [features, modern, session, plainAnswer] = await Promise.all([
    findFeatures(prober, protocols),
    askedModern,
    sessionFacts(prober, { versions: protocols.map(({ name }) => name), wantsClientCertificate }),
    prober.dialogue === undefined ? findPlainAnswer(prober) : undefined,
  ]);
  const shown: Features =
    modern === undefined || older.length > 0
      ? {}
      : {
          alpn: modern.alpn,
          ocspStapling: modern.messages.some(({ ocspResponse }) => ocspResponse !== undefined),
        };
  return {
    features: { ...features, ...shown, ...session.features },
    modern,
    plainAnswer,
    ticket: session.ticket,
  };
}

/** What the server can do besides, with few connections. */
async function findFeatures(
  prober: Prober,
  protocols: readonly FoundProtocol[],
): Promise<Features> {
  const spoken = protocols.map(({ version, preference }) => ({
    version,
    accepted: preference.ordered,
  }));
  const older = spoken.find(({ version }) => version < 0x0304 && version > 0x0300);
  const [prime] = primesOf(spoken).toSorted((a, b) => a.bits - b.bits);
  const known = prime === undefined ? undefined : knownPrime(prime.prime);
  const [alpn, fallbackScsv, sni] = await Promise.all([
    older === undefined ? undefined : findAlpn(prober, older),
    findFallbackScsv(prober, spoken),
    older === undefined ? undefined : findSniBehaviour(prober, older),
  ]);
  return {
    ...shownAbilities(spoken),
    ...(alpn === undefined ? {} : { alpn }),
    ...(fallbackScsv === undefined ? {} : { fallbackScsv }),
    ...(sni === undefined ? {} : { sni }),
    ...(prime === undefined
      ? {}
      : { dhPrime: { bits: prime.bits, ...(known === undefined ? {} : { known }) } }),
  };
}

/**
 * What a plain HTTP request gets from a port of TLS: undefined where that is an alert, silence, a
 * refusal or a way to TLS.
 */
async function findPlainAnswer(prober: Prober): Promise<string | undefined> {
  const answer = await askHttp(prober);
  const [line, status] =
    answer.kind === "plain"
      ? (/^HTTP\/1\.[01] (\d{3})[^\r\n]{0,80}/.exec(Buffer.from(answer.bytes).toString("latin1")) ??
        [])
      : [];
  // 400, 426 and 497 are what servers say to those who speak HTTP to HTTPS; a redirect leads there.
  return status === undefined || /^(?:3\d\d|400|426|497)$/.test(status) ? undefined : line;
}
