import { cipherSuite } from "../tls/cipher-suites.ts";
import { alpnExtension, EXTENSION, type VersionCode } from "../tls/client-hello.ts";
import type { Flight } from "../tls/server-flight.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import type { Accepted } from "./enumerate.ts";
import type { Hello, Prober } from "./prober.ts";
import type { Features, SniBehaviour } from "./report.ts";
import { classifyAnswer } from "./verdict.ts";

/** One version and what it accepts. */
interface Spoken {
  readonly version: VersionCode;
  readonly accepted: readonly Accepted[];
}

/**
 * What flights of TLS 1.2 and older show of the server's abilities without further questions.
 * `protocols` newest first.
 */
export function shownAbilities(protocols: readonly Spoken[]): Features {
  const older = protocols
    .filter(({ version }) => version > 0x0300 && version < 0x0304)
    .flatMap(({ accepted }) => accepted);
  if (older.length === 0) return {};
  const has = (type: number, among = older): boolean =>
    among.some(({ flight }) => flight.hello?.extensions.has(type));
  const askedAll = older.filter(({ wasAskedAll }) => wasAskedAll);
  const withCbc = older.filter(({ suite }) => cipherSuite(suite).isCbc);
  return {
    extendedMasterSecret: has(EXTENSION.extendedMasterSecret),
    ...(withCbc.length === 0 ? {} : { encryptThenMac: has(EXTENSION.encryptThenMac, withCbc) }),
    secureRenegotiation: has(EXTENSION.renegotiationInfo),
    tickets: has(EXTENSION.sessionTicket),
    ...(askedAll.length === 0
      ? {}
      : {
          heartbeat: has(EXTENSION.heartbeat, askedAll),
          ocspStapling: askedAll.some(({ flight }) => flight.ocspResponse !== undefined),
        }),
  };
}

/**
 * Application protocols that servers have been seen with (IANA "TLS Application-Layer Protocol
 * Negotiation Protocol IDs"). Without `acme-tls/1`: some servers (Caddy) end a handshake that
 * offers it, whatever else is offered (RFC 8737 §3).
 */
export const ALPN_PROTOCOLS: readonly string[] = [
  "h2",
  "http/1.1",
  "http/1.0",
  "spdy/3.1",
  "grpc-exp",
  "postgresql",
  "imap",
  "pop3",
  "smtp",
  "lmtp",
  "nntp",
  "managesieve",
  "ftp",
  "xmpp-client",
  "xmpp-server",
  "irc",
  "mqtt",
  "dot",
  "doq",
  "sip/2",
  "ntske/1",
  "tds/8.0",
  "nats",
  "redis",
  "mysql",
  "coap",
  "stun.turn",
  "stun.nat-discovery",
  "webrtc",
  "c-webrtc",
  "sunrpc",
  "radius/1.1",
];

/**
 * Asks for application protocols one after the other (RFC 7301), and undefined when the server's
 * answer cannot be read.
 */
export async function findAlpn(
  prober: Prober,
  { version, accepted }: Spoken,
): Promise<readonly string[] | undefined> {
  const suites = accepted.map(({ suite }) => suite);
  const found: string[] = [];
  for (;;) {
    const offered = ALPN_PROTOCOLS.filter((name) => !found.includes(name));
    const verdict = classifyAnswer(
      await prober.hello({ version, suites, extensions: [alpnExtension(offered)] }),
      version,
      suites,
    );
    if (verdict.kind !== "accepted") {
      const isNone = verdict.kind === "failed" && verdict.alert === NO_APPLICATION_PROTOCOL;
      if (found.length > 0) break;
      return isNone ? found : undefined;
    }
    const picked = selectedAlpn(verdict.flight);
    if (picked === undefined || !offered.includes(picked)) break;
    found.push(picked);
  }
  // One that has ALPN may have this one, too: offered apart.
  if (found.length > 0) {
    const extensions = [alpnExtension([ACME])];
    const answer = await prober.hello({ version, suites, extensions });
    if (answer.kind === "flight" && selectedAlpn(answer.flight) === ACME) found.push(ACME);
  }
  return found;
}

const ACME = "acme-tls/1";

const NO_APPLICATION_PROTOCOL = 120;

function selectedAlpn({ hello }: Flight): string | undefined {
  const body = hello?.extensions.get(EXTENSION.alpn);
  if (body === undefined) return undefined;
  try {
    const list = new ByteReader(body, "PEER_TLS");
    list.u16("list length");
    return new TextDecoder().decode(list.take(list.u8("name length"), "name"));
  } catch {
    return undefined;
  }
}

/** TLS_FALLBACK_SCSV (RFC 7507). */
const FALLBACK_SCSV = 0x5600;

/**
 * Whether a hello that claims to be a fallback is refused; undefined with one version alone, or
 * when it cannot be told. `protocols` newest first.
 */
export async function findFallbackScsv(
  prober: Prober,
  protocols: readonly Spoken[],
): Promise<boolean | undefined> {
  const older = protocols.slice(1).find(({ version }) => version < 0x0304);
  if (older === undefined) return undefined;
  const suites = older.accepted.map(({ suite }) => suite);
  const answer = await prober.hello({ version: older.version, suites: [...suites, FALLBACK_SCSV] });
  if (answer.kind === "flight" && answer.flight.alert?.description === INAPPROPRIATE_FALLBACK)
    return true;
  return classifyAnswer(answer, older.version, suites).kind === "accepted" ? false : undefined;
}

const INAPPROPRIATE_FALLBACK = 86;

/** A name that no server is configured for (RFC 2606). */
const UNKNOWN_NAME = "saker-asks.invalid";

/**
 * How a server treats hellos without a name and with an unknown one, up to TLS 1.2, where the
 * certificate is in the clear.
 */
export async function findSniBehaviour(
  prober: Prober,
  { version, accepted }: Spoken,
): Promise<Features["sni"] | undefined> {
  const [first] = accepted;
  const leaf = first?.flight.certificates[0];
  if (first === undefined || leaf === undefined) return undefined;
  const ask = async (serverName: string | null): Promise<SniBehaviour | undefined> => {
    const hello: Hello = { version, suites: [first.suite] };
    const verdict = classifyAnswer(await prober.hello(hello, { name: serverName }), version, [
      first.suite,
    ]);
    if (verdict.kind === "unreachable") return undefined;
    if (verdict.kind !== "accepted") return "refused";
    const other = verdict.flight.certificates[0];
    return other !== undefined && Buffer.compare(other, leaf) === 0 ? "same" : "other";
  };
  const withoutName = prober.serverName === undefined ? "same" : await ask(null);
  const unknownName = await ask(UNKNOWN_NAME);
  return withoutName === undefined || unknownName === undefined
    ? undefined
    : { withoutName, unknownName };
}
