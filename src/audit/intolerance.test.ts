import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { gate, type ReadHello, type Treatment } from "../../test/fixtures/strict-peers.ts";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../ports/connect.ts";
import { audit } from "./audit.ts";
import type { AuditReport } from "./report.ts";

/** What a strict peer does, where that was reported, and what cannot be told of it. */
interface Peer {
  readonly name: string;
  readonly treat: (hello: ReadHello) => Treatment;
  /** Part of the note that says what it chokes on; none where no hello of ours meets it. */
  readonly chokes?: RegExp;
  /** Suites or versions that the gate never lets through. */
  readonly hides?: "suites" | "TLSv1.3";
}

const KNOWN_GROUPS = new Set([23, 24, 25, 29]);
const KNOWN_SCHEMES = new Set([
  0x0401, 0x0501, 0x0601, 0x0201, 0x0403, 0x0503, 0x0603, 0x0203, 0x0804, 0x0805, 0x0806, 0x0807,
  0x0808, 0x0809, 0x080a, 0x080b,
]);
const WEAK = new Set([0x18, 0x1b, 0x34, 0x3a, 1, 2, 0x3b, 3, 6, 8, 0xc018, 0xc019]);

function when(is: (hello: ReadHello) => boolean, then: Treatment): (hello: ReadHello) => Treatment {
  return (hello) => (is(hello) ? then : "pass");
}

const without = (type: number, then: Treatment) =>
  when(({ extensions }) => extensions.has(type), then);

/** Each with where it was reported, as `repository#number` of GitHub; others are kin of those. */
const PEERS: readonly Peer[] = [
  // testssl/testssl.sh#1113
  {
    name: "hangs at lengths of 10 and 14 beyond a multiple of 256",
    treat: when(({ length }) => length > 511 && [10, 14].includes(length % 256), "hang"),
  },
  // RFC 7685 §1
  {
    name: "hangs at lengths of 256 to 511",
    treat: when(({ length }) => length > 251 && length < 508, "hang"),
  },
  // libressl/portable#675, tlsfuzzer/tlsfuzzer#215
  {
    name: "answers decode_error to more than 32 signature schemes",
    treat: when(({ schemes }) => schemes.length > 32, 50),
  },
  // open-quantum-safe/oqs-provider#399
  {
    name: "closes at more than 16 signature schemes",
    treat: when(({ schemes }) => schemes.length > 16, "close"),
    chokes: /signature schemes/,
  },
  {
    name: "closes at a group that it does not know",
    treat: when(({ groups }) => groups.some((group) => !KNOWN_GROUPS.has(group)), "close"),
    chokes: /FFDHE groups .*post-quantum groups/,
  },
  {
    name: "answers illegal_parameter to a group that it does not know",
    treat: when(({ groups }) => groups.some((group) => !KNOWN_GROUPS.has(group)), 47),
    chokes: /old curves/,
  },
  {
    name: "answers handshake_failure to more than 8 groups, as if it had no version",
    treat: when(({ groups }) => groups.length > 8, 40),
    chokes: /further curves .*post-quantum groups/,
  },
  {
    name: "closes at PSS schemes below TLS 1.3",
    treat: when(
      ({ isModern, schemes }) => !isModern && schemes.some((code) => code >> 8 === 8),
      "close",
    ),
    chokes: /PSS and EdDSA schemes .*rsa_pss_rsae_sha256/,
  },
  {
    name: "answers decode_error to more than 16 groups",
    treat: when(({ groups }) => groups.length > 16, 50),
    chokes: /too much at once/,
  },
  // tlsfuzzer/tlsfuzzer#630
  {
    name: "answers illegal_parameter to odd signature schemes in TLS 1.3",
    treat: when(
      ({ isModern, schemes }) => isModern && schemes.some((code) => !KNOWN_SCHEMES.has(code)),
      47,
    ),
    chokes: /new signature schemes/,
  },
  // RFC 8446 §4.2.7
  {
    name: "answers illegal_parameter to obsolete groups in TLS 1.3",
    treat: when(({ isModern, groups }) => isModern && groups.some((group) => group < 23), 47),
  },
  {
    name: "answers illegal_parameter to an empty key_share",
    treat: when(({ extensions }) => extensions.get(51)?.length === 2, 47),
    chokes: /an empty key_share/,
  },
  {
    name: "closes at an empty session id in TLS 1.3",
    treat: when(({ isModern, sessionId }) => isModern && sessionId.length === 0, "close"),
  },
  // RFC 8446 §4.2.9; tlslite-ng wants the modes of pre-shared keys in each hello of 1.3
  {
    name: "answers missing_extension without psk_key_exchange_modes",
    treat: when(({ isModern, extensions }) => isModern && !extensions.has(45), 109),
  },
  { name: "closes at encrypt_then_mac", treat: without(22, "close"), chokes: /encrypt_then_mac/ },
  {
    name: "closes at extended_master_secret",
    treat: without(23, "close"),
    chokes: /extended_master_secret/,
  },
  { name: "resets at status_request", treat: without(5, "reset"), chokes: /status_request/ },
  { name: "resets at heartbeat", treat: without(15, "reset"), chokes: /heartbeat/ },
  {
    name: "closes at signed_certificate_timestamp",
    treat: without(18, "close"),
    chokes: /signed_certificate_timestamp/,
  },
  {
    name: "closes at compression",
    treat: when(({ compressors }) => compressors.some((method) => method !== 0), "close"),
    chokes: /compression/,
  },
  // openssl/openssl#2691 (WebSphere), haskell-tls/hs-tls#422 (Java 6)
  {
    name: "closes where the last extension is empty",
    treat: when(({ extensions }) => [...extensions.values()].at(-1)?.length === 0, "close"),
  },
  {
    name: "resets where suites without authentication or encryption are offered",
    treat: when(({ suites }) => suites.some((suite) => WEAK.has(suite)), "reset"),
    chokes: /TLS_RSA_WITH_NULL_MD5/,
    hides: "suites",
  },
  // testssl/testssl.sh#189, rbsec/sslscan#334
  {
    name: "resets at more than 64 suites",
    treat: when(({ suites }) => suites.length > 64, "reset"),
  },
  {
    name: "closes where the record says TLS 1.2",
    treat: when(({ recordVersion }) => recordVersion > 0x0301, "close"),
  },
  {
    name: "hangs at TLS 1.3",
    treat: when(({ isModern }) => isModern, "hang"),
    chokes: /could not tell whether it is offered/,
    hides: "TLSv1.3",
  },
];

describe(
  "audit() of a strict peer in front of a real server",
  { skip: opensslMissing() ?? false },
  () => {
    const servers = new TlsServers();
    after(() => servers.stop());
    const behind = servers.openssl(
      servers.keyPair("rsa:2048"),
      "-www",
      "-cipher",
      "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:AES256-SHA:ADH-AES128-SHA:@SECLEVEL=0",
    );
    const reference = behind.then(examine);

    for (const { name, treat, chokes, hides } of PEERS) {
      test(`one that ${name}`, async () => {
        const port = await servers.plain(gate(await behind, treat));
        const [report, truth] = [await examine(port), await reference];
        const told = JSON.stringify(report.errors);
        const expected = Object.entries(suitesOf(truth)).filter(([version]) => version !== hides);
        if (hides === "suites") {
          for (const [version, suites] of expected)
            assert.deepEqual(
              suitesOf(report)[version],
              suites.filter((suite) => !suite.includes("anon")),
            );
        } else assert.deepEqual(suitesOf(report), Object.fromEntries(expected), told);
        if (chokes !== undefined) assert.match(told, chokes);
        assert.equal(
          report.errors.some(({ code }) => code === "incomplete"),
          hides === "TLSv1.3",
          told,
        );
      });
    }
  },
);

function examine(port: number): Promise<AuditReport> {
  return audit(
    {
      label: "t",
      host: "127.0.0.1",
      port,
      connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
    },
    { connectionTimeoutMs: 800 },
  );
}

function suitesOf({ protocols }: AuditReport): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(protocols).map(([version, { ciphers }]) => [
      version,
      ciphers.map(({ name }) => name).toSorted(),
    ]),
  );
}
