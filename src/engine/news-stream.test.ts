import assert from "node:assert/strict";
import { test } from "node:test";
import type { News } from "../news/news.ts";
import { NewsStream } from "./news-stream.ts";

function streamWith(...takes: ((news: News) => void)[]) {
  return new NewsStream({
    host: "h",
    now: () => 7n,
    subscribers: takes.map((take, index) => ({ name: `s${index}`, take })),
  });
}

test("NewsStream.publish() stamps all news, without a hole in the numbers", () => {
  const seen: News[] = [];
  const stream = streamWith((news) => seen.push(news));
  stream.publish({ kind: "note", text: "one" });
  stream.publish({ kind: "problem", text: "two" }, 3n);
  assert.deepEqual(seen, [
    { sequence: 1, time: 7n, host: "h", kind: "note", text: "one" },
    { sequence: 2, time: 3n, host: "h", kind: "problem", text: "two" },
  ]);
});

test("NewsStream.publish() counts what a subscriber throws, reports it once, and serves the rest", () => {
  const seen: string[] = [];
  const stream = streamWith(
    () => {
      throw new Error("no");
    },
    (news) => seen.push(`${news.sequence} ${news.kind === "problem" ? news.text : news.kind}`),
  );
  stream.publish({ kind: "note", text: "" });
  stream.publish({ kind: "note", text: "" });
  assert.deepEqual(stream.failures, new Map([["s0", 3]]));
  assert.deepEqual(seen.toSorted(), [
    "1 note",
    '2 "s0" failed on news of kind note: no; further failures of it are counted',
    "3 note",
  ]);
});

test("NewsStream.subscribe() takes in and lets go", () => {
  const seen: number[] = [];
  const stream = streamWith();
  const leave = stream.subscribe({ name: "late", take: ({ sequence }) => seen.push(sequence) });
  stream.publish({ kind: "note", text: "" });
  leave();
  stream.publish({ kind: "note", text: "" });
  assert.deepEqual([seen, stream.published], [[1], 2]);
});
