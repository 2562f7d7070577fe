import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type Expected,
  missingOf,
  probeMissing,
  watchActor,
} from "../../test/fixtures/acting-process.ts";
import { ioUringMissing } from "../../test/fixtures/io-uring.ts";
import type { UringFacts } from "../../test/fixtures/io-uring-actor.ts";
import { PATIENCE } from "../../test/fixtures/patience.ts";
import { RECORD_FLAGS } from "../events/record.ts";

const ACTOR = fileURLToPath(new URL("../../test/fixtures/io-uring-actor.ts", import.meta.url));

function isFrom(major: number, minor: number): boolean {
  const [own = 0, ownMinor = 0] = release()
    .split(".")
    .map((part) => Number.parseInt(part, 10));
  return own > major || (own === major && ownMinor >= minor);
}

function expected(f: UringFacts): readonly (Expected | false)[] {
  const relative = { directory: f.dir };
  return [
    {
      event: "openat",
      params: { fd: f.read, dirfd: f.dirfd, name: "file", flags: 0x801 },
      ...relative,
    },
    // By a worker of the kernel's.
    {
      event: "openat",
      params: { fd: f.written, name: `${f.dir}/made`, flags: 0x4806, mode: 0o640 },
    },
    {
      event: "openat",
      params: { fd: -2, dirfd: -100, name: "/nonexistent", flags: 0x803, ino: 0 },
    },
    {
      event: "openat2",
      params: { fd: f.how, dirfd: f.dirfd, name: "file", flags: 0x803, resolve: 8 },
      ...relative,
    },
    {
      event: "mkdirat",
      params: { res: 0, dirfd: f.dirfd, path: "made-dir", mode: 0o700 },
      ...relative,
    },
    {
      event: "symlinkat",
      params: { res: 0, target: "/etc/shadow", linkdirfd: f.dirfd, linkpath: "made-symlink" },
      ...relative,
    },
    {
      event: "linkat",
      params: { res: 0, olddir: f.dirfd, oldpath: "file", newdir: -100, newpath: "made-link" },
      ...relative,
    },
    {
      event: "renameat2",
      params: {
        res: 0,
        olddirfd: f.dirfd,
        oldpath: "made-link",
        newdirfd: -100,
        newpath: "renamed-link",
      },
      ...relative,
    },
    { event: "unlinkat", params: { res: 0, dirfd: f.dirfd, name: "renamed-link" }, ...relative },
    // Of a success that its process does not want to hear of there is no result.
    { event: "openat", params: { fd: 0, name: "/etc/hostname", dev: 0 } },
    {
      event: "socket",
      params: { fd: f.server, domain: 2, type: 1 },
      descriptor: "4/7 0.0.0.0:0 0.0.0.0:0",
    },
    // From 6.11 on. Of an address that was asked for the one that it became is told.
    f.bound === 0 && {
      event: "bind",
      params: { res: 0, fd: f.server, addr: `127.0.0.1:${f.port}` },
      descriptor: `4/7 127.0.0.1:${f.port} 0.0.0.0:0`,
    },
    f.listening === 0 && { event: "listen", params: { res: 0, fd: -1 } },
    { event: "connect", params: { res: -111, fd: -1, addr: "127.0.0.1:1" } },
    { event: "openat", params: { fd: 0, name: "/etc/issue" } },
    // Under the number of an accept that goes on, where there is one.
    {
      event: "openat",
      params: { ...(f.listening === 0 ? { fd: 0 } : {}), name: "/etc/debian_version" },
    },
    {
      event: "openat",
      params: { ...(f.listening === 0 ? { fd: 0 } : {}), name: "/etc/host.conf" },
    },
    f.listening === 0 && {
      event: "connect",
      params: {
        res: 0,
        fd: f.pending.client,
        addr: `127.0.0.1:${f.pending.port}`,
        tuple: `0.0.0.0:0 127.0.0.1:${f.pending.port}`,
      },
    },
    // A connection of an accept that goes on: which one it is the kernel tells from 6.15 on.
    isFrom(6, 15) && {
      event: "accept4",
      params: { tuple: `127.0.0.1:${f.pending.clientPort} 127.0.0.1:${f.pending.port}` },
    },
    // By a thread of the kernel's that looks for requests by itself.
    { event: "openat", params: { fd: f.polled, name: "/etc/passwd" } },
  ];
}

/** The classic object knows the tracepoint's later name alone. */
const SINCE = { saker: 0, "saker-rawtp": 0, "saker-classic": 4 } as const;

for (const [variant, minor] of Object.entries(SINCE)) {
  test(
    `${variant} object reports what a process does by io_uring`,
    { timeout: 60_000 * PATIENCE },
    async (t) => {
      const reason =
        probeMissing() ??
        ioUringMissing() ??
        (isFrom(6, minor) ? undefined : `needs Linux 6.${minor}`);
      if (reason !== undefined) return t.skip(reason);
      const { facts, events } = await watchActor(t, {
        variant,
        actor: ACTOR,
        read: (text): UringFacts => JSON.parse(text),
      });
      const missing = missingOf(expected(facts), events, facts);
      const seen = missing.map((row) =>
        events.filter((event) => event.event === row.event).slice(-8),
      );
      assert.deepEqual(missing, [], `seen of these types: ${JSON.stringify(seen, undefined, 1)}`);
      const requests = events.filter(({ flags }) => (flags & RECORD_FLAGS.IO_URING) !== 0);
      assert.deepEqual(
        [...new Set(requests.map(({ comm }) => comm))],
        ["MainThread"],
        "a thread of the kernel's acts in the process's name, which Node gives itself",
      );
      assert.match(
        requests.find(({ event }) => event === "connect")?.descriptor ?? "",
        / 127\.0\.0\.1:1$/,
        "a registered file is found without a number",
      );
      const once = requests.filter(
        ({ event, params }) => event === "openat" && params["name"] === "/etc/hostname",
      );
      assert.equal(once.length, 1);
    },
  );
}
