// What a broker does that takes alerts, registry.test.ts tells.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { freePort } from "../../test/fixtures/free-port.ts";
import { openService } from "../../test/fixtures/http-service.ts";

/** `patience`: only who hangs needs an end to it, and who answers may do so late. */
async function answerOf(port: number, patience = 30_000) {
  const kafka = openService("kafka", { hostPort: `127.0.0.1:${port}` });
  const line = kafka.format(alertNews()) ?? "";
  const answer = await kafka.deliver([line], AbortSignal.timeout(patience));
  await kafka.close();
  assert.equal(answer.delivered, 0);
  return answer.reason ?? "";
}

async function peer(
  t: { after(fn: () => void): void },
  speak: (socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    speak(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

test("a broker that is not there, hangs, closes or speaks something else is told", async (t) => {
  assert.match(await answerOf(await freePort()), /ECONNREFUSED/);
  assert.equal(await answerOf(await peer(t, () => {}), 400), "it does not answer");
  assert.notEqual(await answerOf(await peer(t, (socket) => socket.end())), "");
  const http = await peer(t, (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  assert.notEqual(await answerOf(http), "");
});

test("a broker's lengths are not believed: it is told, and the watch goes on", async (t) => {
  const lengths = ["ffffffff", "7fffffff", "80000000", "00000000", "00000002ffff"];
  for (const answer of lengths) {
    const port = await peer(t, (socket) => {
      socket.once("data", () => socket.write(Buffer.from(answer, "hex")));
    });
    assert.match(await answerOf(port), /^Connection error: /, answer);
  }
});

test("kafka's key is the host, its value Falco's JSON", () => {
  const kafka = openService("kafka", { hostPort: "a:1, b" });
  assert.deepEqual(kafka.endpoint, { host: "a", port: 1, tls: false, user: "", password: "" });
  const [key, value] = (kafka.format(alertNews({ hostname: "h\n1" })) ?? "").split("\n");
  assert.equal(key, "h\\u000a1");
  assert.equal(JSON.parse(value ?? "").hostname, "h\n1");
});
