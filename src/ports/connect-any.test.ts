import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { AppError } from "../lib/errors.ts";
import { connectDirectly } from "./connect.ts";
import { connectToAny } from "./connect-any.ts";

const never = new AbortController().signal;

async function listening(address: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, address);
  await new Promise((resolve) => server.once("listening", resolve));
  return { server, port: (server.address() as { port: number }).port };
}

test("connectToAny() goes on to the next address where the first refuses", async (t) => {
  const { server, port } = await listening("127.0.0.1");
  t.after(() => server.close());
  const { socket, address } = await connectToAny(
    ["127.0.0.2", "127.0.0.1"],
    (one, signal) => connectDirectly(one, port, { signal }),
    never,
  );
  socket.destroy();
  assert.equal(address, "127.0.0.1");
});

test("connectToAny() does not wait for one that takes its time, and closes it when it comes", async (t) => {
  const { server, port } = await listening("127.0.0.1");
  t.after(() => server.close());
  const late: boolean[] = [];
  const { socket, address } = await connectToAny(
    ["slow", "127.0.0.1"],
    async (one, signal) => {
      if (one !== "slow") return connectDirectly(one, port, { signal });
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      const straggler = await connectDirectly("127.0.0.1", port);
      straggler.once("close", () => late.push(true));
      return straggler;
    },
    never,
  );
  assert.equal(address, "127.0.0.1");
  while (late.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(socket.destroyed, false);
  socket.destroy();
});

test("connectToAny() rejects with the first address's error", async () => {
  await assert.rejects(
    connectToAny(
      ["127.0.0.1", "::1"],
      (one) => Promise.reject(new AppError("PEER_ECONNREFUSED", `Cannot connect to "${one}"`)),
      never,
    ),
    /127\.0\.0\.1/,
  );
});
