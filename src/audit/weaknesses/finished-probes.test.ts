import assert from "node:assert/strict";
import { constants, createDecipheriv, createHash, createHmac, privateDecrypt } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { Authority, derOf } from "../../../test/fixtures/authority.ts";
import {
  alertRecord,
  type Beginning,
  plainRecord,
  type Script,
  scriptedServer,
  SERVER_RANDOM,
} from "../../../test/fixtures/scripted-tls.ts";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import { olderProtection, type OlderProtection, prf } from "../handshake/older-keys.ts";
import { Prober } from "../prober.ts";
import type { AuditReport } from "../report.ts";
import { TICKETBLEED } from "./ticketbleed.ts";
import type { Evidence } from "./weakness.ts";

describe("probes that finish a handshake", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  const authority = new Authority(servers.folder);
  after(() => servers.stop());
  const rsa = authority.issue({
    subject: "/CN=scripted",
    key: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  });
  const certificate = derOf(rsa);

  async function examine(port: number): Promise<AuditReport> {
    return audit(
      {
        label: "x",
        host: "127.0.0.1",
        port,
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      },
      { connectionTimeoutMs: 800 },
    );
  }

  function verdict(report: AuditReport, id: string): string {
    const evidence = report.findings.find((finding) => finding.id === id)?.evidence;
    return `${report.weaknesses?.[id]}${evidence === undefined ? "" : `: ${evidence}`}`;
  }

  /**
   * Whether the client's Finished in a CBC record is right: its MAC and its content; the padding's
   * bytes only when asked.
   */
  function isFinished(
    sealed: Uint8Array,
    {
      beginning,
      keyMessage,
      premaster,
      protection,
      checksPadding,
    }: {
      beginning: Beginning;
      keyMessage: Uint8Array;
      premaster: Uint8Array;
      protection: OlderProtection;
      checksPadding: boolean;
    },
  ): boolean {
    const [version, clientRandom] = [0x0303, beginning.hello.subarray(6, 38)];
    const master = prf(
      { version, protection },
      premaster,
      "master secret",
      Buffer.concat([clientRandom, SERVER_RANDOM]),
      48,
    );
    const keys = prf(
      { version, protection },
      master,
      "key expansion",
      Buffer.concat([SERVER_RANDOM, clientRandom]),
      2 * (20 + protection.keyBytes),
    );
    const decipher = createDecipheriv(
      `aes-${protection.keyBytes * 8}-cbc`,
      keys.subarray(40, 40 + protection.keyBytes),
      sealed.subarray(0, 16),
    ).setAutoPadding(false);
    const plain = Buffer.concat([decipher.update(sealed.subarray(16)), decipher.final()]);
    const length = plain.at(-1) ?? 0;
    const content = plain.subarray(0, plain.length - length - 1 - 20);
    const header = new ByteWriter().u32(0).u32(0).u8(22).u16(version).u16(content.length).finish();
    const tag = createHmac("sha1", keys.subarray(0, 20)).update(header).update(content).digest();
    const digest = createHash("sha256")
      .update(beginning.hello)
      .update(beginning.flight)
      .update(keyMessage)
      .digest();
    const expected = prf({ version, protection }, master, "client finished", digest, 12);
    if (checksPadding && plain.subarray(plain.length - length - 1).some((byte) => byte !== length))
      return false;
    return (
      tag.equals(plain.subarray(content.length, content.length + 20)) &&
      expected.equals(content.subarray(4))
    );
  }

  /**
   * A server that finishes handshakes; what it takes for its client's secret, and how strict it is,
   * differ.
   */
  function finishing(
    suite: number,
    premasterOf: (keyMessage: Uint8Array) => Uint8Array | undefined,
    checksPadding = true,
  ): (beginning: Beginning) => Script {
    const protection = olderProtection(suite);
    assert.ok(protection !== undefined);
    return (beginning) => {
      let keyMessage: Uint8Array | undefined;
      let premaster: Uint8Array | undefined;
      let changed = false;
      return ({ type, body }, socket) => {
        if (type === 22 && !changed) {
          keyMessage = body;
          premaster = premasterOf(body);
          if (premaster === undefined) socket.end(alertRecord(47));
        } else if (type === 20 && premaster !== undefined) changed = true;
        else if (type === 22 && keyMessage !== undefined && premaster !== undefined) {
          const isRight = isFinished(body, {
            beginning,
            keyMessage,
            premaster,
            protection,
            checksPadding,
          });
          socket.end(
            isRight
              ? Buffer.concat([
                  plainRecord(20, Uint8Array.of(1)),
                  plainRecord(22, new Uint8Array(64)),
                ])
              : alertRecord(20),
          );
        } else socket.end(alertRecord(10));
      };
    };
  }

  /** With random bytes in place of what is not well wrapped, as RFC 5246 §7.4.7.1 has it. */
  const unwrapped = (keyMessage: Uint8Array): Uint8Array => {
    const block = privateDecrypt(
      { key: readFileSync(rsa.key), padding: constants.RSA_NO_PADDING },
      keyMessage.subarray(6),
    );
    return block[0] === 0 && block[1] === 2 && block.at(-49) === 0
      ? block.subarray(-48)
      : new Uint8Array(48);
  };

  test("POODLE in TLS: a server that does not look at padding", async () => {
    const [lax, strict] = [false, true].map((checksPadding) =>
      servers.plain(
        scriptedServer({ certificate, script: finishing(0x002f, unwrapped, checksPadding) }),
      ),
    );
    assert.equal(
      verdict(await examine((await lax) ?? 0), "poodle-tls"),
      "vulnerable: a Finished with wrong padding was taken in TLSv1.2",
    );
    const sound = await examine((await strict) ?? 0);
    assert.equal(verdict(sound, "poodle-tls"), "not vulnerable");
    assert.equal(verdict(sound, "robot"), "not vulnerable");
  });

  const ECDHE = 0xc013;
  /** A point on secp256r1, its generator, and a signature that nobody checks. */
  const GENERATOR =
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
  const keyExchange = Buffer.concat([
    Buffer.from("03001741", "hex"),
    Buffer.from(GENERATOR, "hex"),
    Buffer.from("0401000400000000", "hex"),
  ]);

  test("invalid curve: a server that computes with whatever point it gets", async () => {
    // Where y is 0, an odd secret leads back to the point and an even one nowhere, whatever the
    // curve.
    let turn = 0;
    const naive = (keyMessage: Uint8Array): Uint8Array | undefined =>
      (turn += 1) % 2 === 0 ? keyMessage.subarray(6, 38) : new Uint8Array(32);
    const port = await servers.plain(
      scriptedServer({ certificate, suite: ECDHE, keyExchange, script: finishing(ECDHE, naive) }),
    );
    assert.equal(
      verdict(await examine(port), "invalid-curve"),
      "vulnerable: a handshake with a point off secp256r1 came to its end",
    );
    const careful = await servers.plain(
      scriptedServer({
        certificate,
        suite: ECDHE,
        keyExchange,
        script: finishing(ECDHE, () => undefined),
      }),
    );
    assert.equal(verdict(await examine(careful), "invalid-curve"), "not vulnerable");
  });

  test("invalid curve: a server whose certificate needs a curve of its own", async () => {
    const pair = servers.keyPair("ec -pkeyopt ec_paramgen_curve:P-384");
    const report = await examine(await servers.openssl(pair, "-tls1_2"));
    assert.equal(verdict(report, "invalid-curve"), "not vulnerable");
  });

  test("Ticketbleed: a server that pads a session id with its memory", async () => {
    const judged = async (sessionId: (theirs: Uint8Array) => Uint8Array): Promise<unknown> => {
      const port = await servers.plain((socket) => {
        socket.once("data", (hello: Uint8Array) => {
          const length = hello[43] ?? 0;
          scriptedServer({
            certificate,
            sessionId: sessionId(hello.subarray(44, 44 + length)),
            script: () => () => {},
          })(socket);
          socket.emit("data", hello);
        });
      });
      const prober = new Prober({
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
        signal: new AbortController().signal,
        silenceMs: 1000,
        serverName: undefined,
        maxParallel: 1,
      });
      const accepted = [{ suite: 0x002f }] as unknown as Evidence["protocols"][number]["accepted"];
      const protocols: Evidence["protocols"] = [
        { version: 0x0303, name: "TLSv1.2", accepted, undecided: [], compressors: undefined },
      ];
      return TICKETBLEED.examine({
        prober,
        protocols,
        ticket: new Uint8Array(100),
        features: {},
        leaves: [],
        groups: [],
        schemes: [],
        sslv2: undefined,
        plainAnswer: undefined,
      });
    };
    assert.deepEqual(
      await judged((theirs) => Buffer.concat([theirs, new Uint8Array(32 - theirs.length)])),
      { kind: "vulnerable", evidence: "a session id of 16 bytes came back with 32" },
    );
    assert.deepEqual(await judged((theirs) => theirs), { kind: "not vulnerable" });
    assert.deepEqual(await judged(() => new Uint8Array(32).fill(3)), { kind: "not vulnerable" });
  });

  test("OpenSSL of today, in each version and with a client certificate wanted, is sound", async () => {
    for (const args of [
      ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
      ["-tls1_2", "-cipher", "AES128-SHA"],
      ["-tls1_2", "-verify", "1"],
    ]) {
      const report = await examine(await servers.openssl(rsa, ...args));
      assert.deepEqual(
        [report.weaknesses?.["poodle-tls"], report.weaknesses?.["ticketbleed"], report.errors],
        ["not vulnerable", "not vulnerable", []],
        args.join(" "),
      );
    }
  });
});

test("prf() gives what known vectors say", () => {
  const protection = olderProtection(0x002f);
  assert.ok(protection !== undefined);
  // P_SHA256 of the IETF TLS list's test vectors (2009).
  const [secret, seed] = [
    "9bbe436ba940f017b17652849a71db35",
    "a0ba9f936cda311827a6f796ffd5198c",
  ].map((hex) => Buffer.from(hex, "hex")) as [Buffer, Buffer];
  assert.equal(
    prf({ version: 0x0303, protection }, secret, "test label", seed, 16).toString("hex"),
    "e3f229ba727be17b8d122620557cd453",
  );
});
