import assert from "node:assert/strict";
import type { ServerHttp2Stream } from "node:http2";
import { type TestContext, test } from "node:test";
import { framed, serveGrpc, socketPlace } from "../../test/fixtures/grpc-server.ts";
import { until } from "../../test/fixtures/until.ts";
import { followGrpc } from "./grpc-stream.ts";
import { writeProto } from "./protobuf.ts";

const [ONE, TWO] = ["one", "two"].map((text) => framed(writeProto([[1, text]]))) as [
  Buffer,
  Buffer,
];

test("followGrpc hands on each message, however the bytes come", async (t) => {
  const all = Buffer.concat([ONE, TWO, framed(new Uint8Array()), ONE]);
  for (const size of [1, 3, 8, all.length]) {
    const { heard, ended } = await follow(t, async (stream) => {
      for (let start = 0; start < all.length; start += size)
        await new Promise((next) => stream.write(all.subarray(start, start + size), next));
      stream.end();
    });
    await ended;
    assert.deepEqual(heard, ["one", "two", "", "one"]);
  }
});

test("followGrpc ends at what is no message, and keeps what came before", async (t) => {
  const endings = {
    packed: Buffer.concat([Buffer.from([1]), ONE.subarray(1)]),
    huge: Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
    wire: framed(Buffer.from([0x0f])),
  };
  for (const ending of Object.values(endings)) {
    const { heard, ended } = await follow(t, (stream) =>
      stream.write(Buffer.concat([ONE, ending])),
    );
    await ended;
    assert.deepEqual(heard, ["one"]);
  }
});

test("followGrpc ends with its server, and when it is told to", async (t) => {
  const { ended, stop } = await follow(t, () => undefined);
  stop.abort();
  await ended;
  await followGrpc(call("/nowhere/s"), new AbortController().signal);
  await followGrpc(call("/nowhere/s"), AbortSignal.abort());
  const cut = await follow(t, (stream) => {
    stream.write(ONE.subarray(0, 6));
    setImmediate(() => stream.session?.destroy());
  });
  await cut.ended;
  assert.deepEqual(cut.heard, []);
});

async function follow(t: TestContext, onCall: (stream: ServerHttp2Stream) => unknown) {
  const socket = await socketPlace(t);
  let isCalled = false;
  await serveGrpc(t, socket, (stream, method) => {
    assert.equal(method, "/x/Follow");
    stream.respond({ ":status": 200 });
    isCalled = true;
    onCall(stream);
  });
  const heard: string[] = [];
  const stop = new AbortController();
  const ended = followGrpc(call(socket, heard), stop.signal);
  await until("the call", () => isCalled);
  return { heard, ended, stop };
}

function call(socket: string, heard: string[] = []) {
  const onMessage = (message: { text(field: number): string }) => void heard.push(message.text(1));
  return { socket, method: "x/Follow", request: new Uint8Array(), onMessage };
}
