import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  der,
  derDnsName,
  derExtension,
  derInteger,
  derName,
  derOid,
  derSequence,
  derTime,
  ecKey,
  type MadeCertificate,
  type MadeOptions,
  makeCertificate,
  pemOf,
  resigned,
} from "../../../test/fixtures/made-certificate.ts";
import { opensslMissing } from "../../../test/fixtures/tls-servers.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { findTrustPath } from "./path.ts";
import { TrustStore } from "./trust-store.ts";

// What `openssl verify -purpose sslserver` refuses is never trusted here, and what it trusts is
// trusted, but for what stands in STRICTER. CHAINS and SEED make a bigger or another run by hand.

const CHAINS = Number(process.env["SAKER_CHAINS"] ?? 400);
const SEED = Number(process.env["SAKER_SEED"] ?? 1);

/** Reasons of ours that OpenSSL has not, each with why. */
const STRICTER: readonly RegExp[] = [
  // A handshake needs the key, which OpenSSL looks at only then.
  /cannot be judged: its public key/,
  // Critical, with RFC 3779's meaning, which nobody here evaluates.
  /unknown: 1\.3\.6\.1\.5\.5\.7\.1\.[78]$/,
];

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomFrom(SEED);
const chance = (part: number): boolean => random() < part;
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

const DAY_MS = 86_400_000;
const now = Date.now();
const KEYS = Array.from({ length: 8 }, ecKey);
const TRUE = der(1, Uint8Array.of(255));
const ID = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  names: "2.5.29.17",
  basic: "2.5.29.19",
  constraints: "2.5.29.30",
  policies: "2.5.29.32",
  authorityKeyId: "2.5.29.35",
  policyConstraints: "2.5.29.36",
  purposes: "2.5.29.37",
  poison: "1.3.6.1.4.1.11129.2.4.3",
  netscape: "2.16.840.1.113730.1.1",
};

const bits = (byte: number, more?: number): Buffer =>
  der(3, more === undefined ? Uint8Array.of(0, byte) : Uint8Array.of(0, byte, more));
const octets = (bytes: Uint8Array): Buffer => der(4, bytes);
const mail = (text: string): Buffer => der(0x81, Buffer.from(text));
const uri = (text: string): Buffer => der(0x86, Buffer.from(text));
const address = (...bytes: number[]): Buffer => der(0x87, Uint8Array.from(bytes));
const directory = (name: Buffer): Buffer => der(0xa4, name);
const attribute = (oid: string, text: string, tag = 12): Buffer =>
  der(0x31, derSequence(derOid(oid), der(tag, Buffer.from(text))));
const organisation = (o: string, cn?: string, tag = 12): Buffer =>
  derSequence(
    attribute("2.5.4.10", o, tag),
    ...(cn === undefined ? [] : [attribute("2.5.4.3", cn, tag)]),
  );

const LEAF_NAMES: readonly (() => Buffer)[] = [
  () =>
    derDnsName(
      pick([
        "localhost",
        "a.example.test",
        "example.test",
        "aexample.test",
        "*.example.test",
        "A.EXAMPLE.TEST",
      ]),
    ),
  () =>
    mail(pick(["a@example.test", "a@b.example.test", "noat", "A@EXAMPLE.test", "b@example.test"])),
  () => uri(pick(["https://example.test/x", "https://a.example.test:443/", "urn:x", "https:///"])),
  () =>
    address(
      ...pick([
        [127, 0, 0, 1],
        [10, 1, 2, 3],
        [1, 2, 3],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      ]),
    ),
  () =>
    directory(pick([organisation("Acme"), organisation("ACME ", "x", 19), organisation("Other")])),
  () => der(0x88, derOid("1.2.3.4").subarray(2)),
  () => der(0xa0, derOid("1.2.3.5"), der(0xa0, der(12, Buffer.from("x")))),
];

const BASES: readonly (() => Buffer)[] = [
  () =>
    derDnsName(pick(["example.test", ".example.test", "", "localhost", "EXAMPLE.test", "test"])),
  () =>
    mail(
      pick(["example.test", ".example.test", "a@example.test", "A@example.test", "@example.test"]),
    ),
  () => uri(pick(["example.test", ".example.test", "a.example.test"])),
  () =>
    address(
      ...pick([
        [127, 0, 0, 0, 255, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [10, 0, 0, 0, 255, 0, 0],
        Array.from({ length: 32 }, () => 0),
      ]),
    ),
  () =>
    directory(
      pick([organisation("Acme"), organisation("acme"), organisation("Acme", "x"), derSequence()]),
    ),
  () => der(0x88, derOid("1.2.3").subarray(2)),
  () => der(0xa0, derOid("1.2.3.5"), der(0xa0, der(12, Buffer.from("x")))),
];

function constraints(): Buffer {
  const tree = (): Buffer =>
    derSequence(pick(BASES)(), ...(chance(0.05) ? [der(0x80, Uint8Array.of(pick([0, 1])))] : []));
  const trees = (tag: number): Buffer[] =>
    chance(0.6) ? [der(tag, ...Array.from({ length: 1 + Math.floor(random() * 2) }, tree))] : [];
  return derSequence(...trees(0xa0), ...trees(0xa1));
}

const SERVER = derOid("1.3.6.1.5.5.7.3.1");

/** What any certificate may have besides, seldom. */
function oddExtensions(): Buffer[] {
  return [
    ...(chance(0.03) ? [derExtension("1.2.3.4.5", octets(Buffer.from("x")), chance(0.5))] : []),
    ...(chance(0.03) ? [derExtension(ID.poison, der(5), chance(0.7))] : []),
    ...(chance(0.03)
      ? [derExtension(ID.policies, derSequence(derSequence(derOid("2.5.29.32.0"))), chance(0.5))]
      : []),
    ...(chance(0.03)
      ? [derExtension(ID.policyConstraints, derSequence(der(0x80, Uint8Array.of(0))), true)]
      : []),
    ...(chance(0.03)
      ? [derExtension("1.3.6.1.5.5.7.1.1", pick([derSequence(), Uint8Array.of(1)]), chance(0.2))]
      : []),
    ...(chance(0.03) ? [derExtension(ID.netscape, bits(pick([0x40, 0x80, 0x04, 0x44])))] : []),
  ];
}

const PURPOSES: readonly (readonly Buffer[])[] = [
  [SERVER],
  [derOid("1.3.6.1.5.5.7.3.2")],
  [derOid("2.5.29.37.0")],
  [derOid("1.3.6.1.4.1.311.10.3.3")],
  [SERVER, derOid("1.3.6.1.5.5.7.3.2")],
  [],
];

function purposes(part: number): Buffer[] {
  return chance(part)
    ? [derExtension(ID.purposes, derSequence(...pick(PURPOSES)), chance(0.2))]
    : [];
}

function dates(): Pick<MadeOptions, "notBefore" | "notAfter"> {
  if (chance(0.93)) return {};
  return pick([
    { notAfter: derTime(new Date(now - DAY_MS / 2)) },
    { notBefore: derTime(new Date(now + DAY_MS)) },
    { notAfter: der(24, Buffer.from("20490101000000Z")) },
    { notAfter: der(23, Buffer.from("4901010000Z")) },
    { notAfter: der(24, Buffer.from("20490101000000.5Z")) },
    { notBefore: der(23, Buffer.from("200101000000+0000")) },
  ]);
}

function keyId(made: MadeCertificate): Buffer {
  return createHash("sha1")
    .update(made.key.publicKey.export({ type: "spki", format: "der" }))
    .digest();
}

function authorityKeyIds(issuer: MadeCertificate | undefined): Buffer[] {
  if (issuer === undefined || chance(0.7)) return [];
  const id = pick([
    [der(0x80, keyId(issuer))],
    [der(0x80, Buffer.from("another"))],
    [der(0x82, Uint8Array.of(1))],
    [der(0xa1, directory(derName("nobody"))), der(0x82, Uint8Array.of(1))],
  ]);
  return [derExtension(ID.authorityKeyId, derSequence(...id))];
}

function authorityOptions(issuer: MadeCertificate | undefined, subject: string): MadeOptions {
  const key = pick(KEYS);
  const isV1 = chance(0.03);
  const basic = chance(0.95)
    ? [
        derExtension(
          ID.basic,
          derSequence(
            ...(chance(0.95) ? [TRUE] : []),
            ...(chance(0.25) ? [derInteger(pick([0, 1]))] : []),
          ),
          chance(0.7),
        ),
      ]
    : [];
  const usage = chance(0.5)
    ? [derExtension(ID.keyUsage, bits(pick([0x06, 0x06, 0x06, 0x04, 0x02, 0x80])), chance(0.7))]
    : [];
  const limits = chance(0.2) ? [derExtension(ID.constraints, constraints(), chance(0.8))] : [];
  const id = chance(0.4)
    ? [
        derExtension(
          ID.subjectKeyId,
          octets(
            createHash("sha1")
              .update(key.publicKey.export({ type: "spki", format: "der" }))
              .digest(),
          ),
        ),
      ]
    : [];
  return {
    subject: chance(0.1) ? organisation("Acme", subject, pick([12, 19])) : subject,
    key,
    ...(issuer === undefined ? {} : { issuer }),
    ...dates(),
    ...(isV1
      ? { version: 1 }
      : {
          extensions: [
            ...basic,
            ...usage,
            ...limits,
            ...id,
            ...purposes(0.1),
            ...authorityKeyIds(issuer),
            ...oddExtensions(),
          ],
        }),
  };
}

function leafOptions(issuer: MadeCertificate | undefined, subject: string): MadeOptions {
  const names = Array.from({ length: Math.floor(random() * 3) }, () => pick(LEAF_NAMES)());
  const alternative =
    names.length === 0 ? [] : [derExtension(ID.names, derSequence(...names), chance(0.1))];
  const usage = chance(0.4)
    ? [
        derExtension(
          ID.keyUsage,
          pick([
            bits(0x80),
            bits(0x20),
            bits(0x08),
            bits(0x40),
            bits(0x06),
            bits(0),
            bits(0, 0x80),
          ]),
          chance(0.7),
        ),
      ]
    : [];
  const basic = chance(0.2)
    ? [derExtension(ID.basic, pick([derSequence(), derSequence(TRUE)]))]
    : [];
  return {
    subject: pick([subject, `${subject}.example.test`, organisation("Acme", "x"), derSequence()]),
    key: pick(KEYS),
    ...(issuer === undefined ? {} : { issuer }),
    ...dates(),
    ...(chance(0.03)
      ? { version: 1 }
      : {
          extensions: [
            ...alternative,
            ...usage,
            ...basic,
            ...purposes(0.4),
            ...authorityKeyIds(issuer),
            ...oddExtensions(),
          ],
        }),
  };
}

/** With some bytes of the signed part changed and signed again, seldom. */
function mutated(made: MadeCertificate, issuer: MadeCertificate | undefined): MadeCertificate {
  if (!chance(0.25)) return made;
  const changes = Array.from({ length: 1 + Math.floor(random() * 2) }, () => ({
    at: random(),
    to: chance(0.5) ? Math.floor(random() * 256) : pick([0, 1, 2, 4, 5, 12, 0x30, 0x80, 0xff]),
  }));
  return resigned(made, issuer ?? made, (signed) => {
    for (const { at, to } of changes) signed[Math.floor(at * signed.length)] = to;
  });
}

interface Chain {
  readonly leaf: MadeCertificate;
  readonly middle: readonly MadeCertificate[];
  readonly root: MadeCertificate;
}

const isReadable = ({ der: bytes }: MadeCertificate): boolean => {
  try {
    return new X509Certificate(bytes).raw.length > 0;
  } catch {
    return false;
  }
};

/** Names stand for themselves in the whole run, so that OpenSSL finds one path alone. */
function chain(number: number): Chain {
  const sound = (make: () => MadeCertificate): MadeCertificate => {
    // One file that it cannot read ends the whole of OpenSSL's run.
    for (;;) {
      const made = make();
      if (isReadable(made)) return made;
    }
  };
  const authority = (subject: string, issuer?: MadeCertificate): MadeCertificate =>
    sound(() => {
      const made = makeCertificate(authorityOptions(issuer, subject));
      const changed = mutated(made, issuer);
      // A changed name might be another chain's.
      return readCertificate(changed.der).report.subject ===
        readCertificate(made.der).report.subject
        ? changed
        : made;
    });
  const root = authority(`R${number}`);
  const middle: MadeCertificate[] = [];
  for (let depth = Math.floor(random() * 3); depth > 0; depth -= 1) {
    const issuer = middle[0] ?? root;
    middle.unshift(authority(`M${depth}-${number}`, issuer));
  }
  const issuer = middle[0] ?? root;
  return {
    root,
    middle,
    leaf: mutated(makeCertificate(leafOptions(issuer, `L${number}`)), issuer),
  };
}

const folder = mkdtempSync(join(tmpdir(), "saker-verify-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What openssl says of each leaf: undefined where it is trusted, else its error. */
async function verdictsOf(chains: readonly Chain[]): Promise<(string | undefined)[]> {
  const [roots, pool] = ["roots.pem", "pool.pem"].map((name) => join(folder, name)) as [
    string,
    string,
  ];
  writeFileSync(roots, chains.map(({ root }) => pemOf(root.der)).join(""));
  writeFileSync(pool, chains.flatMap(({ middle }) => middle.map((one) => pemOf(one.der))).join(""));
  const files = chains.map(({ leaf }, index) => {
    writeFileSync(join(folder, `${index}.pem`), pemOf(leaf.der));
    return `${index}.pem`;
  });
  const output = await new Promise<string>((resolve) => {
    execFile(
      "openssl",
      [
        "verify",
        "-purpose",
        "sslserver",
        "-partial_chain",
        "-no-CApath",
        "-no-CAstore",
        "-CAfile",
        roots,
        "-untrusted",
        pool,
        ...files,
      ],
      { cwd: folder, maxBuffer: 1 << 26 },
      (_, stdout, stderr) => resolve(`${stdout}\n${stderr}`),
    );
  });
  const errors = new Map<string, string>();
  const lines = output.split("\n");
  for (const [index, line] of lines.entries()) {
    const failed = /^error (\S+\.pem): verification failed/.exec(line)?.[1];
    if (failed === undefined) continue;
    const why = lines.slice(0, index).findLast((one) => /^error \d+ at/.test(one));
    errors.set(failed, why ?? line);
  }
  const good = new Set([...output.matchAll(/^(\S+\.pem): OK$/gm)].map(([, file]) => file));
  return files.map((file) => (good.has(file) ? undefined : (errors.get(file) ?? "cannot be read")));
}

function ours({ leaf, middle, root }: Chain): string | undefined {
  const sent = [leaf, ...middle].map((one) => readCertificate(one.der));
  const store = new TrustStore("test", pemOf(root.der));
  return findTrustPath(sent as [Certificate, ...Certificate[]], store, new Date()).distrust;
}

test(
  "findTrustPath() trusts what openssl verify trusts, of made and mutated chains",
  { skip: opensslMissing() },
  async () => {
    const chains = Array.from({ length: CHAINS }, (_, index) => chain(index));
    const theirs = await verdictsOf(chains);
    const [falseTrust, falseDistrust]: [string[], string[]] = [[], []];
    let trusted = 0;
    for (const [index, one] of chains.entries()) {
      const distrust = ours(one);
      if (theirs[index] === undefined) trusted += 1;
      if (distrust === undefined && theirs[index] !== undefined)
        falseTrust.push(`${index}: ${theirs[index]}`);
      if (
        distrust !== undefined &&
        theirs[index] === undefined &&
        !STRICTER.some((reason) => reason.test(distrust))
      )
        falseDistrust.push(`${index}: ${distrust}`);
    }
    assert.deepEqual({ falseTrust, falseDistrust }, { falseTrust: [], falseDistrust: [] });
    // Neither all nor none: the generator makes both.
    assert.ok(trusted > CHAINS / 20 && trusted < CHAINS * 0.8, `${trusted} of ${CHAINS}`);
  },
);
