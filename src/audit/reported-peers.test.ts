import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { plainRecord, SERVER_RANDOM } from "../../test/fixtures/scripted-tls.ts";
import { gate, type ReadHello, splice, type Treatment } from "../../test/fixtures/strict-peers.ts";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { connectDirectly } from "../ports/connect.ts";
import { audit, type AuditOptions } from "./audit.ts";
import type { AuditReport } from "./report.ts";

// Peers of which users of other scanners reported that they are scanned wrong, hang or crash the
// scanner, each with its `repository#number` of GitHub. `intolerance.test.ts` and
// `differing-peers.test.ts` have more of them.

const BEHIND = ["-cipher", "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:AES256-SHA:@SECLEVEL=0"];

/** Servers of OpenSSL that are themselves as was reported: what is found of them. */
const SERVERS: readonly {
  readonly name: string;
  readonly args: readonly string[];
  readonly found: Readonly<Record<string, number>>;
}[] = [
  // nmap/nmap#2749, nabla-c0d3/sslyze#106: not one of the usual suites
  {
    name: "has one suite of TLS 1.1 alone",
    args: ["-tls1_1", "-cipher", "AES256-SHA:@SECLEVEL=0"],
    found: { "TLSv1.1": 1 },
  },
  // DinoTools/sslscan#8, rbsec/sslscan#117, testssl/testssl.sh#2255
  {
    name: "wants a client's certificate in TLS 1.2",
    args: [...BEHIND, "-Verify", "1", "-tls1_2"],
    found: { "TLSv1.2": 3 },
  },
  // ssllabs/ssllabs-scan#845, #1005: HelloRetryRequest for a group that few begin with
  {
    name: "has ffdhe4096 alone in TLS 1.3",
    args: ["-tls1_3", "-groups", "ffdhe4096"],
    found: { "TLSv1.3": 3 },
  },
  // testssl/testssl.sh#915, nabla-c0d3/sslyze#689
  { name: "has TLS 1.3 alone", args: ["-tls1_3"], found: { "TLSv1.3": 3 } },
  // nmap/nmap#194, #1399; Mbed-TLS/mbedtls#9269: messages over several records
  {
    name: "sends its handshake in records of 512 bytes",
    args: [...BEHIND, "-tls1_2", "-max_send_frag", "512"],
    found: { "TLSv1.2": 3 },
  },
];

type Treat = (socket: Socket, behind: number) => void;

function gated(treat: (hello: ReadHello) => Treatment): Treat {
  return (socket, behind) => gate(behind, treat)(socket);
}

/** Says this to a hello before the server behind does. */
function first(bytes: Uint8Array): Treat {
  return (socket, behind) =>
    socket.once("data", (hello: Buffer) => {
      if (hello[0] === 22) socket.write(bytes);
      splice(socket, behind, hello);
    });
}

const versionOf = ({ isModern, legacyVersion }: ReadHello): number =>
  isModern ? 0x0304 : legacyVersion;

const SUITES: ReadonlySet<number> = new Set([0xc02f, 0x002f, 0x0035]);

/** A ServerHello without extensions. */
function serverHello(version: number, suite: number): Uint8Array {
  const message = new ByteWriter()
    .u8(2)
    .vector(3, (hello) => hello.u16(version).bytes(SERVER_RANDOM).u8(0).u16(suite).u8(0));
  return plainRecord(22, message.finish());
}

/** Peers in front of one server with TLS 1.0 to 1.3: all of it is found. */
const PEERS: readonly {
  readonly name: string;
  readonly treat: Treat;
  readonly without?: readonly string[];
  /** It says neither yes nor no to some version. */
  readonly isIncomplete?: boolean;
}[] = [
  // testssl/testssl.sh#340, rbsec/sslscan#229, aws/s2n-tls#855
  {
    name: "warns of the name before each answer",
    treat: first(plainRecord(21, Uint8Array.of(1, 112))),
  },
  // testssl/testssl.sh#784, rbsec/sslscan#205: refused by selecting what was not offered
  {
    name: "selects a suite that was not offered instead of refusing",
    treat: gated((hello) =>
      hello.isModern || hello.suites.some((suite) => SUITES.has(suite))
        ? "pass"
        : serverHello(hello.legacyVersion, 0x1301),
    ),
  },
  // testssl/testssl.sh#253
  {
    name: "closes at TLS 1.2 and above",
    treat: gated((hello) => (versionOf(hello) > 0x0302 ? "close" : "pass")),
    without: ["TLSv1.2", "TLSv1.3"],
  },
  // testssl/testssl.sh#1353
  {
    name: "hangs at SSL 3.0",
    treat: gated((hello) => (versionOf(hello) === 0x0300 ? "hang" : "pass")),
    isIncomplete: true,
  },
  // mozilla/cipherscan#58, PeterMosmans/openssl#28 (Cisco ACE)
  {
    name: "closes at hellos of more than 255 bytes",
    treat: gated(({ length }) => (length > 255 ? "close" : "pass")),
  },
  // testssl/testssl.sh#350
  {
    name: "closes at more than 32 suites",
    treat: gated(({ suites }) => (suites.length > 32 ? "close" : "pass")),
  },
  // caddyserver/caddy#5055: no_application_protocol
  {
    name: "aborts where an unknown protocol is offered by ALPN",
    treat: gated(({ extensions }) =>
      Buffer.from(extensions.get(16) ?? "").includes("acme-tls/1") ? 120 : "pass",
    ),
  },
  // testssl/testssl.sh#348
  {
    name: "answers SSL 3.0 with bytes of no protocol",
    treat: gated((hello) =>
      versionOf(hello) === 0x0300 ? new Uint8Array(200).fill(0x2f) : "pass",
    ),
  },
  // testssl/testssl.sh#313: slow lines
  {
    name: "takes 120 ms for each word",
    treat: (socket, behind) =>
      socket.once("data", (hello: Buffer) => {
        socket.pause();
        setTimeout(() => {
          if (!socket.destroyed) splice(socket, behind, hello);
        }, 120);
      }),
  },
];

/** What is said before TLS, word for word; a function is what hears each of the client's lines. */
interface Dialogue {
  readonly name: string;
  readonly speaks: string;
  readonly greet: (socket: Socket) => Promise<void> | void;
  readonly answers: readonly (readonly [RegExp, string])[];
  /** What every second connection hears instead. */
  readonly orElse?: readonly (readonly [RegExp, string])[];
  readonly options?: AuditOptions;
}

const SMTP: Dialogue["answers"] = [
  [/^EHLO \S+\r\n/, "250-mail.test\r\n250 STARTTLS\r\n"],
  [/^STARTTLS\r\n/, "220 go\r\n"],
];

const DIALOGUES: readonly Dialogue[] = [
  // testssl/testssl.sh#731: a tar pit
  {
    name: "SMTP that greets letter by letter",
    speaks: "smtp",
    greet: async (socket) => {
      for (const letter of "220 mail.test ESMTP\r\n") {
        if (!socket.destroyed) socket.write(letter);
        await sleep(15);
      }
    },
    answers: SMTP,
  },
  // nimia/public_drown_scanner#39, EFForg/starttls-everywhere#69: greet_pause, postscreen
  {
    name: "SMTP that greets after a second",
    speaks: "smtp",
    greet: async (socket) => {
      await sleep(1000);
      if (!socket.destroyed) socket.write("220 mail.test ESMTP\r\n");
    },
    answers: SMTP,
    options: { starttls: "smtp" },
  },
  // hannob/smtpsmug#5, slimta/python-slimta#89: a first line, and the last one later
  {
    name: "SMTP with a pause in its greeting",
    speaks: "smtp",
    greet: async (socket) => {
      socket.write("220-mail.test\r\n");
      await sleep(150);
      if (!socket.destroyed) socket.write("220 ESMTP\r\n");
    },
    answers: SMTP,
  },
  // testssl/testssl.sh#218
  {
    name: "SMTP that turns away who speaks before its greeting",
    speaks: "smtp",
    greet: async (socket) => {
      let isEarly = false;
      socket.once("data", () => (isEarly = true));
      await sleep(60);
      if (!socket.destroyed && isEarly) socket.end("554 SMTP synchronization error\r\n");
      else if (!socket.destroyed) socket.write("220 mail.test ESMTP Exim\r\n");
    },
    answers: SMTP,
  },
  // testssl/testssl.sh#2090
  {
    name: "SMTP that offers STARTTLS on even connections",
    speaks: "smtp",
    greet: (socket) => void socket.write("220 mail.test ESMTP\r\n"),
    answers: SMTP,
    orElse: [
      [/^EHLO \S+\r\n/, "250 mail.test\r\n"],
      [/^STARTTLS\r\n/, "502 no\r\n"],
    ],
  },
  {
    name: "SMTP that offers STARTTLS on odd connections",
    speaks: "smtp",
    greet: (socket) => void socket.write("220 mail.test ESMTP\r\n"),
    answers: [
      [/^EHLO \S+\r\n/, "250 mail.test\r\n"],
      [/^STARTTLS\r\n/, "502 no\r\n"],
    ],
    orElse: SMTP,
  },
  // testssl/testssl.sh#2220
  {
    name: "LMTP that wants a name after LHLO",
    speaks: "lmtp",
    greet: (socket) => void socket.write("220 mail.test LMTP\r\n"),
    answers: [
      [/^LHLO \S+\r\n/, "250-mail.test\r\n250 STARTTLS\r\n"],
      [/^(?:EHLO|LHLO)/, "500 no\r\n"],
      [/^STARTTLS\r\n/, "220 go\r\n"],
    ],
  },
  // testssl/testssl.sh#2132, #2164
  {
    name: "FTP that takes AUTH TLS and does not say so in FEAT",
    speaks: "ftp",
    greet: (socket) => void socket.write("220 FTP\r\n"),
    answers: [
      [/^FEAT/, "211-Extensions\r\n AUTH\r\n211 End\r\n"],
      [/^AUTH TLS\r\n/, "234 go\r\n"],
      [/./, "502 no\r\n"],
    ],
  },
  // nabla-c0d3/sslyze#182
  {
    name: "PostgreSQL that says S",
    speaks: "postgresql",
    greet: () => {},
    // oxlint-disable-next-line no-control-regex -- SSLRequest
    answers: [[/^\0\0\0\x08\x04\xd2\x16\x2f/, "S"]],
  },
];

describe("audit() of peers that were reported", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const rsa = servers.keyPair("rsa:2048");
  const behind = servers.openssl(rsa, "-www", ...BEHIND);
  const reference = behind.then((port) => examine(port));

  for (const { name, args, found } of SERVERS)
    test(`one that ${name}`, async () => {
      const report = await examine(await servers.openssl(rsa, ...args));
      assert.deepEqual(counts(report), found, JSON.stringify(report.errors));
      assert.equal(report.certificates.length, 1);
    });

  for (const { name, treat, without = [], isIncomplete = false } of PEERS)
    test(`one that ${name}`, async () => {
      const inner = await behind;
      const report = await examine(await servers.plain((socket) => treat(socket, inner)));
      const truth = Object.entries(counts(await reference)).filter(
        ([version]) => !without.includes(version),
      );
      assert.deepEqual(counts(report), Object.fromEntries(truth), JSON.stringify(report.errors));
      assert.equal(
        report.errors.some(({ code }) => code === "incomplete"),
        isIncomplete,
        JSON.stringify(report.errors),
      );
      for (const id of ["heartbleed", "ccs-injection"])
        assert.notEqual(report.weaknesses?.[id], "vulnerable", id);
    });

  for (const { name, speaks, greet, answers, orElse = answers, options } of DIALOGUES)
    test(name, async () => {
      const inner = await servers.openssl(rsa, "-tls1_2", ...BEHIND);
      let count = 0;
      const port = await servers.plain((socket) => {
        count += 1;
        const known = count % 2 === 0 ? answers : orElse;
        const hear = (bytes: Buffer): void => {
          const words = bytes.toString("latin1");
          const answer = known.find(([word]) => word.test(words))?.[1];
          if (answer === undefined) return void socket.end();
          socket.write(answer);
          if (!/^(?:220 go|234|S$)/.test(answer)) return;
          socket.off("data", hear);
          splice(socket, inner, new Uint8Array(0));
        };
        // What comes before waits until then, as with servers.
        void Promise.resolve(greet(socket)).then(() => socket.on("data", hear));
      });
      const report = await examine(port, options);
      assert.deepEqual(
        [report.tls, report.starttls, counts(report)],
        [true, speaks, { "TLSv1.2": 3 }],
        JSON.stringify(report.errors),
      );
    });

  function examine(port: number, options: AuditOptions = {}): Promise<AuditReport> {
    return audit(
      {
        label: "t",
        host: "127.0.0.1",
        port,
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      },
      { connectionTimeoutMs: 800, ...options },
    );
  }
});

function counts({ protocols }: AuditReport): Record<string, number> {
  return Object.fromEntries(
    Object.entries(protocols).map(([version, { ciphers }]) => [version, ciphers.length]),
  );
}
