import assert from "node:assert/strict";
import { test } from "node:test";
import { Digest, isDigest, rateOf } from "./digest.ts";

test("rateOf() reads a number and a time of a second to a day, and nothing else", () => {
  assert.deepEqual(rateOf("20/1m"), { count: 20, period: "1m", periodMs: 60_000 });
  assert.equal(rateOf("1/1d")?.periodMs, 86_400_000);
  for (const text of ["", "20", "0/1m", "20/1", "20/10ms", "20/2d", "-1/1m", "20/1m x", "1e3/1m"])
    assert.equal(rateOf(text), undefined, text);
});

test("Digest counts by rule and is as urgent as the worst, one alert until it is cleared", () => {
  const digest = new Digest({ count: 1, period: "1m", periodMs: 60_000 });
  assert.deepEqual([digest.room(5), digest.waitMs(5)], [1, undefined]);
  digest.sent(1, 5);
  assert.deepEqual([digest.room(60_004), digest.room(60_005)], [0, 1]);
  const many = Array.from({ length: 25 }, (_, number) => ({
    rule: `R${number}`,
    priority: number === 24 ? ("Emergency" as const) : ("Notice" as const),
    hostname: "h",
  }));
  digest.add([...many, many[3], undefined]);
  assert.deepEqual([digest.length, digest.waitMs(10), digest.waitMs(1e6)], [27, 59_995, 0]);
  const news = digest.news();
  assert.equal(digest.news(), news);
  assert.ok(news.kind === "alert" && isDigest(news.alert));
  assert.match(news.alert.message, /^27 further alerts in 1m: 2 R3 \(Notice\), 1 R0 \(Notice\), /);
  assert.match(news.alert.message, /, 6 of other rules$/);
  assert.deepEqual([news.alert.priority, news.alert.hostname], ["Emergency", "h"]);
  digest.clear();
  assert.deepEqual([digest.length, digest.room(10), digest.waitMs(10)], [0, 1, undefined]);
});
