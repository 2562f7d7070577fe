import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { promisify } from "node:util";
import type { AuditReport } from "../../src/audit/report.ts";

/** Versions that Debian's OpenSSL speaks, with the option that chooses each alone. */
const VERSIONS = [
  ["TLSv1.0", "-tls1"],
  ["TLSv1.1", "-tls1_1"],
  ["TLSv1.2", "-tls1_2"],
  ["TLSv1.3", "-tls1_3"],
] as const;

/** `openssl s_client -starttls` by what we call a protocol. */
const STARTTLS: Readonly<Record<string, readonly string[]>> = {
  smtp: ["smtp"],
  lmtp: ["lmtp"],
  pop3: ["pop3"],
  imap: ["imap"],
  ftp: ["ftp"],
  irc: ["irc"],
  nntp: ["nntp"],
  sieve: ["sieve"],
  ldap: ["ldap"],
  mysql: ["mysql"],
  postgresql: ["postgres"],
  "xmpp-client": ["xmpp", "-xmpphost", "localhost"],
  "xmpp-server": ["xmpp-server", "-xmpphost", "localhost"],
};

const GROUPS =
  "X25519:P-256:P-384:P-521:X448:brainpoolP256r1:brainpoolP384r1:brainpoolP512r1:secp256k1:ffdhe2048:ffdhe3072:ffdhe4096";

/** Suites of a version that OpenSSL's client can be had to offer, by their OpenSSL names. */
type Offer = ReadonlyMap<string, string>;

/** What OpenSSL's client found in one version. */
interface Seen {
  /** Ids such as `0xC02F`, as the server picked them. */
  readonly picked: readonly string[];
  readonly isServersOrder: boolean;
  /** SHA-256 fingerprints. */
  readonly leaves: ReadonlySet<string>;
}

/** What OpenSSL's own client finds, by version. */
export type OpensslView = ReadonlyMap<string, { readonly offer: Offer; readonly seen: Seen }>;

/**
 * Has OpenSSL's own client look at a port; undefined where it does not find the way to TLS in that
 * protocol.
 */
export async function viewOfOpenssl(
  port: number,
  starttls: string | undefined,
): Promise<OpensslView | undefined> {
  const way = starttls === undefined ? [] : STARTTLS[starttls];
  if (way === undefined) return undefined;
  const connect = [
    "-connect",
    `127.0.0.1:${port}`,
    ...(way.length > 0 ? ["-starttls", ...way] : []),
  ];
  const view = new Map<string, { readonly offer: Offer; readonly seen: Seen }>();
  for (const [version, option] of VERSIONS) {
    const offer = await offered(option);
    view.set(version, { offer, seen: await enumerate(connect, option, offer) });
  }
  return view;
}

/**
 * Holds an audit against OpenSSL's view: versions, those suites that both know, who chooses, the
 * server's order, and that each leaf is in the report. Gives what differs.
 */
export function compareWithOpenssl(view: OpensslView, report: AuditReport): string[] {
  return [...view].flatMap(([version, { offer, seen }]) =>
    differences(version, offer, seen, report).map((text) => `openssl: ${text}`),
  );
}

function differences(version: string, offer: Offer, seen: Seen, report: AuditReport): string[] {
  const ids = new Set(offer.values());
  const protocol = report.protocols[version];
  const ours = (protocol?.ciphers ?? []).map(({ id }) => id).filter((id) => ids.has(id));
  const problems: string[] = [];
  const missing = seen.picked.filter((id) => !ours.includes(id));
  const beyond = ours.filter((id) => !seen.picked.includes(id));
  if (missing.length > 0) problems.push(`${version} has ${missing.join(" ")}, not found`);
  if (beyond.length > 0) problems.push(`${version} has not ${beyond.join(" ")}, found`);
  const isServers = protocol?.cipherPreference === "server";
  // Who puts ChaCha20 first gets it first from some servers.
  const [theirOrder, ourOrder] = [seen.picked, ours].map((list) =>
    list.filter((id) => !CHACHA20.has(id)).join(" "),
  );
  if (seen.isServersOrder && isServers && ourOrder !== theirOrder)
    problems.push(`${version} is in the order ${theirOrder}, found ${ourOrder}`);
  if (seen.picked.length > 1 && seen.isServersOrder !== isServers && protocol !== undefined)
    problems.push(
      `${version}: the ${seen.isServersOrder ? "server" : "client"} chooses, found ${protocol.cipherPreference}`,
    );
  const prints = new Set(report.certificates.map(({ fingerprintSha256 }) => fingerprintSha256));
  for (const leaf of seen.leaves)
    if (!prints.has(leaf)) problems.push(`${version} shows the certificate ${leaf}, not found`);
  return problems;
}

const CHACHA20: ReadonlySet<string> = new Set(["0xCCA8", "0xCCA9", "0xCCAA", "0x1303"]);

const offers = new Map<string, Offer>();

async function offered(option: string): Promise<Offer> {
  const known = offers.get(option);
  if (known !== undefined) return known;
  const list = await run(["ciphers", "-s", "-V", option, "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
  const offer = new Map(
    [...list.matchAll(/0x([0-9A-F]{2}),0x([0-9A-F]{2}) - (\S+)/g)]
      .map(([, high = "", low = "", name = ""]) => [name, `0x${high}${low}`] as const)
      .filter(([, id]) => id.startsWith("0x13") === (option === "-tls1_3")),
  );
  offers.set(option, offer);
  return offer;
}

/** Strikes out what the server picks until it picks nothing; then asks once in the other order. */
async function enumerate(connect: readonly string[], option: string, offer: Offer): Promise<Seen> {
  const names = [...offer.keys()].toSorted(
    (a, b) => Number(a.includes("CHACHA20")) - Number(b.includes("CHACHA20")),
  );
  const picked: string[] = [];
  const leaves = new Set<string>();
  for (let left = names; left.length > 0;) {
    const { suite, leaf } = await handshake(connect, option, left);
    if (suite === undefined) break;
    picked.push(suite);
    if (leaf !== undefined) leaves.add(leaf);
    left = left.filter((name) => name !== suite);
  }
  const chosen = picked.filter((name) => !name.includes("CHACHA20"));
  const other = await handshake(connect, option, chosen.toReversed());
  return {
    picked: picked.map((name) => offer.get(name) ?? name),
    isServersOrder: chosen.length > 1 && other.suite === chosen[0],
    leaves,
  };
}

async function handshake(
  connect: readonly string[],
  option: string,
  names: readonly string[],
): Promise<{ readonly suite: string | undefined; readonly leaf: string | undefined }> {
  if (names.length === 0) return { suite: undefined, leaf: undefined };
  const suites =
    option === "-tls1_3"
      ? ["-ciphersuites", names.join(":"), "-cipher", "ALL:@SECLEVEL=0"]
      : ["-cipher", `${names.join(":")}:@SECLEVEL=0`];
  const said = await run(["s_client", ...connect, option, "-groups", GROUPS, ...suites]);
  const suite = /Cipher is (\S+)/.exec(said)?.[1];
  const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(said)?.[0];
  return {
    suite: suite === "(NONE)" ? undefined : suite,
    leaf: pem === undefined ? undefined : new X509Certificate(pem).fingerprint256,
  };
}

/** Output of openssl, which may fail: a handshake that does not come about is an answer. */
async function run(args: readonly string[]): Promise<string> {
  const running = promisify(execFile)("openssl", [...args], { timeout: 10_000, maxBuffer: 4e6 });
  running.child.stdin?.end();
  return running.then(
    ({ stdout }) => stdout,
    (thrown: { stdout?: string }) => thrown.stdout ?? "",
  );
}
