import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { mailServer, mailText } from "../../test/fixtures/brokers.ts";
import { openService, sent } from "../../test/fixtures/http-service.ts";

interface Context {
  after(fn: () => void): void;
}

async function served(t: Context, options: object, output: object) {
  const server = await mailServer(options);
  t.after(() => server.end());
  const [from, to] = ["Falco <falco@a.example>", "b@b.example, c@c.example"];
  const open = (more: object = {}) =>
    openService("smtp", { hostPort: `127.0.0.1:${server.port}`, from, to, ...output, ...more });
  return { ...server, open };
}

const TAKEN = { delivered: 1, said: "acknowledged" };

test("hostile text makes no header, no second mail and no end of one", async (t) => {
  const { open, received } = await served(t, {}, { tls: false });
  const message = "x\r\nBcc: evil@c.example\r\n.\r\nQUIT\r\n\u202e\u0000 é".repeat(20);
  const alert = alertNews({ message, rule: message, priority: "Critical" });
  assert.deepEqual(await sent(open(), alert, alertNews()), { delivered: 2, said: "acknowledged" });
  const [mail = "", ...others] = received();
  assert.equal(others.length, 1);
  const head = mail.slice(0, mail.indexOf("\r\n\r\n"));
  assert.doesNotMatch(head, /^(?:Bcc|QUIT)/im);
  assert.ok(head.split("\r\n").every((row) => row.length <= 76));
  const subject = [...head.matchAll(/=\?UTF-8\?B\?([\w+/=]*)\?=/g)]
    .map(([, word = ""]) => Buffer.from(word, "base64").toString())
    .join("");
  assert.match(subject, /^\[Critical\] x\\u000d\\u000aBcc: evil@c\.example/);
  assert.match(head, /^Date: Sat, 08 Feb 2025 08:23:00 \+0000$/m);
  assert.match(head, /^From: Falco <falco@a\.example>$/m);
  assert.match(mailText(mail), /^x\\u000d\\u000aBcc: .*\\u202e\\u0000 é/);
  assert.match(mailText(mail), /^container\.name: web$/m);
});

test("STARTTLS and a login: by PLAIN, or by LOGIN where that is all there is", async (t) => {
  for (const method of ["PLAIN", "LOGIN"]) {
    const options = {
      disabledCommands: [],
      authOptional: false,
      authMethods: [method],
      onAuth: (
        { username, password }: Record<string, string>,
        _: unknown,
        done: (e: Error | null, r?: object) => void,
      ) =>
        username === "u" && password === "p" ? done(null, { user: "u" }) : done(new Error("no")),
    };
    const { open } = await served(t, options, { checkCertificate: false });
    assert.deepEqual(await sent(open({ user: "u", password: "p" }), alertNews()), TAKEN);
    const wrong = await sent(open({ user: "u", password: "x" }), alertNews());
    assert.match(wrong.reason ?? "", /^it refuses the login: 535 /);
    const nobody = await sent(open(), alertNews());
    assert.match(nobody.reason ?? "", /^it refuses the sender: 530 /);
    const untrusted = await sent(
      open({ user: "u", password: "p", checkCertificate: true }),
      alertNews(),
    );
    assert.match(untrusted.reason ?? "", /certificate/);
  }
});

test("a server without STARTTLS gets nothing in the clear unless it is told to", async (t) => {
  const { open, received } = await served(t, {}, {});
  const { delivered, reason } = await sent(open(), alertNews());
  assert.equal(delivered, 0);
  assert.match(reason ?? "", /^it offers no STARTTLS/);
  assert.equal(received().length, 0);
});

test("of several recipients those that are taken get the mail", async (t) => {
  const refuses = (what: RegExp) => ({
    onRcptTo: ({ address }: { address: string }, _: unknown, done: (error?: Error) => void) =>
      what.test(address)
        ? done(Object.assign(new Error("no such user"), { responseCode: 550 }))
        : done(),
  });
  const some = await served(t, refuses(/^b@/), { tls: false });
  assert.deepEqual(await sent(some.open(), alertNews()), TAKEN);
  const all = await served(t, refuses(/./), { tls: false });
  assert.deepEqual(await sent(all.open(), alertNews()), {
    delivered: 0,
    refused: 1,
    reason: "it refuses all recipients: b@b.example: 550 no such user",
  });
});

test("what is busy is tried again, what is no mail server is told", async (t) => {
  const busy = {
    onMailFrom: (_: unknown, _session: unknown, done: (error: Error) => void) =>
      done(Object.assign(new Error("later"), { responseCode: 451 })),
  };
  const { open } = await served(t, busy, { tls: false });
  assert.deepEqual(await sent(open(), alertNews()), {
    delivered: 0,
    reason: "it refuses the sender: 451 later",
  });
  const http = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close());
  const { port } = http.address() as { port: number };
  const answer = await sent(
    openService("smtp", { hostPort: `127.0.0.1:${port}`, tls: false }),
    alertNews(),
  );
  assert.deepEqual(answer, { delivered: 0, reason: "it is no mail server" });
});
