import assert from "node:assert/strict";
import { test } from "node:test";
import { event, type ParamValues } from "../../test/fixtures/records.ts";
import { scene, type SceneValues } from "../../test/fixtures/scenes.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { CurrentScene } from "../state/current-scene.ts";
import { ProcessTable } from "../state/process-table.ts";
import { Timeline } from "../state/timeline.ts";
import { FIELDS } from "./registry.ts";

const end = (address: string, port: number) => ({
  address: addressBytes(address) ?? new Uint8Array(4),
  port,
});
const FILE: SceneValues = { descriptor: { kind: "f", path: "/x" } };
const SOCKET: SceneValues = {
  descriptor: {
    kind: "4",
    family: 2,
    protocol: 6,
    state: 1,
    local: end("10.0.0.1", 40000),
    remote: end("10.0.0.2", 443),
  },
};
const UNIX: SceneValues = { descriptor: { kind: "u", family: 1, path: "/run/x" } };

const BUFLEN = [
  "",
  ".in",
  ".out",
  ".file",
  ".file.in",
  ".file.out",
  ".net",
  ".net.in",
  ".net.out",
].map((part) => `evt.buflen${part}`);

const CALLS: readonly (readonly [
  what: string,
  name: string,
  params: ParamValues,
  values: SceneValues,
  computed: readonly string[],
])[] = [
  ["a read of a file", "read", { res: 7, fd: 3 }, FILE, ["", ".in", ".file", ".file.in"]],
  ["a write to a file", "write", { res: 7, fd: 3 }, FILE, ["", ".out", ".file", ".file.out"]],
  ["a message over TCP", "sendto", { res: 7, fd: 3 }, SOCKET, ["", ".out", ".net", ".net.out"]],
  ["a message received", "recvfrom", { res: 7, fd: 3 }, SOCKET, ["", ".in", ".net", ".net.in"]],
  ["a message over a unix socket", "sendto", { res: 7, fd: 3 }, UNIX, ["", ".out"]],
  ["a duplicated descriptor", "dup2", { res: 7, oldfd: 3, newfd: 7 }, FILE, ["", ".file"]],
  ["a read that failed", "read", { res: -5, fd: 3 }, FILE, []],
  ["a call that is no I/O", "chdir", { res: 0 }, {}, []],
];
for (const [what, name, params, values, computed] of CALLS) {
  test(`evt.buflen… of ${what}`, () => {
    const shown = scene(name, params, values);
    const present = BUFLEN.filter((field) => FIELDS.get(field)?.bind?.(undefined)?.(shown) === 7);
    const missing = BUFLEN.filter(
      (field) => FIELDS.get(field)?.bind?.(undefined)?.(shown) === undefined,
    );
    assert.deepEqual(
      present,
      computed.map((part) => `evt.buflen${part}`),
    );
    assert.equal(present.length + missing.length, BUFLEN.length);
  });
}

test("evt.buffer is the data of a call that has any", () => {
  const data = new TextEncoder().encode("a\0b");
  const read = FIELDS.get("evt.buffer")?.bind?.(undefined);
  assert.deepEqual(read?.(scene("sendto", { res: 3, data, fd: 3 }, SOCKET)), data);
  assert.deepEqual(read?.(scene("read", { res: 0, fd: 3 }, FILE)), new Uint8Array(0));
  // ptrace's parameter of that name is an address, which is no buffer.
  assert.deepEqual(
    ["chdir", "ptrace"].map((name) => read?.(scene(name))),
    [undefined, new Uint8Array(0)],
  );
});

test("evt.reltime and evt.deltatime count from the first event and from the one before, also in a frozen scene", () => {
  const processes = new ProcessTable({ capacity: 10, find: () => undefined });
  const times = new Timeline();
  const shown = new CurrentScene({ processes, hostname: "test", utcOffsetMinutes: () => 0, times });
  const accounts = shown.accounts;
  const names = [
    "evt.reltime",
    "evt.reltime.s",
    "evt.reltime.ns",
    "evt.deltatime",
    "evt.deltatime.s",
    "evt.deltatime.ns",
  ];
  const valuesOf = (on: CurrentScene) =>
    names.map((name) => FIELDS.get(name)?.bind?.(undefined)?.(on));
  const seen = [1_000_000_000n, 3_500_000_000n, 3_400_000_000n, 500_000_000n].map((timestamp) => {
    const next = event("setsid", { res: 0 }, { timestamp });
    times.see(next);
    const current = shown.show(next, undefined, undefined, accounts);
    return { frozen: current.freeze(), values: valuesOf(current) };
  });
  assert.deepEqual(
    seen.map(({ values }) => values),
    [
      [0n, 0, 0, 0n, 0, 0],
      [2_500_000_000n, 2, 500_000_000, 2_500_000_000n, 2, 500_000_000],
      [2_400_000_000n, 2, 400_000_000, undefined, undefined, undefined],
      [undefined, undefined, undefined, undefined, undefined, undefined],
    ],
  );
  assert.deepEqual(
    seen.map(({ frozen }) => valuesOf(frozen)),
    seen.map(({ values }) => values),
  );
  assert.deepEqual(
    valuesOf(scene("setsid", { res: 0 })),
    names.map(() => undefined),
  );
});

test("evt.count.procinfo and evt.count.threadinfo count records of processors' use alone", () => {
  const names = ["evt.count.procinfo", "evt.count.threadinfo", "evt.count.exit"];
  const valuesOf = (name: string, context = {}) =>
    names.map((field) => FIELDS.get(field)?.bind?.(undefined)?.(scene(name, {}, { context })));
  assert.deepEqual(valuesOf("procinfo"), [1, 1, undefined]);
  assert.deepEqual(valuesOf("procinfo", { tid: 101 }), [0, 1, undefined]);
  assert.deepEqual(valuesOf("chdir"), [0, 0, 1]);
});
