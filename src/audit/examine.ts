import { type VersionCode, type VersionName, VERSIONS } from "../tls/client-hello.ts";
import { alertText } from "../tls/alerts.ts";
import { attempt } from "./attempt.ts";
import type { Answer } from "./connection.ts";
import type { TrustStore } from "./certificate/trust-store.ts";
import { findCompressors } from "./compressors.ts";
import {
  type Enumeration,
  enumerate,
  enumerateRefused,
  FIRST_VERSION,
  SharedFindings,
} from "./enumerate.ts";
import { assessServer, type Found } from "./assess-server.ts";
import { findKeyExchange } from "./key-exchange.ts";
import { findPreference } from "./preference.ts";
import type { Prober } from "./prober.ts";
import { reachTls, type ReachOptions } from "./reach-tls.ts";
import type { FoundProtocol } from "./protocol-report.ts";
import { findSslv2 } from "./sslv2.ts";
import { wantsName } from "./wants-name.ts";

/** Of a target of which nothing is known: the errors say why. */
export const NOTHING: Found = { protocols: {}, groups: [], certificates: [], findings: [] };

/** What certificates are held against, and how the target is named. */
export interface Context extends ReachOptions {
  readonly now: Date;
  /** The address that was asked for, where no name was. */
  readonly identity?: string | undefined;
  /** The system's store when left out. */
  readonly trust?: TrustStore | undefined;
  /** Authorities are asked whether certificates are revoked, until it is aborted. */
  readonly revocation?: AbortSignal | undefined;
}

/**
 * Finds out everything about one target. Rejects when the first contact does; every later step that
 * fails is an error of the prober's.
 */
export async function examine(prober: Prober, context: Context): Promise<Found> {
  const name = prober.serverName ?? context.identity;
  const reached = await reachTls(prober, context);
  if (reached.kind !== "tls")
    return {
      ...NOTHING,
      ...(reached.kind === "plain" ? { tls: false } : {}),
      ...(reached.speaks === undefined ? {} : { speaks: reached.speaks }),
    };
  const { first, starttls } = reached;
  const [protocols, sslv2] = await Promise.all([enumerateAll(prober, first), findSslv2(prober)]);
  const isWhole = !prober.isIncomplete;
  const frame = starttls === undefined ? {} : { starttls, speaks: starttls };
  if (protocols.length > 0 || sslv2 !== undefined) {
    const spoken = { protocols, sslv2, isWhole };
    const found = await assessServer(prober, spoken, { ...context, name, starttls });
    return { ...named(found), ...found, ...frame };
  }
  // An alert is TLS, even where no suite of ours was good enough.
  const alert = first.kind === "flight" ? first.flight.alert : undefined;
  const how = alert === undefined ? "" : `: ${alertText(alert)}`;
  prober.note("ciphers", `none was accepted${how}; ${wantsName(prober)}`, "incomplete");
  return { ...NOTHING, ...frame, tls: true };
}

/**
 * Protocols whose servers begin TLS at once and show themselves by ALPN (IANA's register):
 * PostgreSQL 17 with `sslnegotiation=direct`, TDS 8.0 ([MS-TDS] §2.2.6.5).
 */
const BY_ALPN: Readonly<Record<string, string>> = { postgresql: "postgresql", "tds/8.0": "ms-sql" };

/** What a server speaks inside TLS, where that is sure. */
function named({ features }: Found): Pick<Found, "speaks"> {
  const speaks = features?.alpn?.map((name) => BY_ALPN[name]).find((name) => name !== undefined);
  return speaks === undefined ? {} : { speaks };
}

/**
 * All versions side by side: the prober decides how many connections that really are. Newest first.
 */
async function enumerateAll(prober: Prober, first: Answer): Promise<FoundProtocol[]> {
  const bearsLongHellos = first.kind === "flight" && first.flight.hello !== undefined;
  const shared = new SharedFindings();
  const search = async (
    { code, name }: (typeof VERSIONS)[number],
    known?: Answer,
  ): Promise<VersionSearch> => {
    const options =
      code === FIRST_VERSION
        ? { first: known, bearsLongHellos: false, shared }
        : { first: undefined, bearsLongHellos, shared };
    const enumeration = await attempt({ prober, probe: name, facts: "its suites" }, () =>
      enumerate(prober, code, options),
    );
    return { version: code, name, enumeration: enumeration ?? FAILED };
  };
  const pending = new Map<number, Promise<VersionSearch>>();
  const start = (version: (typeof VERSIONS)[number]): Promise<VersionSearch> => {
    const known = pending.get(version.code) ?? search(version, first);
    pending.set(version.code, known);
    return known;
  };
  // Where the first hello was too much, all versions begin with what its own has found out.
  if (!bearsLongHellos) await start(VERSIONS[3]);
  const newestFirst = VERSIONS.toReversed();
  let asked = await Promise.all(newestFirst.map(start));
  if (prober.takeMisled()) asked = await Promise.all(newestFirst.map((version) => search(version)));
  const searches = await refusedAgain(prober, asked, shared);
  const spoken = searches.filter(({ enumeration }) => enumeration.runs.length > 0);
  noteInconclusive(prober, searches, spoken.length > 0);
  const newestOlder = spoken.find(({ version }) => version < 0x0304);
  return Promise.all(
    spoken.map(async (search): Promise<FoundProtocol> => {
      const { version, name: probe, enumeration } = search;
      const accepted = enumeration.runs.flat();
      const [preference, compressors, keyExchange] = await Promise.all([
        attempt({ prober, probe, facts: "the order of its suites" }, () =>
          findPreference(prober, version, enumeration),
        ),
        version === 0x0304
          ? undefined
          : attempt({ prober, probe, facts: "compression" }, () =>
              findCompressors(prober, version, accepted),
            ),
        version === 0x0304 || search === newestOlder
          ? attempt({ prober, probe, facts: "groups and signature schemes" }, () =>
              findKeyExchange(prober, version, accepted),
            )
          : undefined,
      ]);
      return {
        version,
        name: probe,
        preference: preference ?? { preference: undefined, error: undefined, ordered: accepted },
        compressors,
        keyExchange,
        undecided: enumeration.undecided ?? [],
      };
    }),
  );
}

/**
 * Where every version was refused, it may be for what else their hellos held: each is asked again
 * in other shapes.
 */
function refusedAgain(
  prober: Prober,
  searches: readonly VersionSearch[],
  shared: SharedFindings,
): Promise<readonly VersionSearch[]> {
  if (searches.some(({ enumeration }) => enumeration.runs.length > 0))
    return Promise.resolve(searches);
  return Promise.all(
    searches.map(async (search) => {
      if (search.enumeration.inconclusive !== undefined) return search;
      const enumeration = await attempt({ prober, probe: search.name, facts: "its suites" }, () =>
        enumerateRefused(prober, search.version, shared),
      );
      return { ...search, enumeration: enumeration ?? FAILED };
    }),
  );
}

/** What is known of a version whose search was ended by a fault. */
const FAILED: Enumeration = {
  runs: [],
  inconclusive: { reason: "the search failed", isSilent: true },
};

interface VersionSearch {
  readonly version: VersionCode;
  readonly name: VersionName;
  readonly enumeration: Enumeration;
}

/**
 * A version that was answered with neither yes nor no: closing is how a server says no that still
 * takes what it took before (the prober has asked).
 */
function noteInconclusive(
  prober: Prober,
  searches: readonly VersionSearch[],
  isAnswered: boolean,
): void {
  const reasons = new Set(searches.map(({ enumeration }) => enumeration.inconclusive?.reason));
  for (const { name, enumeration } of searches) {
    const { inconclusive } = enumeration;
    // Where all were refused alike, that is said once, of the server.
    if (!isAnswered && inconclusive?.isSilent === false && reasons.size === 1) continue;
    if (inconclusive !== undefined && (inconclusive.isSilent || !isAnswered))
      prober.note(
        name,
        `could not tell whether it is offered: ${inconclusive.reason}`,
        "incomplete",
      );
  }
}
