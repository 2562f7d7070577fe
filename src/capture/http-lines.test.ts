import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { listenForLines } from "./http-lines.ts";

const HERE = { address: "127.0.0.1", port: 0 };

test("listenForLines() takes JSON objects, alone, a line each and over several lines", async () => {
  const { port, stream, close } = await listenForLines(HERE);
  const post = async (body: string, method = "POST"): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/any?path`, { method, body })).status;
  assert.equal(await post('{"rule":"a"}'), 200);
  assert.equal(await post('{"rule":"b"}\n\n{"rule":"c\\n"}\n'), 200);
  assert.equal(await post('{\n "rule":\r\n "d"\n}'), 200);
  for (const body of ["", "Warning text", "[1]", '{"a":', "1\n2"])
    assert.equal(await post(body), 400, body);
  assert.equal(await post("{}", "PUT"), 405);
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
  close();
  assert.equal(
    await text(stream),
    '{"rule":"a"}\n{"rule":"b"}\n{"rule":"c\\n"}\n{  "rule":  "d" }\n',
  );
});

test("listenForLines() bounds a body and what waits", async () => {
  const { port, stream, close } = await listenForLines(HERE);
  const post = async (length: number): Promise<number> => {
    const body = JSON.stringify({ a: "x".repeat(length) });
    return (await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body })).status;
  };
  assert.equal(await post(1 << 20), 413);
  const statuses: number[] = [];
  for (let sent = 0; sent < 40; sent += 1) statuses.push(await post(1_000_000));
  assert.equal(statuses[0], 200);
  assert.equal(statuses.at(-1), 503);
  assert.ok(statuses.filter((status) => status === 200).length <= 18);
  stream.resume();
  close();
  await once(stream, "end");
});

test("listenForLines() says that a port is taken", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await assert.rejects(listenForLines({ address: "127.0.0.1", port }), {
    code: "USAGE_SOURCE",
    message: `Cannot listen at 127.0.0.1:${port}: the port is taken`,
  });
});
