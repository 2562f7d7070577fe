// oxlint-disable no-control-regex -- the words of binary protocols
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import type { AuditReport } from "../report.ts";
import { STARTTLS_PROTOCOLS } from "./protocols.ts";

/** What a peer says, and what it wants to hear before it says the next. */
type Step = string | Uint8Array | RegExp;

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const latin1 = (text: string): Uint8Array => Buffer.from(text, "latin1");

/** MariaDB's greeting as far as it matters: version, thread, salt, abilities. */
const mysqlGreeting = (abilities: number): Uint8Array => {
  const body = Buffer.concat([
    latin1("\n10.11.6-MariaDB\0"),
    Buffer.alloc(13, 1),
    bytes(abilities & 255, abilities >> 8),
    Buffer.alloc(30),
  ]);
  return Buffer.concat([bytes(body.length, 0, 0, 0), body]);
};
const XMPP_HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>";
const XMPP_TLS =
  "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";

/**
 * Each protocol as its servers play it (the RFCs' own examples, and what was seen of real ones in
 * test/tls-lab).
 */
const PLAYS: Readonly<Record<string, readonly Step[]>> = {
  smtp: [
    "220-mail.test ESMTP\r\n220 ready\r\n",
    /^EHLO \S+\r\n/,
    "250-mail.test\r\n250-SIZE 1\r\n250 STARTTLS\r\n",
    /^STARTTLS\r\n/,
    "220 2.0.0 go\r\n",
  ],
  lmtp: [
    "220 mail.test LMTP\r\n",
    /^LHLO \S+\r\n/,
    "250-mail.test\r\n250-STARTTLS\r\n250 X\r\n",
    /^STARTTLS\r\n/,
    "220 go\r\n",
  ],
  ftp: ["220-welcome\r\n to this\r\n220 FTP\r\n", /^AUTH TLS\r\n/, "234 go\r\n"],
  imap: [
    "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
    /^a1 STARTTLS\r\n/,
    "* NO news\r\na1 OK go\r\n",
  ],
  pop3: ["+OK ready\r\n", /^STLS\r\n/, "+OK go\r\n"],
  nntp: ["200 news.test\r\n", /^STARTTLS\r\n/, "382 go\r\n"],
  sieve: ['"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK "ready"\r\n', /^STARTTLS\r\n/, 'OK "go"\r\n'],
  nats: ['INFO {"server_id":"x","tls_required":true} \r\n'],
  mysql: [mysqlGreeting(0xf7ff | 0x0800), /^ \0\0\x01[^]{32}/],
  vnc: [
    "RFB 003.008\n",
    /^RFB 003\.008\n/,
    bytes(2, 1, 19),
    /^\x13/,
    bytes(0, 2),
    /^\0\x02/,
    bytes(0, 2, 0, 0, 1, 2, 0, 0, 1, 4),
    /^\0\0\x01\x04/,
    bytes(1),
  ],
  irc: [":irc.test NOTICE * :looking up\r\n", /^STARTTLS\r\n/, ":irc.test 670 * :go\r\n"],
  "xmpp-client": [
    /^<\?xml[^]*xmlns='jabber:client'[^]*to='[^']+'[^]*>/,
    XMPP_HEADER,
    XMPP_TLS,
    /<starttls /,
    "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
  ],
  "xmpp-server": [
    /^<\?xml[^]*xmlns='jabber:server'/,
    XMPP_HEADER.replace("jabber:client", "jabber:server"),
    XMPP_TLS,
    /<starttls /,
    "<t:proceed xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'></t:proceed>",
  ],
  amqp: [/^AMQP\x02\x01\0\0/, latin1("AMQP\x02\x01\0\0")],
  postgresql: [/^\0\0\0\x08\x04\xd2\x16\x2f/, "S"],
  ldap: [
    /^0\x1d\x02\x01\x01w\x18\x80\x161\.3\.6\.1\.4\.1\.1466\.20037/,
    bytes(0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0),
  ],
  rdp: [
    /^\x03\0\0\x13\x0e\xe0/,
    bytes(3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0),
  ],
  "ms-sql": [
    /^\x12\x01\0/,
    bytes(4, 1, 0, 26, 0, 0, 1, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255, 16, 0, 0, 0, 0, 0, 1),
  ],
};

describe("TLS behind other protocols", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const behind = servers.openssl(
    servers.keyPair("rsa:2048"),
    "-tls1_2",
    "-cipher",
    "ECDHE-RSA-AES128-GCM-SHA256",
  );

  /**
   * A peer that plays its part, word for word, then hands over to a server of TLS. It hangs up at a
   * word that it does not know.
   */
  async function peer(steps: readonly Step[], framing?: "tds"): Promise<number> {
    const port = await behind;
    return servers.plain((socket) => {
      let [at, heard] = [0, ""];
      const play = (): void => {
        for (; at < steps.length; at += 1) {
          const step = steps[at];
          if (!(step instanceof RegExp)) socket.write(step ?? "");
          else {
            const match = step.exec(heard);
            if (match === null) return;
            // What comes behind the last word is TLS already.
            heard = at === steps.length - 1 ? heard.slice(match[0].length) : "";
          }
        }
        socket.off("data", hear);
        (framing === undefined ? splice : spliceTds)(socket, port, latin1(heard));
      };
      const hear = (chunk: Buffer): void => {
        heard += chunk.toString("latin1");
        const before = at;
        play();
        const expected = steps[at];
        // Half a word may still become whole.
        if (before === at && expected instanceof RegExp && heard.length > 1000) socket.destroy();
        if (
          before === at &&
          /^(?:\x16\x03|GET |PING|CAPA|a1 CAPA|\x10\x10|[^]{12}\xdd\x07)/.test(heard)
        )
          socket.destroy();
      };
      socket.on("data", hear);
      play();
    });
  }

  function splice(socket: Socket, port: number, heard: Uint8Array = bytes()): void {
    const inner = connect({ host: "127.0.0.1", port });
    inner.write(heard);
    inner.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  }

  /** TLS records inside packets of MS-SQL. */
  function spliceTds(socket: Socket, port: number, heard: Uint8Array): void {
    const inner = connect({ host: "127.0.0.1", port });
    if (heard.length > 8) inner.write(heard.subarray(8));
    inner.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => inner.destroy());
    inner.on("data", (chunk: Buffer) =>
      socket.write(
        Buffer.concat([
          bytes(0x12, 1, (chunk.length + 8) >> 8, (chunk.length + 8) & 255, 0, 0, 0, 0),
          chunk,
        ]),
      ),
    );
    socket.on("data", (chunk: Buffer) => inner.write(chunk.subarray(8)));
  }

  async function examine(
    port: number,
    starttls?: string,
    targetTimeoutMs = 15_000,
  ): Promise<AuditReport> {
    const connectTo = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
    return audit(
      { label: "x", host: "127.0.0.1", port, connect: connectTo },
      {
        connectionTimeoutMs: 1500,
        targetTimeoutMs,
        ...(starttls === undefined ? {} : { starttls }),
      },
    );
  }

  test("every protocol of the table has a play", () =>
    assert.deepEqual(
      Object.keys(PLAYS).toSorted(),
      STARTTLS_PROTOCOLS.map(({ name }) => name).toSorted(),
    ));

  for (const [name, steps] of Object.entries(PLAYS)) {
    test(`${name}: found without being told, and when told`, async () => {
      const port = await peer(steps, name === "ms-sql" ? "tds" : undefined);
      const found = await examine(port);
      assert.deepEqual(
        [found.tls, found.starttls, Object.keys(found.protocols)],
        [true, name, ["TLSv1.2"]],
        JSON.stringify(found.errors),
      );
      const told = await examine(port, name);
      assert.deepEqual(
        [told.starttls, Object.keys(told.protocols), probesOf(told)],
        [name, ["TLSv1.2"], name === "ms-sql" ? ["session", "ticketbleed"] : []],
      );
    });
  }

  /** These peers know the way to TLS, and no other word of their protocol. */
  function probesOf({ errors }: AuditReport): string[] {
    return errors
      .map(({ probe }) => probe)
      .filter((probe) => probe !== "logins" && probe !== "starttls-injection");
  }

  /** One that answers each line of a client by a table, and by `otherwise` what is not in it. */
  async function lines(
    {
      greeting,
      delayMs = 0,
      otherwise,
    }: { greeting: readonly string[]; delayMs?: number; otherwise: string },
    answers: Readonly<Record<string, string>>,
  ): Promise<number> {
    const port = await behind;
    return servers.plain((socket) => {
      let heard = "";
      const hear = (chunk: Buffer): void => {
        heard += chunk.toString("latin1");
        for (let end = heard.indexOf("\r\n"); end >= 0; end = heard.indexOf("\r\n")) {
          const [line, answer] = [heard.slice(0, end), answers[heard.slice(0, end)] ?? otherwise];
          heard = heard.slice(end + 2);
          if (!socket.destroyed) socket.write(answer);
          if (!/^(?:STARTTLS|AUTH \w+)$/.test(line) || !/^(?:220|234)/.test(answer)) continue;
          socket.off("data", hear);
          return splice(socket, port, latin1(heard));
        }
      };
      socket.on("data", hear);
      const greet = async (): Promise<void> => {
        for (const word of greeting) {
          await sleep(delayMs);
          if (!socket.destroyed) socket.write(word);
        }
      };
      void greet();
    });
  }

  const MAIL = { STARTTLS: "220 2.0.0 go\r\n" };
  const EHLO = { "EHLO localhost": "250-mail.test\r\n250 STARTTLS\r\n" };
  const LHLO = { "LHLO localhost": "250-mail.test\r\n250 STARTTLS\r\n" };
  const BAD = "502 5.5.2 Unknown command\r\n";

  for (const [name, found, greeting, otherwise, answers] of [
    ["SMTP that says 220 and no more", "smtp", ["220\r\n"], BAD, { ...EHLO, ...MAIL }],
    ["SMTP whose name is FTP's", "smtp", ["220 ftp.test\r\n"], BAD, { ...EHLO, ...MAIL }],
    ["LMTP that does not call itself so", "lmtp", ["220 Dovecot\r\n"], BAD, { ...LHLO, ...MAIL }],
    ["FTP with AUTH SSL alone", "ftp", ["220 x\r\n"], BAD, { "AUTH SSL": "234 go\r\n" }],
    [
      "FTP that asks for time",
      "ftp",
      ["120 wait\r\n", "220 FTP\r\n"],
      "530 Please login\r\n",
      { "AUTH TLS": "234 go\r\n" },
    ],
  ] as const) {
    test(`${name}: found by what it takes`, async () => {
      const report = await examine(await lines({ greeting, otherwise }, answers));
      assert.deepEqual([report.tls, report.starttls], [true, found], JSON.stringify(report.errors));
    });
  }

  test("SMTP that greets late is waited for", async () => {
    const port = await lines(
      { greeting: ["220 mail.test ESMTP\r\n"], delayMs: 1200, otherwise: BAD },
      { ...EHLO, ...MAIL },
    );
    for (const starttls of [undefined, "smtp"]) {
      const report = await examine(port, starttls, 60_000);
      assert.deepEqual(
        [report.tls, report.starttls, probesOf(report)],
        [true, "smtp", []],
        JSON.stringify(report.errors),
      );
    }
  });

  test("SIP's first letter is no yes of PostgreSQL", async () => {
    const port = await servers.plain((socket) =>
      socket.on("data", (chunk: Buffer) =>
        chunk[0] === 0 ? socket.write("SIP/2.0 400 Bad Request\r\n\r\n") : undefined,
      ),
    );
    const report = await examine(port);
    assert.notEqual(report.tls, true);
    assert.equal(report.starttls, undefined);
  });

  for (const [name, steps, speaks, why] of [
    [
      "SMTP that has no STARTTLS",
      ["220 mail.test ESMTP\r\n", /^EHLO/, "250 mail.test\r\n"],
      "smtp",
      /STARTTLS is not offered/,
    ],
    [
      "SMTP that is busy",
      [
        "220 mail.test ESMTP\r\n",
        /^EHLO/,
        "250 STARTTLS\r\n",
        /^STARTTLS/,
        "454 4.7.0 TLS not available\r\n",
      ],
      "smtp",
      /454 4\.7\.0 TLS not available/,
    ],
    [
      "FTP that has no TLS",
      ["220 FTP\r\n", /^AUTH TLS/, "530 Please login\r\n"],
      "ftp",
      /530 Please login/,
    ],
    ["IMAP that is authenticated already", ["* PREAUTH hello\r\n"], "imap", /PREAUTH/],
    [
      "POP3 that does not know STLS",
      ["+OK hi\r\n", /^STLS/, "-ERR unknown\r\n"],
      "pop3",
      /-ERR unknown/,
    ],
    ["sieve without TLS", ['"IMPLEMENTATION" "x"\r\nOK\r\n'], "sieve", /STARTTLS is not offered/],
    ["NATS without TLS", ['INFO {"server_id":"x"}\r\n'], "nats", /INFO offers no TLS/],
    ["MySQL without TLS", [mysqlGreeting(0x0200)], "mysql", /set up without TLS/],
    ["PostgreSQL without TLS", [/^\0\0\0\x08\x04\xd2/, "N"], "postgresql", /says N/],
    [
      "LDAP that refuses",
      [/^0\x1d/, bytes(0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 52, 4, 0, 4, 0)],
      "ldap",
      /result code 52/,
    ],
    [
      "VNC with a password alone",
      ["RFB 003.008\n", /^RFB/, bytes(1, 2)],
      "vnc",
      /security types 2 have no TLS/,
    ],
    [
      "RDP of old",
      [/^\x03\0\0\x13/, bytes(3, 0, 0, 11, 6, 0xd0, 0, 0, 0x12, 0x34, 0)],
      "rdp",
      /RDP's own encryption/,
    ],
    ["AMQP 0.9.1", [/^AMQP/, latin1("AMQP\0\0\x09\x01")], "amqp", /protocol 0\.0\.9\.1/],
  ] as const) {
    test(`${name}: said to be ${speaks}, with the server's own word`, async () => {
      const steps_: readonly Step[] = [...steps, /never said/];
      const report = await examine(await peer(steps_));
      assert.deepEqual([report.tls, report.speaks], [false, speaks], JSON.stringify(report.errors));
      assert.match(report.errors.find(({ probe }) => probe === "starttls")?.error ?? "", why);
    });
  }

  for (const [name, speaks, word] of [
    [
      "MySQL that does not want us",
      "mysql",
      Buffer.concat([bytes(30, 0, 0, 0, 0xff, 0x6a, 4), latin1("Host is not allowed to con.")]),
    ],
    ["SMTP that has too many", "smtp", latin1("421 4.7.0 ESMTP too many connections\r\n")],
    ["IMAP that says goodbye", "imap", latin1("* BYE too busy\r\n")],
  ] as const) {
    test(`${name}: nothing is known of its TLS`, async () => {
      const port = await servers.plain((socket) => socket.end(word));
      for (const starttls of [undefined, speaks]) {
        const { tls, speaks: spoken, errors } = await examine(port, starttls);
        assert.deepEqual(
          [tls, spoken, errors.map(({ code }) => code)],
          [undefined, speaks, ["rejected"]],
          JSON.stringify(errors),
        );
      }
    });
  }

  test("XMPP is asked by each name that the server may have", async () => {
    const refused = `${XMPP_HEADER}<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`;
    const port = await servers.plain((socket) => {
      socket.once("data", (chunk: Buffer) => {
        const text = chunk.toString("latin1");
        if (text.includes("to='chat'")) socket.write(XMPP_HEADER + XMPP_TLS);
        else if (text.includes("<stream")) socket.end(refused);
        else socket.destroy();
        socket.once("data", () => {
          socket.write("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
          void behind.then((inner) => splice(socket, inner));
        });
      });
    });
    const connectTo = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
    const report = await audit(
      {
        label: "x",
        host: "127.0.0.1",
        port,
        serverName: "wrong.test",
        container: "chat",
        connect: connectTo,
      },
      { connectionTimeoutMs: 1500 },
    );
    assert.equal(report.starttls, "xmpp-client", JSON.stringify(report.errors));
  });

  test("a promise that is not kept is told", async () => {
    const report = await examine(
      await servers.plain((socket) => {
        socket.write("* OK hi\r\n");
        socket.on(
          "data",
          (chunk: Buffer) =>
            void socket.write(
              chunk.toString().startsWith("a1") ? "a1 OK go\r\n" : "* BAD what\r\n",
            ),
        );
      }),
    );
    assert.equal(report.tls, false);
    assert.match(
      JSON.stringify(report.errors),
      /imap promises TLS, and then speaks something else/,
    );
  });

  for (const [name, treat] of [
    [
      "an endless greeting",
      (socket: Socket): void => void setInterval(() => socket.write("220-".repeat(500)), 2).unref(),
    ],
    [
      "a greeting without an end",
      (socket: Socket): void => void socket.write("* OK ".padEnd(60_000, "x")),
    ],
    [
      "a greeting that drips",
      (socket: Socket): void => void setInterval(() => socket.write("2"), 50).unref(),
    ],
    ["bytes without sense", (socket: Socket): void => void socket.write(Buffer.alloc(4000, 0x81))],
    [
      "a greeting and nothing more",
      (socket: Socket): void => void socket.write("220 mail ESMTP\r\n"),
    ],
    [
      "half an XMPP stream",
      (socket: Socket): void =>
        void socket.write(`<?xml version='1.0'?><stream:stream>${"<stream:features ".repeat(300)}`),
    ],
    [
      "a MySQL packet that lies",
      (socket: Socket): void => void socket.write(bytes(255, 255, 15, 0, 10, 49, 46, 49)),
    ],
  ] as const) {
    test(`${name} ends in time, with an answer`, async () => {
      const report = await examine(await servers.plain(treat), undefined, 4000);
      assert.equal(report.tls, false);
      assert.ok(report.durationMs <= 5000, `${report.durationMs} ms`);
    });
  }
});
