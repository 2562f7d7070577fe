import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createPlainServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { grpcClient } from "./grpc.ts";
import { readProto, writeProto } from "./protobuf.ts";

const ANSWER = writeProto([
  [1, "yes"],
  [2, 300],
]);

test("grpcClient reads an answer, and says what the server says", async (t) => {
  const socket = await place(t);
  await serve(t, socket, (stream, method) => {
    if (method === "/x/Ok") return answer(stream, framed(ANSWER), "0");
    stream.respond(
      { ":status": 200, "grpc-status": method === "/x/Gone" ? "5" : "13", "grpc-message": "oh no" },
      { endStream: true },
    );
  });
  const client = grpcClient(socket);
  t.after(() => client.close());
  const message = await client.call("x/Ok", new Uint8Array());
  assert.deepEqual([message.text(1), message.number(2), message.text(9)], ["yes", 300, ""]);
  await assert.rejects(client.call("x/Gone", new Uint8Array()), { code: "PEER_GRPC_NOT_FOUND" });
  await assert.rejects(client.call("x/Bad", new Uint8Array()), {
    code: "PEER_GRPC_STATUS",
    message: `Cannot ask "${socket}" for Bad: oh no`,
  });
});

test("grpcClient takes no bytes for an answer that are none", async (t) => {
  const socket = await place(t);
  const bodies: Readonly<Record<string, Buffer>> = {
    "/x/Cut": framed(ANSWER).subarray(0, 7),
    "/x/Two": Buffer.concat([framed(ANSWER), framed(ANSWER)]),
    "/x/Packed": Buffer.concat([Buffer.from([1]), framed(ANSWER).subarray(1)]),
    "/x/Empty": Buffer.alloc(0),
    "/x/Huge": Buffer.alloc(5 * 1024 * 1024),
    "/x/Wire": framed(Buffer.from([0x0f])),
    "/x/Endless": framed(Buffer.alloc(30, 0xff)),
    "/x/Long": framed(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f])),
  };
  await serve(t, socket, (stream, method) =>
    answer(stream, bodies[method] ?? Buffer.alloc(0), "0"),
  );
  for (const method of Object.keys(bodies)) {
    const client = grpcClient(socket, { timeoutMs: 20_000 });
    await assert.rejects(client.call(method.slice(1), new Uint8Array()), {
      code: "PEER_GRPC_ANSWER",
    });
    client.close();
  }
});

test("grpcClient waits for no server that hangs, and asks it no more after three times", async (t) => {
  const socket = await place(t);
  const accepted: Socket[] = [];
  const server = createPlainServer((one) => accepted.push(one));
  await listen(t, server, socket);
  t.after(() => accepted.forEach((one) => one.destroy()));
  const client = grpcClient(socket, { timeoutMs: 50 });
  for (let left = 3; left > 0; left -= 1)
    await assert.rejects(client.call("x/Ok", new Uint8Array()), { code: "PEER_GRPC_TIMEOUT" });
  await assert.rejects(client.call("x/Ok", new Uint8Array()), { code: "PEER_PAUSED" });
  assert.equal(accepted.length, 1);
});

test("grpcClient says why a server is out of reach, and finds it when it comes back", async (t) => {
  const socket = await place(t);
  const client = grpcClient(socket);
  t.after(() => client.close());
  await assert.rejects(client.call("x/Ok", new Uint8Array()), {
    message: `Cannot reach "${socket}": no such socket`,
  });
  const first = await serve(t, socket, (stream) => answer(stream, framed(ANSWER), "0"));
  assert.equal((await client.call("x/Ok", new Uint8Array())).text(1), "yes");
  first();
  await assert.rejects(client.call("x/Ok", new Uint8Array()));
  await serve(t, socket, (stream) => answer(stream, framed(ANSWER), "0"));
  assert.equal((await client.call("x/Ok", new Uint8Array())).text(1), "yes");
});

test("readProto reads what writeProto writes, repeated fields and maps", () => {
  const entry = writeProto([
    [1, "key"],
    [2, "value"],
  ]);
  const bytes = writeProto([
    [1, "a"],
    [1, "b"],
    [2, entry],
    [300, 0xffff_ffff],
  ]);
  const message = readProto(bytes);
  assert.deepEqual(message.texts(1), ["a", "b"]);
  assert.deepEqual(message.record(2), { key: "value" });
  assert.equal(message.number(300), 0xffff_ffff);
  for (let end = 1; end < bytes.length; end += 1) {
    try {
      readProto(bytes.subarray(0, end));
    } catch (error) {
      assert.equal((error as { code?: string }).code, "PEER_GRPC_ANSWER");
    }
  }
});

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "saker-grpc-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "s");
}

/** Resolves to what ends it, with its connections. */
async function serve(
  t: TestContext,
  socket: string,
  onCall: (stream: ServerHttp2Stream, method: string) => void,
): Promise<() => void> {
  const server: Http2Server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    onCall(stream, String(headers[":path"]));
  });
  await listen(t, server, socket);
  return () => {
    for (const session of sessions) session.destroy();
    server.close();
  };
}

async function listen(t: TestContext, server: Server | Http2Server, socket: string): Promise<void> {
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => server.close());
}

function answer(stream: ServerHttp2Stream, body: Buffer, status: string): void {
  stream.respond({ ":status": 200 }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
  stream.end(body);
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
