import assert from "node:assert/strict";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
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
  assert.deepEqual(stream.counts().failures, new Map([["s0", 3]]));
  assert.deepEqual(seen, [
    "1 note",
    '2 "s0" failed on news of kind note: no; further failures of it are counted',
    "3 note",
  ]);
});

test("NewsStream.publish() counts what a subscriber throws later", async () => {
  const stream = streamWith(() => Promise.reject(Object.create(null)));
  stream.publish({ kind: "note", text: "" });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...stream.counts().failures], [["s0", 2]]);
});

test("NewsStream.publish() shows all subscribers one order, whoever publishes meanwhile", () => {
  const seen: number[][] = [[], []];
  const stream = streamWith(
    ({ sequence, kind }) => {
      seen[0]?.push(sequence);
      if (kind === "note") stream.publish({ kind: "problem", text: "an answer" });
    },
    ({ sequence }) => seen[1]?.push(sequence),
  );
  stream.publish({ kind: "note", text: "" });
  stream.publish({ kind: "note", text: "" });
  assert.deepEqual(seen, [
    [1, 2, 3, 4],
    [1, 2, 3, 4],
  ]);
});

test("NewsStream.publish() ends, whoever answers each piece with another", () => {
  const stream = streamWith(() => stream.publish({ kind: "note", text: "" }));
  stream.publish({ kind: "note", text: "" });
  const { published, refused, failures } = stream.counts();
  assert.deepEqual([published, refused, failures.size], [1025, 1, 0]);
  stream.publish({ kind: "problem", text: "" });
  assert.equal(stream.counts().byKind.problem, 1);
});

test("NewsStream.subscribe() takes in and lets go", () => {
  const seen: number[] = [];
  const stream = streamWith();
  const early = stream.subscribe({
    name: "early",
    take: () => void stream.subscribe({ name: "later", take: () => seen.push(0) }),
  });
  stream.publish({ kind: "note", text: "" });
  early();
  assert.ok(!seen.includes(0));
  const leave = stream.subscribe({ name: "late", take: ({ sequence }) => seen.push(sequence) });
  stream.publish({ kind: "note", text: "" });
  leave();
  stream.publish({ kind: "note", text: "" });
  assert.deepEqual(
    [seen, stream.counts().published, stream.counts().byKind],
    [[0, 2, 0], 3, { note: 3 }],
  );
});

test("NewsStream.publish() shows silenced alerts only to those who see them, and counts them", () => {
  const [kept, sent]: [News[], News[]] = [[], []];
  const stream = new NewsStream({
    host: "h",
    now: () => 7n,
    silencedBy: ({ rule }) => (rule === "noisy" ? "0000000a" : undefined),
    subscribers: [
      { name: "store", seesSilenced: true, take: (news) => kept.push(news) },
      { name: "output", take: (news) => sent.push(news) },
    ],
  });
  for (const rule of ["noisy", "other"]) {
    const { sequence: _, time: __, host: ___, ...body } = alertNews({ rule });
    stream.publish(body);
  }
  stream.publish({ kind: "loss", what: "events", count: 1, reason: "noisy" });
  assert.deepEqual(
    kept.map((news) => news.kind === "alert" && news.silence),
    ["0000000a", undefined, false],
  );
  assert.deepEqual(
    sent.map(({ sequence }) => sequence),
    [2, 3],
  );
  assert.equal(stream.counts().silenced, 1);
});
