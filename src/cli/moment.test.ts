import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "../lib/errors.ts";
import { parseMoment } from "./moment.ts";

const FIRST = BigInt(Date.parse("2026-11-23T14:05:30Z")) * 1_000_000n + 500n;
const at = (text: string, offset = 0): string => {
  const moment = parseMoment(text, "--from", () => offset)(FIRST);
  return `${new Date(Number(moment / 1_000_000n)).toISOString()}+${moment % 1_000_000n}`;
};

test("parseMoment() reads times after the first event, of its day, and whole dates", () => {
  assert.equal(at("10s"), "2026-11-23T14:05:40.000Z+500");
  assert.equal(at("500ms"), "2026-11-23T14:05:30.500Z+500");
  assert.equal(at("14:06"), "2026-11-23T14:06:00.000Z+0");
  assert.equal(at("14:05:30.000000600"), "2026-11-23T14:05:30.000Z+600");
  assert.equal(at("15:05:31", 60), "2026-11-23T14:05:31.000Z+0", "local time");
  assert.equal(
    at("00:10:00"),
    "2026-11-24T00:10:00.000Z+0",
    "of the next day when it is before the first event",
  );
  assert.equal(at("2026-11-23T14:05:31Z"), "2026-11-23T14:05:31.000Z+0");
  assert.equal(at("2026-11-23T15:05:31.25+01:00"), "2026-11-23T14:05:31.250Z+0");
});

test("parseMoment() says what is no moment", () => {
  for (const text of ["soon", "10", "25:61:00x", "2026-13-45T00:00:00Z", ""])
    assert.throws(
      () => parseMoment(text, "--to", () => 0),
      (error) => error instanceof AppError && error.code === "USAGE_MOMENT",
      text,
    );
});
