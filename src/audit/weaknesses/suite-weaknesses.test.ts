import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import {
  derDnsName,
  derExtension,
  derSequence,
  makeCertificate,
} from "../../../test/fixtures/made-certificate.ts";
import { alertRecord, scriptedServer } from "../../../test/fixtures/scripted-tls.ts";
import { TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import type { VersionCode } from "../../tls/client-hello.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import type { Prober } from "../prober.ts";
import type { SubjectProtocol } from "../subject.ts";
import { SUITE_WEAKNESSES } from "./suite-weaknesses.ts";
import type { Evidence } from "./weakness.ts";

/** A ServerKeyExchange with a prime of so many bits, and a signature of no length. */
function dhKey(bits: number): Uint8Array {
  const prime = Buffer.alloc(bits / 8, 0xab);
  return new ByteWriter()
    .vector(2, (p) => p.bytes(prime))
    .vector(2, (g) => g.u8(2))
    .vector(2, (y) => y.bytes(prime))
    .u16(0x0401)
    .u16(0)
    .finish();
}

/** A suite of TLS 1.2 alone, and all weaknesses that it is. */
const SERVERS: readonly (readonly [suite: number, dhBits: number, vulnerable: string])[] = [
  [0x0003, 0, "export freak rc4 no-forward-secrecy"],
  [0x0014, 512, "export logjam weak-cipher weak-dh lucky13"],
  [0x0005, 0, "rc4 no-forward-secrecy"],
  [0x0002, 0, "null no-forward-secrecy"],
  [0x0009, 0, "weak-cipher sweet32 no-forward-secrecy lucky13"],
  [0x000a, 0, "sweet32 no-forward-secrecy lucky13"],
  [0x0034, 1024, "anonymous logjam weak-dh no-forward-secrecy lucky13"],
  [0x009e, 1536, "weak-dh"],
  [0x009e, 2048, ""],
];

describe("SUITE_WEAKNESSES, each of a server that has it and of those that have not", () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const extensions = [derExtension("2.5.29.17", derSequence(derDnsName("localhost")))];
  const { der: certificate } = makeCertificate({ extensions });
  const script = () => (_: unknown, socket: { end(bytes: Uint8Array): unknown }) =>
    void socket.end(alertRecord(40));

  for (const [suite, bits, expected] of SERVERS)
    test(`suite 0x${suite.toString(16)}, ${bits} bits: ${expected || "none"}`, async () => {
      const keyExchange = bits === 0 ? {} : { keyExchange: dhKey(bits) };
      const port = await servers.plain(
        scriptedServer({ certificate, suite, script, ...keyExchange }),
      );
      const { weaknesses = {} } = await audit(
        {
          label: "x",
          host: "127.0.0.1",
          port,
          connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
        },
        { connectionTimeoutMs: 500, targetTimeoutMs: 60_000 },
      );
      const found = SUITE_WEAKNESSES.filter(({ id }) => weaknesses[id] === "vulnerable");
      assert.deepEqual(
        found.map(({ id }) => id).toSorted(),
        expected.split(" ").filter(Boolean).toSorted(),
      );
      for (const { id } of SUITE_WEAKNESSES) assert.notEqual(weaknesses[id], "unknown", id);
    });
});

function protocol(version: VersionCode, suite: number, compressors?: string[]): SubjectProtocol {
  const flight = {
    hello: undefined,
    certificates: [],
    keyExchange: undefined,
    ocspResponse: undefined,
    alert: undefined,
    wantsClientCertificate: false,
  };
  const accepted = [{ suite, flight, wasAskedAll: true }];
  return { version, name: `0x${version.toString(16)}`, accepted, undecided: [], compressors };
}

async function verdictsOf(...protocols: SubjectProtocol[]): Promise<Record<string, string>> {
  const evidence = {
    protocols,
    features: {},
    prober: { errors: [] } as unknown as Prober,
  } as unknown as Evidence;
  const verdicts: Record<string, string> = {};
  for (const { id, examine } of SUITE_WEAKNESSES) verdicts[id] = (await examine(evidence)).kind;
  return verdicts;
}

test("SUITE_WEAKNESSES of old versions and compression", async () => {
  const [cbc, gcm] = [0x002f, 0x009c];
  const old = await verdictsOf(protocol(0x0300, cbc, ["NULL"]));
  assert.deepEqual(
    [old["sslv3"], old["poodle-ssl"], old["beast"], old["crime"]],
    ["vulnerable", "vulnerable", "vulnerable", "not vulnerable"],
  );
  const streams = await verdictsOf(protocol(0x0300, 0x0005, ["DEFLATE", "NULL"]));
  assert.deepEqual([streams["poodle-ssl"], streams["crime"]], ["not vulnerable", "vulnerable"]);
  const newer = await verdictsOf(protocol(0x0303, gcm, ["NULL"]));
  assert.deepEqual(
    [newer["sslv3"], newer["poodle-ssl"], newer["beast"], newer["lucky13"]],
    ["not vulnerable", "not applicable", "not applicable", "not applicable"],
  );
  const untold = await verdictsOf(protocol(0x0303, gcm));
  assert.equal(untold["crime"], "unknown");
});
