import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { openNamespace, ownNamespaceInode } from "./network-namespace.ts";
import { listListeners } from "./listeners.ts";
import { reconcileListeners } from "./reconcile-listeners.ts";

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as { port: number }).port };
}

test("reconcileListeners finds what was missed and what has ended, and nothing else", async (t) => {
  const own = ownNamespaceInode();
  const [first, second] = [await listening(), await listening()];
  t.after(() => first.server.close());
  const namespace = openNamespace(process.pid);
  t.after(() => namespace.close());
  const held = listListeners(namespace)
    .filter(({ port }) => port === first.port || port === second.port)
    .map(({ inode, port }) => ({ namespace: own, inode, port }));
  await new Promise((resolve) => second.server.close(resolve));
  const third = await listening();
  t.after(() => third.server.close());
  const { missed, ended, problems } = await reconcileListeners({
    namespaces: new Map([[own, [2 ** 22 + 1, process.pid]]]),
    believed: () => held,
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(
    ended.map(({ port }) => port),
    [second.port],
  );
  const ports = missed.map(({ port }) => port);
  assert.ok(ports.includes(third.port) && !ports.includes(first.port), String(ports));
  assert.deepEqual(
    missed.find(({ port }) => port === third.port),
    {
      ...listListeners(namespace).find(({ port }) => port === third.port),
      namespace: own,
      pid: process.pid,
    },
  );
});

test("reconcileListeners looks into each namespace, and says which it could not", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const space = makeNamespace();
  t.after(() => space.remove());
  const { pid } = await space.run(
    `require("node:net").createServer().listen(8443, "127.0.0.1", () => console.log(1))`,
  );
  const inside = openNamespace(pid);
  inside.close();
  const lost = { namespace: 1, inode: 2 };
  const { missed, ended, problems } = await reconcileListeners({
    // A process of another namespace stands first, as one that has moved would.
    namespaces: new Map([
      [inside.inode, [process.pid, pid]],
      [1, [process.pid]],
    ]),
    believed: (namespace) => (namespace === 1 ? [lost] : []),
  });
  assert.deepEqual(
    missed.map(({ port, namespace }) => ({ port, namespace })),
    [{ port: 8443, namespace: inside.inode }],
  );
  assert.deepEqual(ended, [], "of a namespace that was not seen nothing has ended");
  assert.equal(problems.length, 1);
});
