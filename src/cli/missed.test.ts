import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { WatchStats } from "../engine/watch-options.ts";
import { missedLines } from "./missed.ts";

const SRC = join(import.meta.dirname, "..");
const NEWS = { published: 1, byKind: {}, failures: new Map(), refused: 0, silenced: 0 };

test("missedLines() has a line for each counter of something missed, and none for the others", () => {
  const stats = {
    silences: 1,
    live: {
      malformed: 2,
      failed: 3,
      notHeld: 4,
      evicted: 5,
      namelessContainers: 6,
      refreshed: 7,
      events: 900,
      held: 900,
      processes: 900,
      lookedUp: 900,
      correlator: { withoutKey: 22, forgotten: 23 },
      files: { hung: 8, refused: 9, hungThreads: 900 },
    },
    containers: { refused: 10, asked: 900, unknown: 900, containers: 900 },
    ports: {
      unlistedPorts: 11,
      notExamined: 12,
      unwrittenReports: 13,
      knownPorts: 14,
      ownEffects: 15,
      openPorts: 900,
      boundPorts: 900,
      examined: 900,
    },
    falco: { droppedPorts: 16, alerts: 900, badLines: 900 },
    captures: { notCaptured: 17, cut: 18 },
    news: { ...NEWS, refused: 19, silenced: 24, failures: new Map([["syslog", 21]]) },
    repeated: { repeats: 20, lines: 900 },
  } as unknown as WatchStats;
  const counts = missedLines(stats).map((text) => Number(/\d+/.exec(text)?.[0]));
  assert.deepEqual(
    counts.toSorted((one, other) => one - other),
    Array.from({ length: 24 }, (_, index) => index + 1),
  );
  assert.equal(missedLines(stats).at(-1), "subscribers that failed: syslog 21");
  assert.deepEqual(missedLines({ news: NEWS }), []);
});

/** Where a loss that is counted by `#name += 1` is shown. */
const SHOWN: Readonly<Record<string, string>> = {
  "capture/accounts-reader.ts #nameless": "namelessContainers",
  "capture/fanotify.ts #overruns": "probe.dropped.ringFull",
  "capture/fanotify.ts #unreadable": "probe.dropped.gone",
  "capture/file-watch.ts #gone": "probe.dropped.gone",
  "capture/line-splitter.ts #tooLong": "badLines",
  "capture/line-source.ts #tooLong": "badLines",
  "capture/match-files.ts #notCaptured": "captures.notCaptured",
  "capture/proc-connector.ts #overruns": "probe.dropped.ringFull",
  "engine/datagram-binds.ts #suppressed": "knownPorts",
  "engine/evaluator.ts #notHeld": "notHeld",
  "engine/examination-budget.ts #refused": "notExamined",
  "engine/host-ports.ts #ownEffects": "ownEffects",
  "engine/news-stream.ts #refused": "news.refused",
  "engine/news-stream.ts #silenced": "news.silenced",
  "engine/pipeline.ts #failed": "failed",
  "engine/pipeline.ts #malformed": "malformed",
  "engine/port-examiner.ts #given": "notExamined",
  "engine/port-watch.ts #suppressed": "knownPorts",
  "engine/recorder.ts #malformed": "the end of saker record",
  "engine/repeated-alerts.ts #repeats": "repeated.repeats",
  "engine/retry-queue.ts #dropped": "droppedPorts",
  "engine/unwritten-reports.ts #lost": "unwrittenReports",
  "events/convert.ts #evicted": "the end of saker replay",
  "lib/bounded-queue.ts #dropped": "notExamined",
  "lib/fair-queue.ts #refused": "notExamined, containers.refused",
  "outputs/delivery.ts #digested": "the summary's lines of outputs",
  "outputs/loss-reports.ts #lost": "the summary's lines of outputs",
  "outputs/refused-file.ts #leftOut": "a line of refused.jsonl",
  "ports/port-inventory.ts #dropped": "unlistedPorts",
  "rules/correlated-groups.ts #evicted": "correlator.forgotten",
  "rules/correlator.ts #forgotten": "correlator.forgotten",
  "rules/correlator.ts #withoutKey": "correlator.withoutKey",
  "state/process-table.ts #evicted": "evicted",
  "state/thread-table.ts #refused": "refusedThreads",
  "untrusted/file-reader.ts #hung": "files.hung",
  "untrusted/file-reader.ts #refused": "files.refused",
};

/** What counts no loss: work done, places in a buffer, numbers of things. */
const NO_LOSS =
  /^#(?:alerts|asked|at|bytes|comparisons|count|delivered|depth|done|duplicates|events|examined|failures|filtered|flushed|found|head|held|heldBytes|inGap|kept|lastId|length|lengthBytes|lines|matches|misses|notices|num|offset|past|pending|position|refreshed|running|sent|sequence|shown|size|spared|steps|storedBytes|tallies|text|timedMs|unwritten|used|visibility|waiting|waitingBytes|waitingCount|written)$/;

test("each loss that the sources count is shown somewhere", () => {
  const found = globSync(
    "{bpf,capture,cli,containers,engine,events,lib,outputs,ports,rules,state,untrusted}/**/*.ts",
    { cwd: SRC, exclude: (path) => path.endsWith(".test.ts") },
  ).flatMap((file) => {
    const text = readFileSync(join(SRC, file), "utf8");
    return [...text.matchAll(/this\.(#\w+) \+= /g)]
      .map(([, name = ""]) => name)
      .filter((name) => !NO_LOSS.test(name))
      .map((name) => `${file} ${name}`);
  });
  assert.deepEqual([...new Set(found)].toSorted(), Object.keys(SHOWN).toSorted());
});
