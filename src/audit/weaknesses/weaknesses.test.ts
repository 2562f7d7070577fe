import assert from "node:assert/strict";
import { constants, privateDecrypt } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { after, describe, test } from "node:test";
import { Authority, derOf } from "../../../test/fixtures/authority.ts";
import {
  alertRecord,
  plainRecord,
  type Script,
  scriptedServer,
} from "../../../test/fixtures/scripted-tls.ts";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import type { AuditReport } from "../report.ts";
import { WEAKNESSES } from "./weaknesses.ts";

describe("assessWeaknesses()", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  const authority = new Authority(servers.folder);
  after(() => servers.stop());
  const rsa = authority.issue({
    subject: "/CN=scripted",
    key: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  });
  const certificate = derOf(rsa);
  const HEARTBEAT = { type: 15, body: Uint8Array.of(1) };

  async function examine(port: number): Promise<AuditReport> {
    return audit(
      {
        label: "x",
        host: "127.0.0.1",
        port,
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      },
      { connectionTimeoutMs: 1000 },
    );
  }

  async function scripted(
    script: () => Script,
    more: Partial<Parameters<typeof scriptedServer>[0]> = {},
  ): Promise<AuditReport> {
    return examine(await servers.plain(scriptedServer({ certificate, script, ...more })));
  }

  function verdict(report: AuditReport, id: string): string {
    const evidence = report.findings.find((finding) => finding.id === id)?.evidence;
    return `${report.weaknesses?.[id]}${evidence === undefined ? "" : `: ${evidence}`}`;
  }

  /** Refuses what does not belong in a handshake, as sound servers do. */
  const strict =
    (): Script =>
    ({ type }, socket) =>
      void socket.end(alertRecord(type === 22 ? 20 : 10));

  test("Heartbleed: a server that answers with more than it was sent", async () => {
    const leaky = await scripted(
      () => (record, socket) => {
        if (record.type !== 24) return void socket.end(alertRecord(10));
        const claimed = ((record.body[1] ?? 0) << 8) | (record.body[2] ?? 0);
        socket.write(
          plainRecord(
            24,
            Buffer.concat([
              Uint8Array.of(2, record.body[1] ?? 0, record.body[2] ?? 0),
              new Uint8Array(claimed + 16),
            ]),
          ),
        );
      },
      { extensions: [HEARTBEAT] },
    );
    assert.equal(
      verdict(leaky, "heartbleed"),
      "vulnerable: a heartbeat without content that claimed 32 bytes was answered with 48 bytes of memory and padding",
    );
    const dropping = await scripted(
      () => (record, socket) => void (record.type === 24 || socket.end(alertRecord(10))),
      { extensions: [HEARTBEAT] },
    );
    assert.equal(verdict(dropping, "heartbleed"), "not vulnerable");
    for (const end of [(socket: Socket) => void socket.end(), () => {}]) {
      const wordless = await scripted(
        () =>
          ({ type }, socket) =>
            void (type === 23 && end(socket)),
        { extensions: [HEARTBEAT] },
      );
      assert.equal(verdict(wordless, "heartbleed"), "unknown");
    }
    assert.equal(verdict(await scripted(strict), "heartbleed"), "not applicable");
  });

  /**
   * OpenSSL 1.0.1e below a write buffer of 4 KB that is not flushed while a handshake lasts, and its
   * repaired successor: https://www.openssl.org/news/secadv/20140407.txt, nmap/nmap
   * scripts/ssl-heartbleed.nse (which claims just as much as overflows the buffer).
   */
  const buffered = (isRepaired: boolean) => (): Script => {
    let waiting: Uint8Array = new Uint8Array(0);
    return ({ type, body }, socket) => {
      if (type !== 24) return void socket.end();
      const claimed = ((body[1] ?? 0) << 8) | (body[2] ?? 0);
      if (isRepaired && 3 + claimed + 16 > body.length) return;
      const answer = Buffer.concat([
        Uint8Array.of(2, body[1] ?? 0, body[2] ?? 0),
        new Uint8Array(claimed + 16),
      ]);
      for (let at = 0; at < answer.length; at += 16_384)
        waiting = Buffer.concat([waiting, plainRecord(24, answer.subarray(at, at + 16_384))]);
      if (waiting.length <= 4096) return;
      socket.write(waiting);
      waiting = new Uint8Array(0);
    };
  };

  test("Heartbleed: a server whose write buffer swallows small answers", async () => {
    const extensions = [HEARTBEAT];
    const vulnerable = await scripted(buffered(false), { extensions });
    assert.match(verdict(vulnerable, "heartbleed"), /^vulnerable: .* claimed \d+ bytes/);
    const repaired = await scripted(buffered(true), { extensions });
    assert.equal(verdict(repaired, "heartbleed"), "not vulnerable");
  });

  test("CCS injection: a server that takes the first early ChangeCipherSpec", async () => {
    const taking = (answer: (socket: Socket) => void) => (): Script => {
      let taken = false;
      return ({ type }, socket) => {
        if (taken) answer(socket);
        else if (type === 20) taken = true;
        else socket.end(alertRecord(20));
      };
    };
    const alerts = await scripted(taking((socket) => void socket.end(alertRecord(20))));
    assert.equal(
      verdict(alerts, "ccs-injection"),
      "vulnerable: an early ChangeCipherSpec was taken; the record behind it could not be decrypted (alert 20)",
    );
    // OpenSSL 1.0.1g below Node 0.10 closes without an alert.
    const closes = await scripted(taking((socket) => void socket.end()));
    assert.match(verdict(closes, "ccs-injection"), /^vulnerable: .*\(closed\)$/);
    assert.equal(verdict(await scripted(strict), "ccs-injection"), "not vulnerable");
    const deaf = await scripted(taking(() => {}));
    assert.equal(verdict(deaf, "ccs-injection"), "unknown");
    assert.match(
      deaf.errors.find(({ probe }) => probe === "ccs-injection")?.error ?? "",
      /said nothing/,
    );
  });

  /**
   * A server that decrypts the premaster secret with its real key and lets its answer depend on it.
   */
  const oracle = (answer: (block: Uint8Array) => number, when: 16 | 20) => (): Script => {
    let description = 20;
    let hasKey = false;
    return ({ type, body }, socket) => {
      if (type === 20 && !hasKey) socket.end(alertRecord(10));
      else if (type === 22 && body[0] === 16) {
        hasKey = true;
        description = answer(
          privateDecrypt(
            { key: readFileSync(rsa.key), padding: constants.RSA_NO_PADDING },
            body.subarray(6),
          ),
        );
        // Some speak up at the key, others at what follows it.
        if (when === 16 && description !== 20) socket.end(alertRecord(description));
      } else if (type === 20 && description === 20 && body.length === 1) return;
      else socket.end(alertRecord(when === 20 ? description : 20));
    };
  };
  const isPadded = (block: Uint8Array): boolean =>
    block[0] === 0 && block[1] === 2 && block.at(-49) === 0;

  test("ROBOT: servers that tell right padding from wrong", async () => {
    const weak = await scripted(
      oracle((block) => (isPadded(block) && block.at(-48) === 3 ? 51 : 40), 20),
    );
    assert.equal(
      verdict(weak, "robot"),
      "vulnerable: weak oracle: right: alert 51; wrong type: alert 40; zero too late: alert 40; no zero: alert 40; wrong version: alert 40",
    );
    const strong = await scripted(oracle((block) => (block[1] === 2 ? 51 : 40), 20));
    assert.match(
      verdict(strong, "robot"),
      /^vulnerable: strong oracle: right: alert 51; wrong type: alert 40; zero too late: alert 51/,
    );
    const early = await scripted(oracle((block) => (isPadded(block) ? 20 : 47), 16));
    assert.match(verdict(early, "robot"), /^vulnerable: weak oracle: /);
    assert.equal(verdict(await scripted(oracle(() => 51, 20)), "robot"), "not vulnerable");
    let turn = 0;
    const moody = await scripted(
      oracle(() => [20, 40, 47, 51, 80, 50, 21][(turn += 1) % 7] ?? 20, 20),
    );
    assert.equal(verdict(moody, "robot"), "unknown");
  });

  test("a server that says nothing to any probe is not taken at its silence", async () => {
    const mute = await scripted(() => () => {}, { extensions: [HEARTBEAT] });
    for (const id of ["heartbleed", "ccs-injection", "robot", "poodle-tls"]) {
      assert.equal(verdict(mute, id), "unknown", id);
      assert.ok(
        mute.errors.some(({ probe }) => probe === id),
        id,
      );
    }
  });

  // Dovecot without ssl_dh closes when it picks a suite that it cannot complete.
  test("a suite that makes the handshake fail is neither accepted nor refused", async () => {
    const handle = scriptedServer({ certificate, script: strict });
    const RSA_EXPORT_WITH_RC4_40_MD5 = 0x0003;
    const port = await servers.plain((socket) => {
      socket.once("data", (bytes: Buffer) => {
        const id = bytes[43] ?? 0;
        const size = bytes[0] === 22 ? bytes.readUInt16BE(44 + id) : 0;
        for (let at = 46 + id; at < 46 + id + size; at += 2)
          if (bytes.readUInt16BE(at) === RSA_EXPORT_WITH_RC4_40_MD5) return void socket.end();
        handle(socket);
        socket.emit("data", bytes);
      });
    });
    const report = await examine(port);
    const kinds = ["export", "freak", "rc4", "anonymous", "null"];
    assert.deepEqual(
      kinds.map((id) => report.weaknesses?.[id]),
      ["unknown", "unknown", "unknown", "not vulnerable", "not vulnerable"],
    );
  });

  test("DROWN: SSLv2 is found, also where nothing else is spoken", async () => {
    const hello = (socket: Socket): void => {
      const body = new ByteWriter()
        .u8(4)
        .u8(0)
        .u8(1)
        .u16(2)
        .u16(certificate.length)
        .u16(6)
        .u16(16)
        .bytes(certificate)
        .u24(0x010080)
        .u24(0x0700c0)
        .bytes(new Uint8Array(16))
        .finish();
      socket.once("data", (bytes: Uint8Array) => {
        if ((bytes[0] ?? 0) >= 0x80)
          socket.end(
            new ByteWriter()
              .u16(0x8000 | body.length)
              .bytes(body)
              .finish(),
          );
        else socket.end();
      });
    };
    const report = await examine(await servers.plain(hello));
    assert.deepEqual(
      report.protocols["SSLv2"]?.ciphers.map(
        ({ id, name, strength }) => `${id} ${name} ${strength}`,
      ),
      ["0x010080 SSL2_RC4_128_WITH_MD5 F", "0x0700C0 SSL2_DES_192_EDE3_CBC_WITH_MD5 F"],
    );
    assert.deepEqual(
      report.findings.map(({ id }) => id),
      ["drown"],
    );
  });

  test("a current server has no weakness, and few connections are spent on looking", async () => {
    const pair = authority.issue({ subject: "/CN=now", extensions: ["subjectAltName=DNS:now"] });
    const report = await examine(
      await servers.openssl(pair, "-cipher", "ECDHE+AESGCM:ECDHE+CHACHA20"),
    );
    assert.deepEqual(
      Object.entries(report.weaknesses ?? {}).filter(
        ([, kind]) => kind === "vulnerable" || kind === "unknown",
      ),
      [],
    );
    assert.deepEqual(
      report.findings.map(({ id }) => id),
      ["no-post-quantum", "self-signed"],
    );
    assert.deepEqual(report.errors, []);
  });

  test("an old server has many, each with its evidence", async () => {
    const port = await servers.openssl(
      servers.keyPair("rsa:1024"),
      "-cipher",
      "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
      "-no_tls1_3",
      "-serverpref",
    );
    const report = await examine(port);
    const found = Object.entries(report.weaknesses ?? {})
      .filter(([, kind]) => kind === "vulnerable")
      .map(([id]) => id);
    assert.deepEqual(found, ["anonymous", "null", "logjam", "weak-dh", "beast"]);
    assert.match(
      verdict(report, "logjam"),
      /^vulnerable: 1024 bits, the prime of RFC 2409 MODP 1024$/,
    );
    assert.deepEqual(report.features?.dhPrime, { bits: 1024, known: "RFC 2409 MODP 1024" });
  });

  test("every weakness explains itself in one sentence and has an id of its own", () => {
    assert.equal(new Set(WEAKNESSES.map(({ id }) => id)).size, WEAKNESSES.length);
    for (const { explanation } of WEAKNESSES)
      assert.match(explanation, /^[A-Z][^.]*(?:\.\d[^.]*)*\.$/);
  });
});
