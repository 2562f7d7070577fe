import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { ownNamespaceInode } from "../ports/network-namespace.ts";
import { HostReconcile } from "./host-reconcile.ts";

function reconcile(sockets: number[]) {
  const [found, ended, problems]: [number[], number[], string[]] = [[], [], []];
  let time = 0;
  const namespace = ownNamespaceInode();
  const host = new HostReconcile({
    namespaces: () => new Map([[namespace, [process.pid]]]),
    believed: () =>
      sockets.map((inode) => ({
        namespace,
        inode,
        socket: BigInt(inode),
        address: "127.0.0.1",
        port: 1,
        openedAt: 0,
      })),
    onCgroup: () => {},
    onFound: ({ port }) => found.push(port),
    onEnded: ({ inode }) => ended.push(inode),
    onNote: () => {},
    onProblem: (text) => problems.push(text),
    now: () => time,
  });
  return { host, found, ended, problems, pass: (ms: number) => (time += ms) };
}

test("HostReconcile finds what listens unknown, and what was held to listen and does not", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const { host, found, ended, problems, pass } = reconcile([1]);
  await host.tick();
  assert.deepEqual([found, ended], [[], []]);
  host.lost();
  pass(1000);
  await host.tick();
  assert.ok(found.includes(port), JSON.stringify({ found, port, problems }));
  assert.deepEqual(ended, [1]);
});

test("HostReconcile looks every half minute, and sooner after losses, but ever more seldom", async () => {
  const { host, ended, pass } = reconcile([1]);
  pass(29_000);
  await host.tick();
  assert.equal(ended.length, 0);
  pass(1000);
  await host.tick();
  assert.equal(ended.length, 1);
  for (const [pause, looks] of [
    [1000, 2],
    [1000, 2],
    [1000, 3],
    [2000, 3],
    [2000, 4],
  ] as const) {
    host.lost();
    pass(pause);
    await host.tick();
    assert.equal(ended.length, looks);
  }
});

test("HostReconcile finds a socket for which there is no room once, and seldom again", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const { host, found, pass } = reconcile([]);
  const times = (): number => found.filter((one) => one === port).length;
  const seen: number[] = [];
  for (let comparison = 1; comparison <= 21; comparison += 1) {
    pass(30_000);
    await host.tick();
    seen.push(times());
  }
  assert.deepEqual([seen[0], seen[18], seen[20]], [1, 1, 2]);
});

test("HostReconcile tells nothing more once it is closed, though it was comparing", async () => {
  const { host, found, ended, problems, pass } = reconcile([1]);
  host.lost();
  pass(1000);
  const comparing = host.tick();
  host.close();
  await comparing;
  assert.deepEqual([found, ended, problems], [[], [], []]);
});
