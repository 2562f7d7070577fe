import assert from "node:assert/strict";
import { test } from "node:test";
import { capturedEvent, SMALL_HOST, threadEntry } from "../../test/fixtures/captures.ts";
import { eventType } from "../events/schema.ts";
import type { Descriptor } from "./descriptor.ts";
import { DESCRIPTOR_CHANGES } from "./descriptor-changes.ts";
import { ThreadTable } from "./thread-table.ts";

// SMALL_HOST's shell (100) has /dev/null as 0, a connection as 3 and a unix socket as 4.

function host() {
  const table = new ThreadTable({ capacity: 10 });
  table.enter({ ...SMALL_HOST, threads: [...SMALL_HOST.threads, threadEntry({ tid: 200 })] });
  const apply = (name: string, params: Parameters<typeof capturedEvent>[1], tid = 100) => {
    table.apply(capturedEvent(name, params, { tid }));
    return table.descriptor;
  };
  const open = (tid = 100): readonly number[] =>
    [...(table.find(tid)?.group.descriptors.keys() ?? [])].toSorted((a, b) => a - b);
  /** A descriptor as it is, without an event of its own. */
  const at = (number: number, tid = 100): Descriptor | undefined =>
    table.find(tid)?.group.descriptors.get(number);
  return { table, apply, open, at };
}

const tuple4 = (from: readonly number[], to: readonly number[]): Uint8Array =>
  Uint8Array.from([2, ...from, ...to]);
/** An address and a port in the order of scap's tuples: little-endian. */
const end = (address: string, port: number): number[] => [
  ...address.split(".").map(Number),
  port & 255,
  port >> 8,
];

test("DESCRIPTOR_CHANGES names event types that the schema has", () => {
  for (const name of Object.keys(DESCRIPTOR_CHANGES)) assert.equal(eventType(name).name, name);
});

test("an open of a relative path gives a descriptor with its path; a failed one gives none", () => {
  const { apply, open, at } = host();
  const params = { dirfd: -100, name: "../etc/passwd", flags: 1, mode: 0, dev: 9, ino: 8 };
  const opened = apply("openat", { ...params, fd: 5 });
  assert.deepEqual([opened?.name, opened?.kind, opened?.number], ["/etc/passwd", "f", 5]);
  assert.deepEqual([at(5)?.device, at(5)?.inode], [9, 8]);
  const failed = apply("openat", { ...params, fd: -2 });
  assert.deepEqual([failed?.number, failed?.isUnknown, failed?.name], [-1, true, "/etc/passwd"]);
  assert.deepEqual(open(), [0, 3, 4, 5]);
});

test("a descriptor's name is news at the event that gives it, and not later", () => {
  const { apply } = host();
  const opened = apply("open", { fd: 5, name: "/a", flags: 1, mode: 0, dev: 0, ino: 0 });
  assert.equal(opened?.nameChanged, true);
  assert.equal(apply("read", { res: 1, data: "x", fd: 5, size: 1 })?.nameChanged, false);
});

test("a duplicate stands for the same thing; of what is unknown there is none", () => {
  const { apply, at, open } = host();
  apply("dup2", { res: 9, oldfd: 0, newfd: 9 });
  assert.deepEqual([at(9)?.name, at(9)?.number], ["/dev/null", 9]);
  apply("fcntl", { res: 10, fd: 4, cmd: 1 });
  assert.equal(at(10)?.name, "/run/docker.sock");
  apply("fcntl", { res: 11, fd: 4, cmd: 3 });
  apply("dup2", { res: 12, oldfd: 77, newfd: 12 });
  apply("dup2", { res: -9, oldfd: 0, newfd: 13 });
  assert.deepEqual(open(), [0, 3, 4, 9, 10]);
});

test("close takes one away, close_range those between; what fails or only marks takes none", () => {
  const { apply, open, table } = host();
  apply("close_range", { res: 0, first: 0, last: 4, flags: 4 });
  apply("close_range", { res: -22, first: 0, last: 4, flags: 0 });
  apply("close", { res: -9, fd: 3 });
  apply("read", { res: 0, data: "", fd: 0, size: 1 });
  assert.deepEqual(open(), [0, 3, 4]);
  apply("close_range", { res: 0, first: 3, last: 0xffff_ffff, flags: 0 });
  assert.deepEqual(open(), [0]);
  apply("close", { res: 0, fd: 0 });
  table.apply(capturedEvent("read", { res: 0, data: "", fd: 1, size: 1 }, { tid: 200 }));
  assert.deepEqual(open(), []);
});

test("a file that a handle opens has its whole path or none, whatever the directory", () => {
  const { apply } = host();
  const opened = (name: string) =>
    apply("open_by_handle_at", { fd: 5, mountfd: 6, flags: 1, path: name })?.name;
  assert.deepEqual([opened("/srv/a"), opened("<NA>")], ["/srv/a", "<NA>"]);
});

test("pipe and socketpair make two that belong together", () => {
  const { apply, at } = host();
  apply("pipe", { res: 0, fd1: 5, fd2: 6, ino: 77 });
  assert.deepEqual([at(5)?.inode, at(6)?.inode, at(5)?.kind], [77, 77, "p"]);
  apply("socketpair", { res: 0, fd1: 7, fd2: 8, source: 0xabc, peer: 0xdef });
  assert.deepEqual([at(7)?.name, at(8)?.name, at(7)?.kind, at(8)?.kind], ["", "", "u", "u"]);
  apply("pipe", { res: -24, fd1: 20, fd2: 21, ino: 1 });
  assert.deepEqual([at(20), at(21)], [undefined, undefined]);
});

test("a socket that connects has client and server, and its own address where it was not bound", () => {
  const { apply, at } = host();
  apply("socket", { fd: 5, domain: 2, type: 1, proto: 0 });
  assert.deepEqual([at(5)?.kind, at(5)?.protocol, at(5)?.createdProtocol], ["4", undefined, "tcp"]);
  const tuple = tuple4(end("0.0.0.0", 40_000), end("192.0.2.1", 443));
  const connected = apply("connect", { res: 0, tuple, fd: 5 });
  assert.deepEqual(
    [connected?.name, connected?.protocol, connected?.connected, connected?.isServer],
    ["10.0.0.5:40000->192.0.2.1:443", "tcp", true, false],
  );
});

test("a connect that is refused names nothing, one that is under way does", () => {
  const { apply, at } = host();
  const tuple = tuple4(end("10.0.0.5", 40_000), end("192.0.2.1", 443));
  for (const [fd, res, name] of [
    [5, -111, ""],
    [6, -115, "10.0.0.5:40000->192.0.2.1:443"],
  ] as const) {
    apply("socket", { fd, domain: 2, type: 1, proto: 6 });
    apply("connect", { res, tuple, fd });
    assert.equal(at(fd)?.name, name);
  }
});

test("bind makes a server's end, accept a connection of it", () => {
  const { apply, at } = host();
  apply("socket", { fd: 5, domain: 2, type: 1, proto: 6 });
  const addr = Uint8Array.from([2, ...end("0.0.0.0", 80)]);
  const bound = apply("bind", { res: 0, addr, fd: 5 });
  assert.deepEqual(
    [bound?.name, bound?.isServer, bound?.server?.port, bound?.protocol],
    ["0.0.0.0:80", true, 80, "tcp"],
  );
  const tuple = tuple4(end("192.0.2.9", 5000), end("10.0.0.5", 80));
  const accepted = apply("accept", { fd: 6, tuple, queuepct: 0, queuelen: 0, queuemax: 0 });
  assert.deepEqual(
    [accepted?.name, accepted?.isServer, accepted?.client?.port],
    ["192.0.2.9:5000->10.0.0.5:80", true, 5000],
  );
  assert.equal(at(6)?.connected, true);
});

test("messages name a socket that has no name yet, and make one of what nothing told of", () => {
  const { apply, at } = host();
  const tuple = tuple4(end("10.0.0.5", 5000), end("192.0.2.53", 53));
  const message = { res: 4, data: "ping", size: 4, tuple };
  apply("socket", { fd: 5, domain: 2, type: 2, proto: 17 });
  assert.equal(apply("sendto", { ...message, fd: 5 })?.name, "10.0.0.5:5000->192.0.2.53:53");
  apply("sendto", { ...message, fd: 42 });
  assert.deepEqual(
    [at(42)?.name, at(42)?.kind, at(42)?.protocol],
    ["10.0.0.5:5000->192.0.2.53:53", "4", "udp"],
  );
  // The answer runs the other way, on the same socket.
  const back = tuple4(end("192.0.2.53", 53), end("10.0.0.5", 5000));
  const answer = apply("recvfrom", { res: 4, data: "pong", tuple: back, fd: 5, size: 4 });
  assert.deepEqual([answer?.name, answer?.nameChanged], ["10.0.0.5:5000->192.0.2.53:53", false]);
});

test("pidfd_getfd takes a descriptor of another process", () => {
  const { apply, at } = host();
  apply("pidfd_open", { fd: 5, pid: 100, flags: 0 }, 200);
  apply("pidfd_getfd", { fd: 6, pid_fd: 5, target_fd: 4, flags: 0 }, 200);
  assert.equal(at(6, 200)?.name, "/run/docker.sock");
  apply("pidfd_getfd", { fd: 7, pid_fd: 5, target_fd: 99, flags: 0 }, 200);
  assert.equal(at(7, 200), undefined);
});

test("events that hold nothing change nothing, and end nothing", () => {
  for (const name of Object.keys(DESCRIPTOR_CHANGES)) {
    const { apply, open } = host();
    apply(name, {});
    assert.deepEqual(
      open().filter((number) => number >= 0 && number !== 0),
      [3, 4],
      name,
    );
  }
});

test("what is closed on exec is gone for the next program, of a child too", () => {
  const { apply, open } = host();
  const [O_CLOEXEC, F_SETFD, F_DUPFD_CLOEXEC] = [0x1000, 3, 26];
  apply("open", { fd: 10, name: "/a", flags: O_CLOEXEC });
  apply("open", { fd: 11, name: "/b", flags: 1 });
  apply("dup3", { res: 12, oldfd: 11, newfd: 12, flags: O_CLOEXEC });
  apply("dup2", { res: 13, oldfd: 12, newfd: 13 });
  apply("pipe2", { res: 0, fd1: 14, fd2: 15, ino: 1, flags: O_CLOEXEC });
  apply("eventfd2", { res: 16, flags: O_CLOEXEC, initval: 0 });
  apply("epoll_create1", { res: 17, flags: 1 });
  apply("memfd_create", { fd: 18, name: "m", flags: 1 });
  apply("fcntl", { res: 19, fd: 11, cmd: F_DUPFD_CLOEXEC, arg: 0 });
  apply("fcntl", { res: 0, fd: 13, cmd: F_SETFD, arg: 1 });
  apply("fcntl", { res: 0, fd: 10, cmd: F_SETFD, arg: 0 });
  apply("fcntl", { res: 0, fd: 0, cmd: F_SETFD, arg: 1 });
  apply("close_range", { res: 0, first: 3, last: 3, flags: 4 });
  apply("clone", {
    res: 300,
    exe: "sh",
    tid: 100,
    pid: 100,
    ptid: 1,
    comm: "sh",
    vtid: 100,
    vpid: 100,
  });
  const program = (tid: number) => ({ res: 0, exe: "/a", tid, pid: tid, ptid: 1, comm: "a" });
  apply("execve", program(300), 300);
  assert.deepEqual(open(300), [4, 10, 11]);
  assert.equal(open().length, 13);
  apply("execve", program(100));
  assert.deepEqual(open(), [4, 10, 11]);
});
