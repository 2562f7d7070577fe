import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_LOSSES } from "../capture/losses.ts";
import type { DropAction } from "../config/choices.ts";
import type { NewsBody } from "../news/news.ts";
import { actOnLoss, internalAlert, lossText } from "./drop-policy.ts";
import type { Loss } from "./drop-watch.ts";

const LOSS: Loss = { ...NO_LOSSES, ringFull: 7, scratchBusy: 2, events: 9, seen: 100 };

function actedOn(actions: readonly DropAction[], { mostOf }: { readonly mostOf?: string } = {}) {
  const news: NewsBody[] = [];
  let ends = 0;
  actOnLoss(LOSS, {
    actions,
    publish: (body) => void news.push(body),
    host: "here",
    mostOf,
    end: () => (ends += 1),
  });
  return { news, kinds: news.map(({ kind }) => kind), ends };
}

for (const [actions, kinds, ends] of [
  [["ignore"], ["loss"], 0],
  // Falco's "ignore" beside others leaves them without effect.
  [["ignore", "exit"], ["loss"], 0],
  [["log"], ["loss", "problem"], 0],
  [["alert"], ["loss", "alert"], 0],
  [["log", "alert"], ["loss", "problem", "alert"], 0],
  [["exit"], ["loss", "problem"], 1],
  [[], ["loss"], 0],
] as const satisfies readonly (readonly [readonly DropAction[], readonly string[], number])[])
  test(`actOnLoss() with the actions "${actions.join(", ")}" publishes ${kinds.join(" and ")}`, () => {
    const acted = actedOn(actions);
    assert.deepEqual([acted.kinds, acted.ends], [kinds, ends]);
  });

test("actOnLoss() says how many of how many, why, and whose most were", () => {
  const { news } = actedOn(["log"], { mostOf: "flood" });
  const reason =
    "7 events found the ring full: with eBPF a larger --buffer helps, 2 met a busy CPU buffer, most so far of flood";
  assert.deepEqual(news, [
    { kind: "loss", what: "events", count: 9, reason },
    { kind: "problem", text: `9 of 100 events were lost (${reason})` },
  ]);
});

test("actOnLoss() alerts as Falco does of itself", () => {
  const { news } = actedOn(["alert"]);
  const [, alerted] = news;
  assert.ok(alerted?.kind === "alert");
  const { time, uuid, ...alert } = alerted.alert;
  assert.ok(time > 0n && uuid.length === 36);
  assert.deepEqual(alert, {
    rule: "Falco internal: syscall event drop",
    priority: "Debug",
    source: "internal",
    tags: [],
    hostname: "here",
    message: "Falco internal: syscall event drop. 9 system calls dropped.",
    outputFields: {
      n_evts: 100,
      n_drops: 9,
      n_drops_buffer_total: 7,
      n_drops_scratch_map: 2,
      ebpf_enabled: 1,
    },
  });
});

test("internalAlert() gives each alert an id of its own", () => {
  const values = { rule: "r", priority: "Notice", message: "m", fields: {}, host: "h" } as const;
  assert.notEqual(internalAlert(values).uuid, internalAlert(values).uuid);
});

test("lossText() names every reason that has a count, and says when there is none", () => {
  assert.equal(lossText(NO_LOSSES), "none in the kernel");
  const all = { ringFull: 1, overShare: 2, scratchBusy: 3, skipped: 4, gone: 5, unread: 6 };
  assert.deepEqual(
    lossText(all)
      .split(", ")
      .map((text) => text.split(" ")[0]),
    ["1", "2", "3", "4", "5", "6"],
  );
});
