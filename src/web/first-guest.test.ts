import assert from "node:assert/strict";
import { createServer, get, type Server as HttpServer } from "node:http";
import { connect, type Server, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { until } from "../../test/fixtures/until.ts";
import { awaitFirstGuest, type GuestServer } from "./first-guest.ts";
import { Guests } from "./guests.ts";
import { listen } from "./listen.ts";

const PLACE = { address: "127.0.0.1", port: 0 };

/** Serves from the first guest on; `begins`: how often that began, the first `failures` times in vain. */
async function serve(t: TestContext, { failures = 0, guests = new Guests() } = {}) {
  const seen = { begins: 0, problems: 0 };
  let served: HttpServer | undefined;
  const begin = async (listener: Server): Promise<GuestServer> => {
    seen.begins += 1;
    // Others come meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (seen.begins <= failures) throw new Error("not now");
    const limits = { headersTimeout: 300, connectionsCheckingInterval: 50 };
    served = createServer(limits, ({ url }, response) => response.end(`hello ${url}`));
    return listen(served, { ...PLACE, listener }, guests);
  };
  const server = await awaitFirstGuest(PLACE, begin, () => (seen.problems += 1));
  t.after(() => server.close());
  return { ...server, seen, http: () => served };
}

function ask(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

/** What a connection is sent until its end. */
function talk(t: TestContext, port: number, text: string, isEnd: boolean): { heard: () => string } {
  let heard = "";
  const socket: Socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.setEncoding("utf8").on("data", (part: string) => (heard += part));
  socket.on("end", () => (heard += "END")).on("error", () => (heard += "ERROR"));
  if (isEnd) socket.end(text);
  else socket.write(text);
  return { heard: () => heard };
}

test("awaitFirstGuest() makes the server once, and serves all who came before it", async (t) => {
  const { port, seen } = await serve(t);
  assert.equal(seen.begins, 0);
  const paths = Array.from({ length: 50 }, (_, at) => `/${at}`);
  const answers = await Promise.all(paths.map((path) => ask(port, path)));
  assert.deepEqual(
    answers,
    paths.map((path) => `hello ${path}`),
  );
  assert.equal(await ask(port, "/later"), "hello /later");
  assert.deepEqual(seen, { begins: 1, problems: 0 });
});

test("awaitFirstGuest() has who came first answered after it has ended its side", async (t) => {
  const { port } = await serve(t);
  const { heard } = talk(t, port, "GET /half HTTP/1.0\r\n\r\n", true);
  await until("the answer", () => heard().endsWith("END"), { seen: heard });
  assert.match(heard(), /^HTTP\/1\.1 200 OK[^]*hello \/halfEND$/);
});

test("awaitFirstGuest() gives who came first no more time than others", async (t) => {
  const { port } = await serve(t);
  const { heard } = talk(t, port, "GET /slow HTTP/1.1\r\nX: ", false);
  await until("the end", () => heard().endsWith("END"), { seen: heard });
  assert.match(heard(), /^HTTP\/1\.1 408 /);
});

test("awaitFirstGuest() counts who came first among the guests", async (t) => {
  const { port } = await serve(t, { guests: new Guests(1) });
  const first = talk(t, port, "", false);
  const second = talk(t, port, "", false);
  await until("the end of one", () => first.heard() !== "" || second.heard() !== "");
});

test("awaitFirstGuest() begins anew with the next guest after it could not", async (t) => {
  const { port, seen } = await serve(t, { failures: 1 });
  await assert.rejects(ask(port, "/"), { code: "ECONNRESET" });
  assert.equal(await ask(port, "/again"), "hello /again");
  assert.deepEqual(seen, { begins: 2, problems: 1 });
});

test("awaitFirstGuest() survives guests that go while the server is made", async (t) => {
  const { port } = await serve(t);
  for (let count = 0; count < 20; count += 1) {
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      socket.write("GET / HTTP/1.1\r\n");
      socket.resetAndDestroy();
    });
  }
  assert.equal(await ask(port, "/stays"), "hello /stays");
});

test("awaitFirstGuest() ends before anybody has come, and while the server is made", async (t) => {
  const { port, close } = await serve(t);
  const asked = ask(port, "/").catch(({ code }: NodeJS.ErrnoException) => code);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await close();
  assert.match(String(await asked), /^(ECONNRESET|hello \/)$/);
  await assert.rejects(ask(port, "/"), { code: "ECONNREFUSED" });
  const other = await awaitFirstGuest(
    PLACE,
    () => Promise.reject(new Error("nobody came")),
    () => assert.fail("nobody came"),
  );
  await other.close();
  await assert.rejects(ask(other.port, "/"), { code: "ECONNREFUSED" });
});
