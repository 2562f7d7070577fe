import assert from "node:assert/strict";
import { test } from "node:test";
import {
  captureBytes,
  capturedEvent,
  SMALL_HOST,
  smallEvents,
  START,
  threadEntry,
} from "../../test/fixtures/captures.ts";
import { CaptureParser } from "../capture/capture-parser.ts";
import type { Event } from "../events/event.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import { compileOutput, renderOutput } from "../rules/output.ts";
import { compileRuleSet, type RuleSet } from "../rules/rule-set.ts";
import type { HostEntries } from "../state/host-entries.ts";
import { Replay, type ReplayOptions } from "./replay.ts";

const NO_RULES = compileRuleSet([], { matching: "first" });

function rulesOf(text: string, matching: "first" | "all" = "first"): RuleSet {
  return compileRuleSet(loadRules([{ name: "rules.yaml", text }], { fields: FIELDS }).rules, {
    matching,
  });
}

function rule(name: string, condition: string): string {
  return `- {rule: ${name}, desc: d, condition: ${JSON.stringify(condition)}, output: "%evt.num", priority: INFO}\n`;
}

interface Source {
  readonly host?: HostEntries;
  readonly events?: readonly Event[];
}

function replayed(
  options: Partial<ReplayOptions>,
  { host = SMALL_HOST, events = smallEvents() }: Source = {},
): Replay {
  const replay = new Replay({
    rules: NO_RULES,
    hostname: "h",
    utcOffsetMinutes: () => 0,
    onMatch: () => {},
    ...options,
  });
  const parser = new CaptureParser(replay);
  parser.push(captureBytes(host, events));
  parser.end();
  return replay;
}

/** What a format prints of each event. */
function printed(format: string, source?: Source, options: Partial<ReplayOptions> = {}): string[] {
  const template = compileOutput(`*${format}`, FIELDS);
  const lines: string[] = [];
  replayed({ ...options, onScene: (scene) => lines.push(renderOutput(template, scene)) }, source);
  return lines;
}

test("Replay rebuilds processes and descriptors from the list and the events", () => {
  assert.deepEqual(printed("%evt.type %proc.name %proc.exepath %fd.name"), [
    "openat sh /bin/sh /etc/shadow",
    "read sh /bin/sh /etc/shadow",
    "dup2 sh /bin/sh 10.0.0.5:40000->93.184.216.34:443",
    "clone sh /bin/sh <NA>",
    "execve id /usr/bin/id <NA>",
    "socket sh /bin/sh ",
    "connect sh /bin/sh 10.0.0.5:513->93.184.216.34:80",
    "container <NA> <NA> <NA>",
    "close sh /bin/sh /etc/shadow",
    "procexit id /usr/bin/id <NA>",
  ]);
});

test("Replay asks the rules of the event's type: the first that matches, or all", () => {
  const text =
    rule("one", "evt.type = openat and fd.name = /etc/shadow") +
    rule("two", "evt.type in (openat, read) and proc.pname = init");
  for (const [matching, expected] of [
    ["first", ["one 1", "two 2"]],
    ["all", ["one 1", "two 1", "two 2"]],
  ] as const) {
    const matches: string[] = [];
    const replay = replayed({
      rules: rulesOf(text, matching),
      onMatch: (matched, scene) => void matches.push(`${matched.name} ${scene.event.num}`),
    });
    assert.deepEqual(matches, expected);
    assert.equal(replay.shown, 10);
    assert.equal(new Map(replay.byType()).get("openat"), 1);
  }
});

test("Replay shows a window, and what is meant; what is not shown still makes the state", () => {
  const window = {
    from: (first: bigint) => first + 3_000_000n,
    to: (first: bigint) => first + 8_000_000n,
  };
  assert.deepEqual(printed("%evt.num %fd.name", undefined, window).slice(1, 3), ["5 <NA>", "6 "]);
  assert.equal(replayed(window).shown, 6);
  assert.deepEqual(
    printed("%evt.type %fd.name", undefined, {
      where: (scene) => scene.event.type?.name === "close",
    }),
    ["close /etc/shadow"],
  );
  let past = 0;
  const events = [...smallEvents(), capturedEvent("close", { res: 0, fd: 3 }, { ms: 60_000 })];
  replayed({ to: () => START, onPast: () => (past += 1) }, { events });
  assert.equal(past, 1);
});

test("Replay knows containers by the control groups of processes, and their names by the capture's events", () => {
  const fullId = "0123456789ab".padEnd(64, "c");
  const host = {
    ...SMALL_HOST,
    threads: [
      ...SMALL_HOST.threads,
      threadEntry({ tid: 300, cgroups: [`pids=/docker/${fullId}`], vpid: 1, vtid: 1 }),
    ],
  };
  const events = [
    capturedEvent("chdir", { res: 0, path: "/" }, { tid: 300 }),
    ...smallEvents().slice(7, 8),
    capturedEvent("chdir", { res: 0, path: "/" }, { tid: 300 }),
    capturedEvent("chdir", { res: 0, path: "/" }),
  ];
  assert.deepEqual(
    printed("%container.id %container.name %container.image.repository", { host, events }),
    ["0123456789ab <NA> <NA>", "host host ", "0123456789ab web nginx", "host host "],
  );
});

test("Replay takes events at the beginning that tell what was there as state, not as events", () => {
  const events = [...smallEvents().slice(7, 8), capturedEvent("chdir", { res: 0, path: "/" })];
  assert.deepEqual(printed("%evt.num %evt.type", { events }), ["2 chdir"]);
});

test("Replay: a process that ends hands its children on", () => {
  const clone = (tid: number, ptid: number) =>
    capturedEvent(
      "clone",
      {
        res: 0,
        exe: "x",
        args: [],
        tid,
        pid: tid,
        ptid,
        cwd: "/",
        fdlimit: 1,
        comm: `c${tid}`,
        flags: 0,
        uid: 0,
        gid: 0,
        vtid: tid,
        vpid: tid,
      },
      { tid },
    );
  const events = [
    clone(200, 100),
    clone(201, 200),
    capturedEvent("procexit", { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 }, { tid: 200 }),
    capturedEvent("chdir", { res: 0, path: "/" }, { tid: 201 }),
    capturedEvent("procexit", { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 1 }, { tid: 100 }),
    capturedEvent("chdir", { res: 0, path: "/" }, { tid: 201 }),
  ];
  assert.deepEqual(
    printed("%proc.name %proc.ppid %proc.pname", { events }).filter((line) =>
      line.startsWith("c201"),
    ),
    ["c201 200 c200", "c201 1 init", "c201 1 init"],
  );
});
