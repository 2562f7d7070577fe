import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { AppError } from "../lib/errors.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { ProcConnector, readExecs } from "./proc-connector.ts";

/** A message as the kernel writes it: nlmsghdr, cn_msg, proc_event. */
function message(what: number, thread: number, process: number): Uint8Array {
  const writer = new ByteWriter().u32LE(76).u16LE(3).u16LE(0).u32LE(0).u32LE(0);
  writer.u32LE(1).u32LE(1).u32LE(0).u32LE(0).u16LE(40).u16LE(0);
  writer.u32LE(what).u32LE(0).u64LE(0n).u32LE(thread).u32LE(process);
  return writer.bytes(new Uint8Array(76 - writer.length)).finish();
}

test("readExecs() gives the processes that started a program, and nothing else", () => {
  assert.deepEqual(
    readExecs(
      Buffer.concat([
        message(2, 11, 10),
        message(1, 5, 5),
        message(2, 20, 20),
        message(0x80000000, 7, 7),
      ]),
    ),
    [10, 20],
  );
  assert.deepEqual(readExecs(new Uint8Array(0)), []);
});

test("readExecs() throws nothing but AppError for any bytes", () => {
  fc.assert(
    fc.property(fc.nat(75), fc.nat(255), fc.nat(80), (at, value, length) => {
      const bytes = message(2, 1, 1).with(at, value).subarray(0, length);
      try {
        readExecs(bytes);
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test("ProcConnector tells of a program that starts", async (t) => {
  const pids: number[] = [];
  let connector: ProcConnector;
  try {
    connector = new ProcConnector((pid) => pids.push(pid));
  } catch (thrown) {
    return t.skip(`needs the process connector: ${String(thrown)}`);
  }
  const { pid } = spawnSync("true");
  await sleep(100);
  connector.close();
  assert.ok(pids.includes(pid));
  assert.equal(connector.overruns, 0);
});
