import { knownPrime } from "../tls/dh-primes.ts";
import { attempt } from "./attempt.ts";
import { findAlpn, findFallbackScsv, findSniBehaviour, shownAbilities } from "./abilities.ts";
import { type ModernFacts, modernFacts } from "./handshake/modern-certificates.ts";
import { sessionFacts } from "./handshake/session-features.ts";
import { httpFacts } from "./http-facts.ts";
import type { Prober } from "./prober.ts";
import type { FoundProtocol } from "./protocol-report.ts";
import type { Features } from "./report.ts";
import { clearLogins } from "./starttls/clear-text.ts";
import { askHttp } from "./starttls/find-tls.ts";
import { primesOf } from "./weaknesses/suite-weaknesses.ts";

/** What is known of a server beyond its versions and suites. */
export interface FurtherFacts {
  readonly features: Features;
  readonly modern: ModernFacts | undefined;
  readonly plainAnswer: string | undefined;
  readonly ticket: Uint8Array | undefined;
}

/** Everything that is asked once versions and suites are known, side by side. Never rejects. */
export async function askFurther(
  prober: Prober,
  protocols: readonly FoundProtocol[],
  starttls: string | undefined,
): Promise<FurtherFacts> {
  const older = protocols.filter(({ version }) => version !== 0x0304);
  const newest = protocols.find(({ version }) => version === 0x0304);
  const askedModern =
    newest === undefined || prober.isOver
      ? undefined
      : attempt({ prober, probe: "certificate", facts: "the certificate of TLS 1.3" }, () =>
          modernFacts(prober, {
            groups: newest.keyExchange?.groups ?? [],
            asksAlpn: older.length === 0,
          }),
        );
  const wantsClientCertificate = Promise.resolve(askedModern).then(
    (modern) =>
      modern?.wantsClientCertificate === true ||
      older.some(({ preference }) =>
        preference.ordered.some(({ flight }) => flight.wantsClientCertificate),
      ),
  );
  const versions = protocols.map(({ name }) => name);
  const [features, modern, session, plain, logins] = await Promise.all([
    findFeatures(prober, protocols),
    askedModern,
    attempt({ prober, probe: "session", facts: "resumption and renegotiation" }, () =>
      sessionFacts(prober, { versions, wantsClientCertificate }),
    ),
    prober.dialogue === undefined
      ? attempt({ prober, probe: "plaintext", facts: "whether plain HTTP is answered" }, () =>
          findPlainAnswer(prober),
        )
      : undefined,
    loginsBefore(prober, starttls),
  ]);
  const offers = [...(features.alpn ?? []), ...(modern?.alpn ?? [])];
  const http = await askedHttp(prober, plain?.isHttp === true || offers.some(isHttp));
  const shown: Features =
    modern === undefined || older.length > 0
      ? {}
      : {
          alpn: modern.alpn,
          ocspStapling: modern.messages.some(({ ocspResponse }) => ocspResponse !== undefined),
        };
  return {
    features: {
      ...features,
      ...shown,
      ...session?.features,
      ...(logins === undefined ? {} : { clearLogins: logins }),
      ...(http === undefined ? {} : { http }),
    },
    modern,
    plainAnswer: plain?.page,
    ticket: session?.ticket,
  };
}

/** How passwords are taken before TLS, where it is asked for in a protocol. */
async function loginsBefore(
  prober: Prober,
  starttls: string | undefined,
): Promise<Features["clearLogins"]> {
  if (starttls === undefined) return undefined;
  return attempt({ prober, probe: "logins", facts: "whether passwords are taken before TLS" }, () =>
    clearLogins(prober, starttls),
  );
}

/** What HTTP over TLS says, where TLS begins at once and something speaks of HTTP. */
async function askedHttp(prober: Prober, speaksHttp: boolean): Promise<Features["http"]> {
  if (prober.dialogue !== undefined || !speaksHttp) return undefined;
  return attempt({ prober, probe: "http", facts: "HSTS and cookies" }, () => httpFacts(prober));
}

function isHttp(protocol: string): boolean {
  return /^(?:h2|http\/1)/.test(protocol);
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
  const ask = <T>(facts: string, run: () => T | Promise<T>): Promise<T | undefined> =>
    attempt({ prober, probe: "features", facts }, run);
  const [abilities, dhPrime, alpn, fallbackScsv, sni] = await Promise.all([
    ask("what its flights show", () => shownAbilities(spoken)),
    ask("the Diffie-Hellman prime", () => shortestPrime(spoken)),
    older === undefined ? undefined : ask("ALPN", () => findAlpn(prober, older)),
    ask("the fallback SCSV", () => findFallbackScsv(prober, spoken)),
    older === undefined
      ? undefined
      : ask("the answers to other names", () => findSniBehaviour(prober, older)),
  ]);
  return {
    ...abilities,
    ...(alpn === undefined ? {} : { alpn }),
    ...(fallbackScsv === undefined ? {} : { fallbackScsv }),
    ...(sni === undefined ? {} : { sni }),
    ...(dhPrime === undefined ? {} : { dhPrime }),
  };
}

function shortestPrime(spoken: Parameters<typeof primesOf>[0]): Features["dhPrime"] {
  const [prime] = primesOf(spoken).toSorted((a, b) => a.bits - b.bits);
  if (prime === undefined) return undefined;
  const known = knownPrime(prime.prime);
  return { bits: prime.bits, ...(known === undefined ? {} : { known }) };
}

/** What a plain HTTP request gets from a port of TLS. */
interface PlainAnswer {
  readonly isHttp: boolean;
  /** The first line; undefined for an alert, silence, a refusal or a way to TLS. */
  readonly page: string | undefined;
}

async function findPlainAnswer(prober: Prober): Promise<PlainAnswer> {
  const answer = await askHttp(prober);
  const [line, status] =
    answer.kind === "plain"
      ? (/^HTTP\/1\.[01] (\d{3})[^\r\n]{0,80}/.exec(Buffer.from(answer.bytes).toString("latin1")) ??
        [])
      : [];
  // 400, 426 and 497 are what servers say to those who speak HTTP to HTTPS; a redirect leads there.
  const isRefusal = status === undefined || /^(?:3\d\d|400|426|497)$/.test(status);
  return { isHttp: status !== undefined, page: isRefusal ? undefined : line };
}
