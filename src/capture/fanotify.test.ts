import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { ByteWriter } from "../lib/byte-writer.ts";
import { AppError } from "../lib/errors.ts";
import { Fanotify, FILE_EVENT, type FileEvent, readFileEvents } from "./fanotify.ts";

/** An event as the kernel writes it: struct fanotify_event_metadata, and what may follow. */
function event(mask: number, fd: number, pid: number, more = 0): Uint8Array {
  return new ByteWriter()
    .u32LE(24 + more)
    .u8(3)
    .u8(0)
    .u16LE(24)
    .u32LE(mask)
    .u32LE(0)
    .u32LE(fd >>> 0)
    .u32LE(pid)
    .bytes(new Uint8Array(more))
    .finish();
}

test("readFileEvents() gives what happened, to which file, by whom", () => {
  const bytes = Buffer.concat([
    event(FILE_EVENT.OPEN | FILE_EVENT.CLOSE_WRITE, 7, 10),
    event(0x4000, -1, 0, 8),
    event(FILE_EVENT.OPEN, 8, 11),
  ]);
  assert.deepEqual(readFileEvents(bytes), [
    { mask: 0x28, fd: 7, pid: 10 },
    { mask: 0x4000, fd: -1, pid: 0 },
    { mask: 0x20, fd: 8, pid: 11 },
  ]);
  assert.deepEqual(readFileEvents(new Uint8Array(0)), []);
});

test("readFileEvents() throws nothing but AppError for any bytes", () => {
  fc.assert(
    fc.property(fc.nat(47), fc.nat(255), fc.nat(48), (at, value, length) => {
      try {
        readFileEvents(
          Buffer.concat([event(0x20, 7, 10), event(0x20, 8, 11)])
            .subarray(0, length)
            .map((byte, index) => (index === at ? value : byte)),
        );
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test("Fanotify counts that the kernel's queue was full, and goes on", async (t) => {
  const events: FileEvent[] = [];
  let group: Fanotify;
  try {
    group = new Fanotify((event) => events.push(event));
  } catch (thrown) {
    return t.skip(`needs fanotify: ${String(thrown)}`);
  }
  const folder = mkdtempSync("/dev/shm/saker-fanotify-");
  try {
    assert.equal(group.mark(folder, FILE_EVENT.CLOSE_WRITE), undefined);
    // Nobody takes them meanwhile: this thread is the one that would.
    for (let index = 0; index < 17_000; index += 1) writeFileSync(join(folder, String(index)), "");
    while (group.overruns === 0 && events.length < 17_000) await sleep(10);
    assert.equal(group.overruns, 1);
    const before = events.length;
    writeFileSync(join(folder, "0"), "");
    await sleep(50);
    assert.equal(events.length, before + 1);
    assert.equal(group.mark("/nowhere/at/all", FILE_EVENT.OPEN), "ENOENT");
  } finally {
    group.close();
    rmSync(folder, { recursive: true });
  }
});
