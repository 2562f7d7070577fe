import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { connectDirectly, connectInNamespace } from "./connect.ts";
import { inNamespace, openNamespace, ownNamespaceInode } from "./network-namespace.ts";

const SERVER = `const { createServer } = require("node:net");
const answer = (text) => (socket) => socket.on("error", () => {}).end(text);
createServer(answer("four")).listen(8080, "127.0.0.1", () => createServer(answer("six")).listen(8081, "::1", () => console.log("up")));`;

test("connectInNamespace reaches what listens on loopback inside only, v4 and v6", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  const { pid } = await inside.run(SERVER);
  const namespace = openNamespace(pid);
  t.after(() => namespace.close());
  assert.notEqual(namespace.inode, ownNamespaceInode());
  assert.equal(await textOf(await connectInNamespace(namespace, "127.0.0.1", 8080)), "four");
  assert.equal(await textOf(await connectInNamespace(namespace, "::1", 8081)), "six");
  const byPath = openNamespace(inside.path);
  assert.equal(byPath.inode, namespace.inode);
  byPath.close();
});

test("connectInNamespace reports refusal, silence and abort, and leaves no descriptor", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  // A full accept queue that nobody empties: further connects get no answer.
  await inside.run(
    'require("node:net").createServer().listen({ port: 81, host: "127.0.0.1", backlog: 1 }, () => { console.log("up"); process.kill(process.pid, "SIGSTOP"); });',
  );
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  const filler = await Promise.allSettled(
    [1, 2, 3, 4].map(() => connectInNamespace(namespace, "127.0.0.1", 81, { timeoutMs: 200 })),
  );
  const before = readdirSync("/proc/self/fd").length;
  const cases = [
    {
      port: 9,
      options: {},
      code: "PEER_ECONNREFUSED",
      message: 'Cannot connect to "127.0.0.1:9": ECONNREFUSED',
    },
    {
      port: 81,
      options: { timeoutMs: 100 },
      code: "PEER_TIMEOUT",
      message: 'Cannot connect to "127.0.0.1:81": no answer within 100 ms',
    },
    {
      port: 81,
      options: { signal: AbortSignal.timeout(50) },
      code: "PEER_ABORTED",
      message: 'Cannot connect to "127.0.0.1:81": given up',
    },
    {
      port: 81,
      options: { signal: AbortSignal.abort() },
      code: "PEER_ABORTED",
      message: 'Cannot connect to "127.0.0.1:81": given up',
    },
  ];
  for (const { port, options, code, message } of cases) {
    await assert.rejects(connectInNamespace(namespace, "127.0.0.1", port, options), {
      name: "AppError",
      code,
      message,
    });
  }
  await Promise.all(
    Array.from({ length: 100 }, () =>
      assert.rejects(connectInNamespace(namespace, "127.0.0.1", 9)),
    ),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(readdirSync("/proc/self/fd").length, before);
  for (const result of filler) if (result.status === "fulfilled") result.value.destroy();
});

test("connectInNamespace needs no privilege in our own namespace", async (t) => {
  const server = createServer((socket) => socket.end("home"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const namespace = openNamespace(process.pid);
  t.after(() => namespace.close());
  assert.equal(namespace.inode, ownNamespaceInode());
  const { port } = server.address() as { port: number };
  assert.equal(await textOf(await connectInNamespace(namespace, "127.0.0.1", port)), "home");
});

test("inNamespace comes back also when the function throws", (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  const here = (): number => {
    const opened = openNamespace("/proc/thread-self/ns/net");
    opened.close();
    return opened.inode;
  };
  assert.equal(inNamespace(namespace, here), namespace.inode);
  assert.throws(
    () =>
      inNamespace(namespace, () => {
        throw new Error("inside");
      }),
    /^Error: inside$/,
  );
  assert.equal(here(), ownNamespaceInode());
});

test("openNamespace says which process is gone", () => {
  assert.throws(() => openNamespace(2 ** 22 + 1), {
    code: "KERNEL_NAMESPACE",
    message: 'Cannot open network namespace "/proc/4194305/ns/net": ENOENT',
  });
});

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const data of socket) text += String(data);
  return text;
}

test("connectDirectly reports its own end, the one that the peer sees, before it is connected", async (t) => {
  const seen: number[] = [];
  const server = createServer((socket) => {
    seen.push(socket.remotePort ?? 0);
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => server.close());
  const reported: (readonly [string, number])[] = [];
  let wasConnected = false;
  const socket = await connectDirectly("127.0.0.1", (server.address() as { port: number }).port, {
    onConnection: (address, port) => {
      assert.equal(wasConnected, false);
      reported.push([address, port]);
    },
  });
  wasConnected = true;
  assert.deepEqual(reported, [["127.0.0.1", socket.localPort]]);
  await new Promise((resolve) => socket.once("close", resolve).resume());
  assert.deepEqual(seen, [reported[0]?.[1]]);
});

test("connectInNamespace reports its own end", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  await inside.run(SERVER);
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  const reported: (readonly [string, number])[] = [];
  const onConnection = (address: string, port: number): void => void reported.push([address, port]);
  const socket = await connectInNamespace(namespace, "127.0.0.1", 8080, { onConnection });
  assert.deepEqual(reported, [["127.0.0.1", socket.localPort]]);
  socket.destroy();
});
