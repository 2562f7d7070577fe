import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import {
  der,
  derDnsName,
  derExtension,
  derInteger,
  derSequence,
  makeCertificate,
  type MadeOptions,
  pemOf,
  rsaKeyInfo,
} from "../../../test/fixtures/made-certificate.ts";
import { alertRecord, scriptedServer } from "../../../test/fixtures/scripted-tls.ts";
import { TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import type { AuditReport } from "../report.ts";
import { readCertificate } from "./certificate.ts";
import { certificateFindings } from "./certificate-findings.ts";
import { reportChain } from "./chain-report.ts";
import { TrustStore } from "./trust-store.ts";

const SAN = "2.5.29.17";
const names = derExtension(SAN, derSequence(derDnsName("localhost")));
const root = makeCertificate({
  subject: "Root",
  extensions: [derExtension("2.5.29.19", derSequence(der(1, Uint8Array.of(255))), true)],
});
const store = new TrustStore("test", pemOf(root.der));
const now = new Date();

/** What makes one part of a leaf unreadable, and how that part is called. */
const BROKEN: Readonly<Record<string, { part: string; bytes: string; more: MadeOptions }>> = {
  "a start that is no time": {
    part: "start of validity",
    bytes: "170474686573",
    more: { notBefore: der(23, Buffer.from("thes")) },
  },
  "an end of another kind": {
    part: "end of validity",
    bytes: "020107",
    more: { notAfter: derInteger(7) },
  },
  "an end on the 31st of February": {
    part: "end of validity",
    bytes: "170d3330303233313030303030305a",
    more: { notAfter: der(23, Buffer.from("300231000000Z")) },
  },
  "a key that is no key": {
    part: "key algorithm",
    bytes: "020105",
    more: { publicKeyInfo: derSequence(derInteger(5), der(3, Uint8Array.of(0))) },
  },
  "an RSA key without numbers": {
    part: "public key",
    bytes: "3013300d06092a864886f70d0101010500030200ff",
    more: {
      publicKeyInfo: derSequence(
        rsaKeyInfo(Uint8Array.of(1)).subarray(2, 17),
        der(3, Uint8Array.of(0, 255)),
      ),
    },
  },
  "names that lead out of themselves": {
    part: "names",
    bytes: "307f82",
    more: { extensions: [derExtension(SAN, Uint8Array.of(0x30, 0x7f, 0x82))] },
  },
  "an extension without a value": {
    part: "extension 2",
    bytes: "300506032a0304",
    more: { extensions: [names, derSequence(Buffer.from("06032a0304", "hex"))] },
  },
  "an extension twice": {
    part: `extension ${SAN}`,
    bytes: names.toString("hex"),
    more: { extensions: [names, names] },
  },
};

test("reportChain() cannot judge a leaf with a part that cannot be read, and the rest stands", () => {
  for (const [what, { part, bytes, more }] of Object.entries(BROKEN)) {
    const leaf = readCertificate(
      makeCertificate({ issuer: root, extensions: [names], ...more }).der,
    );
    assert.deepEqual(
      leaf.report.unreadable?.slice(0, 1).map((one) => [one.part, one.bytes.split("…")[0]]),
      [[part, bytes.slice(0, 128)]],
      what,
    );
    assert.deepEqual([leaf.report.subject, leaf.report.issuer], ["CN=localhost", "CN=Root"], what);
    const sent = {
      sent: [leaf] as const,
      protocols: [],
      ocspResponse: undefined,
      sctList: undefined,
    };
    const chain = reportChain(sent, { store, name: "localhost", now });
    assert.match(chain.distrust ?? "", /cannot be judged/, what);
    const found = certificateFindings([chain], [leaf.report], {}, { name: "localhost", now });
    const evidence = found.find(({ id }) => id === "unreadable-certificate")?.evidence ?? "";
    assert.ok(evidence.startsWith(`${part} of CN=localhost: `), `${what}: ${evidence}`);
  }
});

describe("audit() of servers whose certificate cannot be read", () => {
  const servers = new TlsServers();
  after(() => servers.stop());

  async function examine(certificate: Uint8Array): Promise<AuditReport> {
    const script = () => (_: unknown, socket: { end(bytes: Uint8Array): unknown }) =>
      void socket.end(alertRecord(40));
    const port = await servers.plain(scriptedServer({ certificate, script }));
    return audit(
      {
        label: "x",
        host: "127.0.0.1",
        port,
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      },
      { connectionTimeoutMs: 500, targetTimeoutMs: 60_000, trust: store },
    );
  }

  for (const [what, { more }] of Object.entries(BROKEN))
    test(`${what}: T, with the leaf and its chain in the report`, async () => {
      const made = makeCertificate({ issuer: root, extensions: [names], ...more });
      const report = await examine(made.der);
      assert.equal(report.grade?.letter, "T");
      assert.equal(report.chains?.length, 1);
      assert.equal(report.certificates[0]?.subject, "CN=localhost");
      assert.ok(report.findings.some(({ id }) => id === "unreadable-certificate"));
    });

  test("bytes that are no certificate at all: T, with the bytes", async () => {
    const report = await examine(Buffer.from("not a certificate"));
    assert.equal(report.grade?.letter, "T");
    assert.match(report.chains?.[0]?.distrust ?? "", /cannot be judged/);
    assert.match(
      report.findings.find(({ id }) => id === "unreadable-certificate")?.evidence ?? "",
      /6e6f742061206365727469666963617465/,
    );
  });
});

test("readCertificate(), reportChain() and the findings bear any bytes", () => {
  const whole = makeCertificate({ issuer: root, extensions: [names] }).der;
  const flips = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(flips, fc.nat(whole.length), fc.boolean(), (changes, cut, isCut) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      const leaf = readCertificate(isCut ? bytes.subarray(0, cut) : bytes);
      const sent = {
        sent: [leaf, leaf] as const,
        protocols: [],
        ocspResponse: bytes,
        sctList: bytes,
      };
      const chain = reportChain(sent, { store, name: "localhost", now });
      certificateFindings([chain], [leaf.report], {}, { name: "localhost", now });
      const isSame = Buffer.compare(bytes, whole) === 0 && !isCut;
      // A changed byte breaks the signature, but for the signature's own and what is not under it.
      if (chain.isTrusted && !isSame)
        assert.deepEqual(Buffer.from(leaf.x509.signed), readSigned(whole));
    }),
    { numRuns: 3000 },
  );
});

function readSigned(bytes: Uint8Array): Buffer {
  return Buffer.from(readCertificate(bytes).x509.signed);
}
