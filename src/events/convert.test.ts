import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AppError } from "../lib/errors.ts";
import { ALL_EVENT_TYPES } from "./all-event-types.ts";
import { EventConverter, needsConversion } from "./convert.ts";
import { encodeEvent, paramBytes } from "./encode.ts";
import { Event } from "./event.ts";

const numRuns = Number(process.env["SAKER_FUZZ_RUNS"] ?? 2000);
const CODES = new Map(
  ALL_EVENT_TYPES.map(({ code, name, params }) => [
    `${name}(${params.map((param) => param.name).join()})`,
    code,
  ]),
);
const [OPEN_ENTER, OPEN_EXIT, READ_ENTER, READ_EXIT] = [2, 3, 6, 7];

function loaded(bytes: Uint8Array): Event {
  const event = new Event();
  assert.ok(
    event.load(
      bytes,
      new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      0,
      bytes.length,
      false,
    ),
  );
  return event;
}

test("an enter event goes into its exit; without one its parameters are empty or zero", () => {
  assert.ok(CODES.size > 300);
  const converter = new EventConverter();
  const enter = encodeEvent({
    timestamp: 1n,
    tid: 7,
    code: READ_ENTER,
    params: [paramBytes.number(5, 8), paramBytes.number(100, 4)],
  });
  const exit = (tid: number) =>
    encodeEvent({
      timestamp: 2n,
      tid,
      code: READ_EXIT,
      params: [paramBytes.number(3, 8), paramBytes.text("ab")],
    });
  assert.equal(converter.convert(enter), undefined);
  const merged = loaded(converter.convert(exit(7)) ?? new Uint8Array(0));
  assert.deepEqual(
    [merged.int(0), merged.text(1), merged.int(2), merged.uint(3)],
    [3, "ab", 5, 100],
  );
  const alone = loaded(converter.convert(exit(8)) ?? new Uint8Array(0));
  assert.deepEqual([alone.int(0), alone.text(1), alone.int(2), alone.uint(3)], [3, "ab", 0, 0]);
});

test("what is kept of enter events is bounded, and counted when it goes", () => {
  const converter = new EventConverter();
  for (let tid = 0; tid < 70_000; tid += 1)
    converter.convert(
      encodeEvent({
        timestamp: 1n,
        tid,
        code: READ_ENTER,
        params: [paramBytes.number(5, 8), paramBytes.number(100, 4)],
      }),
    );
  assert.equal(converter.evicted, 70_000 - 65_536);
});

test("whatever the event holds, it is converted, passed over or refused with an error of ours (fuzz)", () => {
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: 0, max: 460 }),
          fc.integer({ min: 0, max: 3 }),
          fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 32 }),
        ),
        { maxLength: 12 },
      ),
      (events) => {
        const converter = new EventConverter();
        for (const [code, tid, params] of events) {
          const record = encodeEvent({ timestamp: 1n, tid, code, params });
          try {
            const converted = converter.convert(record);
            outcomes.add(converted === undefined ? "none" : "done");
            if (converted !== undefined) loaded(converted);
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
            outcomes.add("refused");
          }
        }
      },
    ),
    { numRuns },
  );
  assert.deepEqual([...outcomes].toSorted(), ["done", "none", "refused"]);
  assert.ok(!needsConversion(OPEN_EXIT, 6) && needsConversion(OPEN_ENTER, 0));
});
