import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { connectDirectly } from "../ports/connect.ts";
import { readModernCertificates } from "../tls/server-flight.ts";
import { readSslv2ServerHello, sslv2RecordLength } from "../tls/sslv2.ts";
import { audit } from "./audit.ts";
import { readAlpn } from "./handshake/modern-certificates.ts";
import type { AuditReport } from "./report.ts";

// Whatever a peer sends, an audit ends within its time with a result or an error of ours.

/** Seeded, so that a run that fails can be repeated: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens to the bytes of a real server on their way to us. */
type Damage = (bytes: Buffer, random: () => number) => Buffer;

const DAMAGES: Readonly<Record<string, Damage>> = {
  "a byte changed in each packet": (bytes, random) => {
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + Math.floor(random() * 255));
    return bytes;
  },
  "a byte changed in some packets": (bytes, random) => {
    if (random() > 0.2) return bytes;
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return bytes;
  },
  "packets cut short": (bytes, random) =>
    random() > 0.3 ? bytes : bytes.subarray(0, Math.floor(random() * bytes.length)),
  "bytes put in": (bytes, random) =>
    random() > 0.3
      ? bytes
      : Buffer.concat([
          bytes,
          Buffer.from(
            Array.from({ length: 1 + Math.floor(random() * 20) }, () => Math.floor(random() * 256)),
          ),
        ]),
  "packets twice": (bytes, random) => (random() > 0.3 ? bytes : Buffer.concat([bytes, bytes])),
};

/** Greetings of protocols whose dialogues go on with what comes next. */
const GREETINGS = [
  "220 mail.test ESMTP\r\n",
  "* OK IMAP4 ready STARTTLS\r\n",
  "+OK POP3\r\n",
  "200 news\r\n",
  '"STARTTLS"\r\nOK\r\n',
  "INFO {",
  "\x0a\0\0\0\x0a5.7.1\0",
  "RFB 003.008\n",
  ":irc NOTICE * :hi\r\n",
  "<?xml version='1.0'?><stream:stream>",
  "AMQP",
  "S",
  "0\x0c\x02\x01\x01",
  "\x03\0\0\x13",
  "\x04\x01\0\x1a",
  "",
  "220",
  "* ",
  "\x16\x03\x03",
  "\x80\x20\x04",
];

describe("hostile peers", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const rsa = servers.keyPair("rsa:2048");
  const older = servers.openssl(rsa, "-cipher", "ALL:@SECLEVEL=0", "-no_tls1_3");
  const newer = servers.openssl(rsa);

  for (const [name, damage] of Object.entries(DAMAGES)) {
    test(`a real server's answers with ${name}`, async () => {
      for (const [index, server] of [older, newer].entries()) {
        const random = randomFrom(index + name.length);
        const report = await examine(
          await between(await server, (bytes, socket) => socket.write(damage(bytes, random))),
        );
        check(report, `seed ${index + name.length}`);
      }
    });
  }

  test("answers in packets of one byte are the same answers", async () => {
    for (const server of [older, newer]) {
      const whole = await examine(await server, 60_000);
      const cut = await examine(
        await between(await server, (bytes, socket) => {
          for (const byte of bytes) socket.write(Uint8Array.of(byte));
        }),
        60_000,
      );
      assert.deepEqual(cut.protocols, whole.protocols);
      assert.deepEqual(cut.certificates, whole.certificates);
      assert.deepEqual(cut.weaknesses, whole.weaknesses);
    }
  });

  test("greetings of all protocols, and random bytes behind them", async () => {
    const random = randomFrom(7);
    for (const greeting of GREETINGS) {
      const port = await servers.plain((socket) => {
        socket.on("error", () => {});
        socket.write(Buffer.from(greeting, "latin1"));
        socket.on("data", () =>
          socket.write(
            Buffer.from(
              Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256)),
            ),
          ),
        );
      });
      check(await examine(port), JSON.stringify(greeting));
    }
  });

  test("lines and numbers without end", async () => {
    for (const chunk of [
      "220-",
      "a".repeat(2000),
      "* OK ",
      "250-X\r\n",
      "\x16\x03\x03\xff\xff",
      "<x>",
      '{"',
      "\0",
    ]) {
      const port = await servers.plain((socket) => {
        socket.on("error", () => {});
        const text = Buffer.from(chunk.repeat(50), "latin1");
        const more = (): void => {
          while (!socket.destroyed && socket.write(text));
          if (!socket.destroyed) socket.once("drain", more);
        };
        more();
      });
      check(await examine(port), JSON.stringify(chunk.slice(0, 10)));
    }
  });

  function examine(port: number, targetTimeoutMs = 1500): Promise<AuditReport> {
    return audit(
      {
        label: "hostile",
        host: "127.0.0.1",
        port,
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      },
      { connectionTimeoutMs: 400, targetTimeoutMs },
    );
  }

  /** A peer in front of a real one: what that says is sent on as `forward` does it. */
  function between(
    port: number,
    forward: (bytes: Buffer, socket: Socket) => void,
  ): Promise<number> {
    return servers.plain((socket) => {
      const further = connect({ host: "127.0.0.1", port, noDelay: true });
      for (const [one, other] of [
        [socket, further],
        [further, socket],
      ] as const) {
        one.on("error", () => other.destroy());
        one.once("close", () => other.destroy());
      }
      socket.setNoDelay(true);
      socket.on("data", (bytes: Buffer) => further.write(bytes));
      further.on("data", (bytes: Buffer) => forward(bytes, socket));
    });
  }
});

/** A verdict, or a reason why there is none; never a fault of our own. */
function check(report: AuditReport, what: string): void {
  assert.ok(
    report.tls || report.speaks !== undefined || report.errors.length > 0,
    `${what}: nothing at all`,
  );
  for (const { probe, error } of report.errors)
    assert.doesNotMatch(
      error,
      /undefined|is not a function|Cannot read properties|BUG|RangeError|TypeError|Maximum call/,
      `${what}: ${probe}`,
    );
}

describe("readers of single messages throw nothing but AppError", () => {
  const READERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
    "SSLv2's ServerHello": readSslv2ServerHello,
    "SSLv2's record length": sslv2RecordLength,
    "TLS 1.3's Certificate": (bytes) => readModernCertificates(new ByteReader(bytes, "PEER_TLS")),
    EncryptedExtensions: (bytes) => readAlpn(new ByteReader(bytes, "PEER_TLS")),
  };
  for (const [name, read] of Object.entries(READERS)) {
    test(name, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
          try {
            read(bytes);
          } catch (error) {
            assert.ok(error instanceof AppError, String(error));
          }
        }),
        { numRuns: 2000 },
      );
    });
  }
});
