import assert from "node:assert/strict";
import { test } from "node:test";
import { type Losses, NO_CUTS, NO_LOSSES } from "../capture/losses.ts";
import type { WatchStats } from "../engine/watch-options.ts";
import { eventType } from "../events/schema.ts";
import type { Output, OutputCounts } from "../outputs/output.ts";
import { statsText, watchSummary } from "./watch-summary.ts";

const PORTS = {
  openPorts: 3,
  unlistedPorts: 0,
  boundPorts: 0,
  knownPorts: 0,
  ownEffects: 0,
  unwrittenReports: 0,
  examined: 2,
  notExamined: 0,
};

type Live = NonNullable<WatchStats["live"]>;

function live(values: Partial<Live> = {}, dropped: Partial<Losses> = {}): Live {
  return {
    events: 1000,
    malformed: 0,
    failed: 0,
    byType: new Map(),
    held: 4,
    notHeld: 0,
    correlator: { withoutKey: 0, forgotten: 0 },
    processes: 50,
    evicted: 0,
    lookedUp: 0,
    refreshed: 0,
    hostNames: { names: 0, without: [] },
    files: { hung: 0, refused: 0 },
    namelessContainers: 0,
    lostBy: [],
    probe: {
      seen: 2000,
      filtered: 0,
      sent: 1000,
      dropped: { ...NO_LOSSES, ...dropped },
      cut: NO_CUTS,
      notices: 0,
      byCode: new Map(),
    },
    ...values,
  } as Live;
}

function stats(values: Partial<WatchStats> = {}): WatchStats {
  return {
    ports: PORTS,
    news: { published: 5, byKind: { alert: 5 }, failures: new Map(), refused: 0, silenced: 0 },
    live: live(),
    ...values,
  };
}

function output(counts: Partial<OutputCounts>): Output {
  const all = {
    delivered: 0,
    waiting: 0,
    duplicates: 0,
    digested: 0,
    refused: {},
    dropped: {},
    ...counts,
  };
  return {
    name: "file_output",
    target: "/var/log/events.txt",
    take: () => {},
    reopen: () => {},
    counts: () => all,
    close: async () => all,
  };
}

test("watchSummary() of a watch that missed nothing is one line", () => {
  assert.deepEqual(watchSummary(stats(), [output({ delivered: 5 })], 0), [
    "1000 events, 0 dropped, 5 alerts, 2 ports examined, 3 open; 50 processes known",
  ]);
});

test("watchSummary() tells what the kernel dropped from what was not delivered or examined, and says each", () => {
  const lost = live(
    { lostBy: [{ name: "flood", lost: 6 }] as Live["lostBy"] },
    { ringFull: 7, byCpu: [0, 7] },
  );
  const missed = stats({ live: lost, ports: { ...PORTS, notExamined: 2 } });
  const full = output({
    digested: 7,
    refused: { "no space": 3 },
    dropped: { "the queue was full": 1 },
  });
  const lines = watchSummary(missed, [full], 9);
  assert.match(
    lines[0] ?? "",
    /^1000 events, 7 dropped, 5 alerts \(4 not delivered\), 2 ports examined \(2 not examined\), 3 open/,
  );
  assert.deepEqual(lines.slice(1), [
    "dropped: CPU 1: 7; 7 events found the ring full: with eBPF a larger --buffer helps (flood: 6)",
    "alerts that did not reach file_output at /var/log/events.txt: 3 (no space), 1 (the queue was full)",
    "alerts that file_output at /var/log/events.txt has as digests alone, by its limit: 7",
    "9 news are not in the store: too many waited for it",
    "2 ports were not examined: there were too many, or the watch ended",
  ]);
});

test("watchSummary() of a running Falco's alerts counts lines in place of events", () => {
  const falco = { badLines: 1, pastPorts: 2, droppedPorts: 3 } as NonNullable<WatchStats["falco"]>;
  const { ports, news } = stats();
  assert.deepEqual(watchSummary({ ports: ports as typeof PORTS, news, falco }, [], 0), [
    "5 alerts, 1 bad lines, 2 ports examined (3 not examined), 3 open, 2 past ones left",
    "3 alerted ports were not looked for: too many waited",
  ]);
});

test("statsText() shows what the kernel saw, what was cut, and the most frequent events", () => {
  const { probe } = live();
  const outcomes = { seen: 1, filtered: 0, sent: 1, dropped: 0 };
  const byCode = new Map(
    ["openat", "close", "read", "write", "execve", "clone", "dup2"].map(
      (name, index) => [eventType(name).code, { ...outcomes, seen: 10 * (index + 1) }] as const,
    ),
  );
  const text = statsText(
    stats({
      live: live({
        probe: { ...probe, filtered: 5, cut: { text: 1, path: 0, record: 2 }, byCode },
        hostNames: { names: 5, without: ["a", "b", "c", "d"] },
      }),
    }),
    undefined,
    300 << 20,
  ).split("\n");
  assert.deepEqual(text.slice(0, 5), [
    "1000 events (0 dropped, 4 waited), 50 processes, 3 open ports, 300 MB",
    "5 host names in rules, 4 without an address: a, b, c, …",
    "the kernel saw 2000 calls of these events, kept 5 that no rule can match, sent 1000",
    "sent, but cut at a limit: 1 had a text longer than 4095 bytes, 2 more than fits",
    "  dup2: 70 seen, 0 kept in the kernel, 1 sent, 0 dropped",
  ]);
  assert.equal(text.length, 10, "six event types at most");
});

test("statsText() of what has no kernel is a line of its own", () => {
  const { ports, news } = stats();
  const text = statsText({ ports: ports as typeof PORTS, news }, undefined, 1 << 20);
  assert.equal(text, "3 open ports, 1 MB");
});
