import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { after, describe, test } from "node:test";
import { TLSSocket } from "node:tls";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import type { AuditReport } from "../report.ts";

/** What a server of lines says: to each line an answer; `TLS` begins it. */
interface Lines {
  readonly greeting: string;
  readonly answer: (line: string) => string | undefined;
  /** The line that begins TLS, and the yes to it. */
  readonly starttls: RegExp;
  readonly yes: (line: string) => string;
  readonly farewell: RegExp;
  /** Its words instead of TLS, when something came in one piece with STARTTLS. */
  readonly refuses?: {
    readonly words: string;
    readonly atOnce: boolean;
    readonly hangsUp: boolean;
  };
}

const SMTP = (auth: string): Lines => ({
  greeting: "220 mail.test ESMTP\r\n",
  answer: (line) =>
    line.startsWith("EHLO")
      ? `250-mail.test\r\n${auth}250 STARTTLS\r\n`
      : line === "NOOP"
        ? "250 2.0.0 Ok\r\n"
        : line === "QUIT"
          ? "221 2.0.0 Bye\r\n"
          : "502 5.5.2 Unknown\r\n",
  starttls: /^STARTTLS$/,
  yes: () => "220 2.0.0 Ready\r\n",
  farewell: /^QUIT$/,
});

const IMAP = (capabilities: string): Lines => ({
  greeting: "* OK ready\r\n",
  answer: (line) => {
    const [tag = "", word = ""] = line.split(" ");
    const untagged = { CAPABILITY: `* CAPABILITY ${capabilities}\r\n`, LOGOUT: "* BYE\r\n" }[word];
    return `${untagged ?? ""}${tag} OK done\r\n`;
  },
  starttls: /^\w+ STARTTLS$/,
  yes: (line) => `${line.split(" ")[0]} OK go\r\n`,
  farewell: /LOGOUT$/,
});

const POP3 = (capabilities: string): Lines => ({
  greeting: "+OK ready\r\n",
  answer: (line) => (line === "CAPA" ? `+OK\r\n${capabilities}STLS\r\n.\r\n` : "+OK\r\n"),
  starttls: /^STLS$/,
  yes: () => "+OK go\r\n",
  farewell: /^QUIT$/,
});

/** CVE-2011-0411 (Postfix, CERT VU#555316), and the same in other servers (nostarttls.secvuln.info). */
describe("before STARTTLS", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const pair = servers.keyPair("rsa:2048");
  const [key, cert] = [readFileSync(pair.key), readFileSync(pair.certificate)];

  /** `keeps`: what came in one piece with STARTTLS is a command inside TLS. */
  function lines(
    { greeting, answer, starttls, yes, farewell, refuses }: Lines,
    keeps: boolean,
  ): Promise<number> {
    return servers.plain((socket) => {
      let heard = "";
      const take = (stream: Socket | TLSSocket): void => {
        for (let end = heard.indexOf("\r\n"); end >= 0; end = heard.indexOf("\r\n")) {
          const line = heard.slice(0, end);
          heard = heard.slice(end + 2);
          if (stream === socket && starttls.test(line)) return secure(yes(line));
          stream.write(answer(line) ?? "");
          if (farewell.test(line)) return void stream.end();
        }
      };
      const hear = (chunk: Buffer): void => {
        heard += chunk.toString("latin1");
        take(socket);
      };
      const secure = (word: string): void => {
        socket.off("data", hear);
        if (refuses !== undefined && heard !== "") {
          const { words, atOnce, hangsUp } = refuses;
          const say = (text: string): void => void socket[hangsUp ? "end" : "write"](text);
          if (atOnce) return say(`${word}${words}`);
          // In a segment of their own: they meet a client of TLS.
          socket.write(word);
          setTimeout(() => say(words), 100);
          return;
        }
        if (!keeps) heard = "";
        socket.write(word);
        const tls = new TLSSocket(socket, { isServer: true, key, cert });
        tls.on("error", () => socket.destroy());
        tls.on("data", (chunk: Buffer) => {
          heard += chunk.toString("latin1");
          take(tls);
        });
        tls.once("secure", () => take(tls));
      };
      socket.on("data", hear);
      socket.write(greeting);
    });
  }

  function examine(port: number, starttls: string): Promise<AuditReport> {
    const connect = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
    const target = { label: "s", host: "127.0.0.1", port, connect };
    return audit(target, { starttls, connectionTimeoutMs: 2000 });
  }

  for (const [starttls, server, logins] of [
    ["smtp", SMTP("250-AUTH PLAIN LOGIN CRAM-MD5\r\n"), ["PLAIN", "LOGIN"]],
    ["smtp", SMTP("250-AUTH GSSAPI\r\n"), []],
    ["imap", IMAP("IMAP4rev1 STARTTLS AUTH=PLAIN"), ["LOGIN", "AUTH=PLAIN"]],
    ["imap", IMAP("IMAP4rev1 STARTTLS LOGINDISABLED"), []],
    ["pop3", POP3("USER\r\nSASL PLAIN\r\n"), ["USER", "PLAIN"]],
    ["pop3", POP3("UIDL\r\n"), []],
  ] as const)
    for (const keeps of [true, false])
      test(`${starttls} with ${logins.join(" ") || "no"} logins, ${keeps ? "vulnerable" : "safe"}`, async () => {
        const report = await examine(await lines(server, keeps), starttls);
        assert.deepEqual(
          [report.weaknesses?.["starttls-injection"], report.features?.clearLogins],
          [keeps ? "vulnerable" : "not vulnerable", logins],
          JSON.stringify(report.errors),
        );
        assert.equal(
          report.findings.some(({ id }) => id === "plaintext-login"),
          logins.length > 0,
        );
      });

  // Hanging up is what Dovecot 2.3 and vsftpd 3.0 do; who does not may have obeyed.
  for (const words of ["", "500 OOPS: wrong version number\r\n"])
    for (const atOnce of [true, false])
      for (const hangsUp of [true, false]) {
        if (words === "" && !hangsUp) continue;
        const verdict = hangsUp ? "not vulnerable" : "unknown";
        const way = `${atOnce ? "at once" : "later"}${hangsUp ? " and the end" : ""}`;
        test(`to the early command "${words.trim()}" ${way}: ${verdict}`, async () => {
          const refuses = { words, atOnce, hangsUp };
          const port = await lines({ ...IMAP("IMAP4rev1 STARTTLS"), refuses }, false);
          const report = await examine(port, "imap");
          assert.equal(report.weaknesses?.["starttls-injection"], verdict);
        });
      }

  test("TLS that begins at once has nothing before it", async () => {
    const report = await examine(await servers.openssl(pair, "-4"), "auto");
    assert.equal(report.weaknesses?.["starttls-injection"], "not applicable");
    assert.equal(report.features?.clearLogins, undefined);
  });
});
