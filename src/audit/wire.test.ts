import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Wire } from "./wire.ts";

test("Wire.close() leaves no handle, also while our own end is on its way", async () => {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (const ends of [false, true]) {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const wire = new Wire(socket, { signal: new AbortController().signal, silenceMs: 1000 });
    wire.write(new Uint8Array(54));
    if (ends) wire.endWriting();
    wire.close();
  }
  server.close();
  await once(server, "close");
  const open = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  for (let turn = 0; turn < 100 && open() > 0; turn += 1) await sleep(20);
  assert.equal(open(), 0);
});
