import assert from "node:assert/strict";
import { test } from "node:test";
import { scene } from "../../test/fixtures/scenes.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { FIELDS } from "./registry.ts";

const end = (address: string, port: number) => ({
  address: addressBytes(address) ?? new Uint8Array(4),
  port,
});
const descriptor = {
  kind: "4",
  family: 2,
  protocol: 6,
  state: 1,
  local: end("10.0.0.1", 40000),
  remote: end("10.0.0.2", 443),
};

test("a shell's input that becomes a connection is known on that event, its other streams are not", () => {
  const dup = scene("dup2", { res: 0, oldfd: 3, newfd: 0 }, { descriptor });
  const names = ["proc.stdin.type", "proc.stdin.name", "proc.stdout.type", "proc.stderr.name"];
  assert.deepEqual(
    names.map((name) => FIELDS.get(name)?.bind?.(undefined)?.(dup)),
    ["ipv4", "10.0.0.1:40000->10.0.0.2:443", undefined, undefined],
  );
  const types = FIELDS.get("fd.types");
  assert.deepEqual(
    ["0", "3"].map((argument) => types?.bind?.(argument)?.(dup)),
    [["ipv4"], undefined],
  );
  assert.equal(types?.bind?.("x"), undefined);
  assert.equal(types?.bind?.(undefined)?.(dup), undefined);
});

test("fd.cproto and its kin are ports as text", () => {
  const connect = scene("connect", { res: 0, fd: 3 }, { descriptor });
  const listen = scene(
    "listen",
    { res: 0, fd: 3, backlog: 1 },
    { descriptor: { ...descriptor, state: 10, remote: end("0.0.0.0", 0) } },
  );
  const valuesOf = (on: typeof connect) =>
    ["fd.cproto", "fd.sproto", "fd.lproto", "fd.rproto"].map((name) =>
      FIELDS.get(name)?.bind?.(undefined)?.(on),
    );
  assert.deepEqual(valuesOf(connect), ["40000", "443", "40000", "443"]);
  assert.deepEqual(valuesOf(listen), [undefined, "40000", undefined, undefined]);
});

test("fdlist.nums reads as many descriptors as there are bytes for", () => {
  const entry = [22, 0, 0, 0, 0, 0, 0, 0, 1, 0];
  const numbers = (...bytes: number[]) =>
    FIELDS.get("fdlist.nums")?.bind?.(undefined)?.(
      scene("poll", { res: 1, fds: new Uint8Array(bytes) }),
    );
  assert.deepEqual(
    [
      numbers(1, 0, ...entry),
      numbers(2, 0, ...entry, ...entry),
      numbers(9, 0, ...entry),
      numbers(0, 0),
      numbers(1),
    ],
    ["22", "22,22", "22", undefined, undefined],
  );
});

test("util.cnt counts for each use of its own", () => {
  const uses = [1, 2].map(() => FIELDS.get("util.cnt")?.bind?.(undefined));
  const shown = scene("chdir", { res: 0 });
  assert.deepEqual([uses[0]?.(shown), uses[0]?.(shown), uses[1]?.(shown)], [1, 2, 1]);
});
