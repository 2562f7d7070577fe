import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { event, record } from "../../test/fixtures/records.ts";
import { Event } from "./event.ts";
import { allParamsText } from "./param-text.ts";
import { EVENT_TYPES } from "./schema.ts";

test("Event getters read what encodeRecord() wrote", () => {
  const open = event(
    "openat",
    { fd: 3, dirfd: -100, name: "etc/passwd", flags: 1, mode: 0o644, dev: 2, ino: 2n ** 40n },
    { context: { pid: 7, tid: 8, ppid: 6, comm: "cat", cgroup: 2 ** 33 }, directory: "/srv" },
  );
  assert.deepEqual(
    [open.type?.name, open.tid, open.comm, open.directory, open.descriptor],
    ["openat", 8, "cat", "/srv", -1],
  );
  assert.deepEqual(
    [open.int(0), open.int(1), open.text(2), open.uint(6)],
    [3, -100, "etc/passwd", 2 ** 40],
  );
});

test("Event.copy() lives on when the memory of its source is reused", () => {
  const bytes = record("chdir", { res: 0, path: "/tmp" });
  const live = new Event();
  live.load(bytes, new DataView(bytes.buffer), 0, bytes.length, true);
  live.num = 9;
  const copy = live.copy();
  bytes.fill(0xff);
  assert.deepEqual([copy.num, copy.text(1), copy.comm], [9, "/tmp", "test"]);
});

test("Event.texts() splits arguments, empty ones included", () => {
  assert.deepEqual(event("execve", { args: ["sh", "", "-c"] }).texts(2), ["sh", "", "-c"]);
});

test("Event.load() takes any bytes without throwing, and what it takes can be read", () => {
  const names = {
    descriptor: () => undefined,
    process: () => undefined,
    user: () => undefined,
    group: () => undefined,
    absolute: () => undefined,
    dateTime: String,
  };
  const codes = EVENT_TYPES.flatMap((type) => (type === undefined ? [] : [type.name]));
  fc.assert(
    fc.property(
      fc.constantFrom(...codes),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 12 }),
      fc.nat(500),
      (name, flips, cut) => {
        const bytes = record(name, {}, { directory: "/a", descriptor: { kind: "f", path: "/b" } });
        for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value;
        const length = Math.min(bytes.length, cut);
        const loaded = new Event();
        if (!loaded.load(bytes, new DataView(bytes.buffer), 0, length, true)) return;
        void [loaded.directory, loaded.descriptorPath, loaded.comm, loaded.timestamp];
        allParamsText(loaded, names);
        for (let index = 0; index < loaded.count; index += 1)
          void [loaded.int(index), loaded.text(index), loaded.texts(index)];
      },
    ),
    { numRuns: 2000 },
  );
});

test("evt.args has no brackets behind a process that has no name", () => {
  const names = {
    descriptor: () => undefined,
    process: () => "",
    user: () => undefined,
    group: () => undefined,
    absolute: () => undefined,
    dateTime: String,
  };
  assert.equal(
    allParamsText(event("kill", { res: 0, pid: 0, sig: 9 }), names),
    "res=0 pid=0 sig=9(SIGKILL)",
  );
});
