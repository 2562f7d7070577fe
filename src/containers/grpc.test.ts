import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import {
  answerGrpc,
  framed,
  listen,
  serveGrpc,
  socketPlace,
} from "../../test/fixtures/grpc-server.ts";
import { grpcClient } from "./grpc.ts";
import { readProto, writeProto } from "./protobuf.ts";

const ANSWER = writeProto([
  [1, "yes"],
  [2, 300],
]);

test("grpcClient reads an answer, and says what the server says", async (t) => {
  const socket = await socketPlace(t);
  await serveGrpc(t, socket, (stream, method) => {
    if (method === "/x/Ok") return answerGrpc(stream, framed(ANSWER));
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
  const socket = await socketPlace(t);
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
  await serveGrpc(t, socket, (stream, method) =>
    answerGrpc(stream, bodies[method] ?? Buffer.alloc(0)),
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
  const socket = await socketPlace(t);
  const accepted: Socket[] = [];
  const server = createServer((one) => accepted.push(one));
  await listen(t, server, socket);
  t.after(() => accepted.forEach((one) => one.destroy()));
  const client = grpcClient(socket, { timeoutMs: 50 });
  for (let left = 3; left > 0; left -= 1)
    await assert.rejects(client.call("x/Ok", new Uint8Array()), { code: "PEER_GRPC_TIMEOUT" });
  await assert.rejects(client.call("x/Ok", new Uint8Array()), { code: "PEER_PAUSED" });
  assert.equal(accepted.length, 1);
});

test("grpcClient says why a server is out of reach, and finds it when it comes back", async (t) => {
  const socket = await socketPlace(t);
  const client = grpcClient(socket);
  t.after(() => client.close());
  await assert.rejects(client.call("x/Ok", new Uint8Array()), {
    message: `Cannot reach "${socket}": no such socket`,
  });
  const first = await serveGrpc(t, socket, (stream) => answerGrpc(stream, framed(ANSWER)));
  assert.equal((await client.call("x/Ok", new Uint8Array())).text(1), "yes");
  first();
  await assert.rejects(client.call("x/Ok", new Uint8Array()));
  await serveGrpc(t, socket, (stream) => answerGrpc(stream, framed(ANSWER)));
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
