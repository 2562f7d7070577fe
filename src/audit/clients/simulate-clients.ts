import { type CipherSuite, cipherSuite } from "../../tls/cipher-suites.ts";
import { VERSIONS } from "../../tls/client-hello.ts";
import { groupCode, groupName } from "../../tls/groups.ts";
import { schemeName } from "../../tls/signature-schemes.ts";
import type { AuditReport, ClientReport, ProtocolReport } from "../report.ts";
import { type Client, CLIENTS } from "./client-table.ts";

/** What a simulation goes by: of a report whose every fact was asked. */
type Server = Pick<AuditReport, "protocols" | "groups" | "certificates" | "features">;

/**
 * What each client of the table gets from the server, worked out of what the audit has found: no
 * further connection is made. The version is the newest of both, the suite the first that both can
 * complete in the order of who decides. Of the group no more is said than is sure: some servers
 * prefer one that a key was sent for, so there may be two.
 */
export function simulateClients(server: Server): ClientReport[] {
  return CLIENTS.map((client) => ({ name: client.name, ...simulate(client, server) }));
}

type Outcome = Omit<ClientReport, "name">;

function simulate(client: Client, server: Server): Outcome {
  const [oldest, newest] = client.versions;
  const version = VERSIONS.findLast(
    ({ code, name }) => code >= oldest && code <= newest && name in server.protocols,
  );
  const protocol = version === undefined ? undefined : server.protocols[version.name];
  if (version === undefined || protocol === undefined) return { failure: "no version in common" };
  const meeting: Meeting = {
    client,
    protocol,
    isModern: version.code === 0x0304,
    hasSchemes: version.code >= 0x0303,
    groups: groupsInCommon(client, protocol.groups ?? server.groups),
    curves: server.certificates.flatMap(({ curve }) => curve ?? []),
  };
  const shared = suitesInCommon(meeting);
  const obstacles = shared.map((suite) => obstacleOf(suite, meeting));
  const usable = shared.filter((_, index) => obstacles[index] === undefined);
  const found = { version: version.name, ...alpnOf(client, server) };
  if (usable.length === 0)
    return { version: version.name, failure: obstacles[0] ?? "no suite in common" };
  const suite = usable.length === 1 ? usable[0] : decided(usable, meeting);
  if (suite === undefined)
    return { ...found, unsure: "which suite: who decides could not be told" };
  const groups = suite.isTls13 || suite.ephemeral === "ec" ? likelyGroups(meeting) : [];
  return { ...found, cipher: suite.name, ...(groups.length === 0 ? {} : { groups }) };
}

/** One client at one version of the server. */
interface Meeting {
  readonly client: Client;
  readonly protocol: ProtocolReport;
  readonly isModern: boolean;
  /** From TLS 1.2 on, both sides must agree on a signature scheme. */
  readonly hasSchemes: boolean;
  /** Names, in the server's order where it has one. */
  readonly groups: readonly string[];
  /** Of the server's elliptic certificates. */
  readonly curves: readonly string[];
}

/** A client that says nothing of groups takes all (RFC 8422 §4). */
function groupsInCommon({ groups }: Client, taken: readonly string[]): string[] {
  const known = groups.map(groupName);
  return groups.length === 0 ? [...taken] : taken.filter((name) => known.includes(name));
}

/** In the order of the report. */
function suitesInCommon({ client, protocol, isModern }: Meeting): CipherSuite[] {
  return protocol.ciphers
    .map(({ id }) => cipherSuite(Number(id)))
    .filter(({ id, isTls13 }) => client.suites.includes(id) && (isTls13 || !isModern));
}

/** Why a suite that both have cannot be used; undefined where it can. */
function obstacleOf(suite: CipherSuite, meeting: Meeting): string | undefined {
  const { groups, isModern, hasSchemes } = meeting;
  const needsGroup = isModern || suite.ephemeral === "ec";
  if (needsGroup && groups.length === 0) return "no group in common";
  if (!isModern && suite.certificateKey === "ec" && !knowsCurve(meeting))
    return "the certificate's curve is none of its groups";
  const isSigned =
    isModern || (suite.ephemeral !== undefined && suite.certificateKey !== undefined);
  return hasSchemes && isSigned && !hasScheme(suite, meeting)
    ? "no signature scheme in common"
    : undefined;
}

function knowsCurve({ client, curves }: Meeting): boolean {
  const codes = curves.flatMap((curve) => groupCode(curve) ?? []);
  return (
    client.groups.length === 0 ||
    codes.length === 0 ||
    codes.some((code) => client.groups.includes(code))
  );
}

/** Which of a scheme's names are for a suite's kind of key. */
const SCHEMES_OF = { rsa: /^rsa_/, ec: /^(?:ecdsa_|ed\d)/, dsa: /^dsa_/, dh: /./ } as const;

/** What was not asked of the server, or is not said by the client, is no obstacle. */
function hasScheme({ certificateKey }: CipherSuite, { client, protocol }: Meeting): boolean {
  const { signatureSchemes = [] } = protocol;
  const fitting = signatureSchemes.filter(
    (name) => certificateKey === undefined || SCHEMES_OF[certificateKey].test(name),
  );
  const known = client.schemes.map(schemeName);
  return (
    client.schemes.length === 0 ||
    fitting.length === 0 ||
    fitting.some((name) => known.includes(name))
  );
}

/** The suite of several that is picked; undefined where the order is not known. */
function decided(
  usable: readonly CipherSuite[],
  { client, protocol }: Meeting,
): CipherSuite | undefined {
  const byClient = usable.toSorted(
    (a, b) => client.suites.indexOf(a.id) - client.suites.indexOf(b.id),
  );
  const { cipherPreference, cipherPreferenceError, chacha20First, equalPreference } = protocol;
  if (cipherPreference === "client") return byClient[0];
  if (cipherPreference !== "server" || cipherPreferenceError !== undefined) return undefined;
  if (equalPreference !== undefined)
    return byClient.find(({ name }) => equalPreference.includes(name));
  if (chacha20First !== true) return usable[0];
  const isChaCha = ({ cipher }: CipherSuite): boolean => cipher === "CHACHA20";
  const wantsChaCha = isChaCha(cipherSuite(client.suites[0] ?? 0));
  return usable.find((suite) => isChaCha(suite) === wantsChaCha) ?? usable[0];
}

/** The group, or those of which one is picked. */
function likelyGroups({ client, protocol, groups, isModern }: Meeting): string[] {
  const byClient = groups.toSorted((a, b) => placeOf(a, client.groups) - placeOf(b, client.groups));
  const withKey = isModern
    ? client.keyShares.map(groupName).find((name) => groups.includes(name))
    : undefined;
  const { groupPreference } = protocol;
  const picked = [
    ...(groupPreference === "client" ? [] : groups.slice(0, 1)),
    ...(groupPreference === "server" ? [] : byClient.slice(0, 1)),
    ...(withKey === undefined ? [] : [withKey]),
  ];
  return [...new Set(picked)];
}

function placeOf(name: string, groups: readonly number[]): number {
  return groups.indexOf(groupCode(name) ?? 0);
}

/** The first of the server's protocols that the client offers. */
function alpnOf({ alpn }: Client, { features }: Server): Pick<Outcome, "alpn"> {
  const picked = features?.alpn?.find((name) => alpn.includes(name));
  return picked === undefined ? {} : { alpn: picked };
}
