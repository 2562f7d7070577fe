import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { captureBytes, START } from "../../test/fixtures/captures.ts";
import { until } from "../../test/fixtures/until.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { FIELDS } from "../fields/registry.ts";
import type { AppError } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { loadRules } from "../rules/load-rules.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import type { Subscriber } from "./news-stream.ts";
import { startWatch } from "./watch.ts";
import type { WatchOptions, WatchSource } from "./watch-options.ts";

const folder = mkdtempSync(join(tmpdir(), "saker-watch-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const SMALL = join(folder, "small.scap");
writeFileSync(SMALL, captureBytes());

const rules = compileRuleSet(
  loadRules(
    [
      {
        name: "r.yaml",
        text: `- {rule: Any, desc: d, condition: evt.num > 0, output: "%evt.num %evt.type", priority: INFO}\n`,
      },
    ],
    { fields: FIELDS },
  ).rules,
  { matching: "first" },
);

function watching(
  source: WatchSource,
  subscribers: readonly Subscriber[],
  more: Partial<WatchOptions> = {},
) {
  return startWatch({
    source,
    hostname: "here",
    utcOffsetMinutes: () => 0,
    settings: DEFAULT_SETTINGS,
    reports: undefined,
    subscribers,
    environment: {},
    ownPid: process.pid,
    isRoot: process.getuid?.() === 0,
    ...more,
  });
}

function collector(name = "collector") {
  const seen: News[] = [];
  return { name, seen, take: (news: News) => void seen.push(news) };
}

const messages = (seen: readonly News[]): string[] =>
  seen.flatMap((news) => (news.kind === "alert" ? [news.alert.message] : []));

test("startWatch() of a capture gives each event's alert in order, with the capture's times", async () => {
  const all = collector();
  const watch = await watching({ kind: "capture", file: SMALL, rules }, [all]);
  assert.equal(await watch.ended, "over");
  await watch.close();
  assert.deepEqual(
    all.seen.map(({ sequence }) => sequence),
    all.seen.map((_, index) => index + 1),
  );
  assert.deepEqual(messages(all.seen).slice(0, 3), ["1 openat", "2 read", "3 dup2"]);
  assert.equal(all.seen[0]?.time, START + 1_000_000n);
  assert.ok(all.seen.every(({ host }) => host === "here"));
  const { news, capture } = watch.stats();
  assert.deepEqual([news.published, news.byKind], [10, { alert: 10 }]);
  assert.deepEqual([capture?.shown, capture?.end?.truncated], [10, undefined]);
});

test("startWatch() of a capture shows a window of what is meant, and copies it", async () => {
  const all = collector();
  const copyTo = join(folder, "part.scap");
  const watch = await watching(
    {
      kind: "capture",
      file: SMALL,
      rules,
      copyTo,
      from: (first) => first + 1_000_000n,
      to: (first) => first + 6_000_000n,
      where: (scene) => scene.event.type?.name !== "dup2",
    },
    [all],
  );
  await watch.ended;
  await watch.close();
  assert.deepEqual(messages(all.seen), ["2 read", "4 clone", "5 execve", "6 socket", "7 connect"]);
  assert.equal(watch.stats().capture?.copied, 5);
  const again = collector();
  const part = await watching({ kind: "capture", file: copyTo, rules }, [again]);
  await part.ended;
  await part.close();
  assert.deepEqual(
    messages(again.seen).map((text) => text.split(" ")[1]),
    ["read", "clone", "execve", "socket", "connect"],
  );
});

const SAMPLE = join(import.meta.dirname, "../../../shared/captures/syscall.scap");

test(
  "startWatch() of a capture that Falco's authors recorded gives as many alerts as events",
  { skip: existsSync(SAMPLE) ? false : "needs ../shared/captures" },
  async () => {
    const all = collector();
    const watch = await watching({ kind: "capture", file: SAMPLE, rules }, [all]);
    await watch.ended;
    await watch.close();
    const { capture, news } = watch.stats();
    assert.ok((capture?.shown ?? 0) > 0);
    assert.equal(news.byKind.alert, capture?.shown);
  },
);

test("startWatch() rejects `ended` for what is no capture, and close() still resolves", async () => {
  const bad = join(folder, "bad.scap");
  writeFileSync(bad, "no capture");
  for (const [file, code] of [
    [bad, "INPUT_CAPTURE"],
    [join(folder, "missing"), "USAGE_FILE"],
  ] as const) {
    const watch = await watching({ kind: "capture", file, rules }, []);
    await assert.rejects(watch.ended, (error: AppError) => error.code === code);
    await watch.close();
  }
});

test("startWatch() serves the others when a subscriber throws, and counts it", async () => {
  const all = collector();
  const broken: Subscriber = {
    name: "broken",
    take: () => {
      throw new Error("full");
    },
    close: () => Promise.reject(new Error("full still")),
  };
  const watch = await watching({ kind: "capture", file: SMALL, rules }, [broken, all]);
  assert.equal(await watch.ended, "over");
  await watch.close();
  assert.equal(messages(all.seen).length, 10);
  const problems = all.seen.flatMap((news) => (news.kind === "problem" ? [news.text] : []));
  assert.deepEqual(problems, [
    '"broken" failed on news of kind alert: full; further failures of it are counted',
  ]);
  assert.deepEqual([...watch.stats().news.failures], [["broken", 11]]);
});

test("Watch.close() waits for a slow subscriber, once, and not for ever", async () => {
  let isDelivered = false;
  let closes = 0;
  const slow: Subscriber = {
    name: "slow",
    take: () => {},
    close: async () => {
      closes += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      isDelivered = true;
    },
  };
  const all = collector();
  const hanging: Subscriber = {
    name: "hanging",
    take: () => {},
    close: () => new Promise(() => {}),
  };
  const watch = await watching({ kind: "capture", file: SMALL, rules }, [slow, hanging, all], {
    closeMs: 500,
  });
  await watch.ended;
  await Promise.all([watch.close(), watch.close()]);
  assert.throws(() => watch.useRules(rules), { code: "USAGE_CLOSED" });
  assert.deepEqual([isDelivered, closes], [true, 1]);
  const last = all.seen.at(-1);
  assert.equal(
    last?.kind === "problem" ? last.text : "",
    '"hanging" did not end within 500 ms: what it had not delivered may be lost',
  );
});

test("Watch.close() ends a capture that is being read, without further alerts", async () => {
  const all = collector();
  const watch = await watching({ kind: "capture", file: SMALL, rules }, [all]);
  await watch.close();
  const count = all.seen.length;
  assert.equal(await watch.ended, "over");
  assert.equal(all.seen.length, count);
});

const line = (rule: string): string =>
  `${JSON.stringify({ rule, priority: "Warning", output: rule, tags: [], time: "2026-01-01T00:00:00Z", output_fields: {} })}\n`;

test("startWatch() of Falco's alerts reads a stream to its end, lines in any pieces", async () => {
  const all = collector();
  const text = `${line("one")}no line of JSON\n${line("two")}`;
  const pieces = text.match(/[^]{1,7}/g) ?? [];
  const watch = await watching({ kind: "falco", input: Readable.from(pieces) }, [all]);
  assert.equal(await watch.ended, "over");
  await watch.close();
  assert.deepEqual(messages(all.seen), ["one", "two"]);
  assert.equal(watch.stats().falco?.badLines, 1);
  assert.equal(watch.stats().live, undefined);
});

test("startWatch() of Falco's alerts follows a file that comes later", async () => {
  const all = collector();
  const file = join(folder, "later.json");
  const watch = await watching({ kind: "falco", input: file }, [all]);
  const notes = all.seen.flatMap((news) => (news.kind === "note" ? [news.text] : []));
  assert.ok(
    notes.some((text) => text.endsWith("is not there yet: waiting for it")),
    notes.join(),
  );
  writeFileSync(file, line("late"));
  await until("the alert", () => messages(all.seen).includes("late"));
  await watch.close();
});

test("startWatch() rejects `ended` when the stream of alerts breaks", async () => {
  const broken = new Readable({
    read() {
      this.destroy(new Error("pipe broke"));
    },
  });
  const watch = await watching({ kind: "falco", input: broken }, []);
  await assert.rejects(watch.ended, /pipe broke/);
  await watch.close();
});

test("startWatch() leaves nothing open and closes no subscriber where its source cannot be had", async () => {
  let closes = 0;
  const subscriber: Subscriber = { name: "s", take: () => {}, close: async () => (closes += 1) };
  await assert.rejects(
    watching({ kind: "falco", input: folder }, [subscriber]),
    (error: AppError) => error.code === "USAGE_FILE",
  );
  assert.equal(closes, 0);
});
