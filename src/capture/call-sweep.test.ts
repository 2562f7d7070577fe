import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { decode, probeMissing, type Seen } from "../../test/fixtures/acting-process.ts";
import {
  type Act,
  compileCalls,
  numberOf,
  resultsOf,
  type Width,
} from "../../test/fixtures/calling-program.ts";
import { drained } from "../../test/fixtures/drained.ts";
import { DATA, NOBODY, type SweptAct, SWEPT_ACTS } from "../../test/fixtures/swept-calls.ts";
import { ANY_CALL, CALLER, callFilterOf } from "../events/call-filter.ts";
import { Event } from "../events/event.ts";
import { CONTEXT, RECORD_FLAGS } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { GENERIC_CALLS, isGeneric, SYSTEM_CALLS } from "../events/system-calls.ts";
import { openProbe, type ProbeVariant } from "./probe.ts";
import { PROBE_EVENTS } from "./probe-sight.ts";

const codesOf = (events: readonly string[]) => new Set(events.map((name) => eventType(name).code));

interface Watched {
  readonly variant: ProbeVariant;
  readonly width: Width;
  readonly codes: ReadonlySet<number>;
  readonly genericCalls?: ReadonlySet<number>;
}

/** What a program that makes these calls gave, and the events that were sent of it; a reason where it cannot run here. */
async function watchCalls(
  t: TestContext,
  acts: readonly Act[],
  { variant, width, codes, genericCalls = new Set() }: Watched,
): Promise<{ results: readonly (readonly number[])[]; events: readonly Seen[] } | string> {
  const folder = mkdtempSync(join(tmpdir(), "saker-sweep-"));
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  const program = compileCalls(acts, { width, folder, data: DATA });
  if (program === undefined) return `needs clang and a linker for programs of ${width}`;
  const probe = openProbe({ ringBytes: 1 << 25, ownPid: process.pid, variant });
  t.after(() => probe.close());
  const events: { pid: number; isCompat: boolean; seen: Seen }[] = [];
  const event = new Event();
  let [received, pid] = [0, 0];
  probe.start((bytes, view, start, length) => {
    received += 1;
    assert.ok(event.load(bytes, view, start, length, true), "each record is well formed");
    if (event.isNotice || (pid !== 0 && event.contextU32(CONTEXT.pid) !== pid)) return;
    const isCompat = (event.contextU32(CONTEXT.flags) & RECORD_FLAGS.COMPAT) !== 0;
    events.push({ pid: event.contextU32(CONTEXT.pid), isCompat, seen: decode(event.copy()) });
  });
  // Else the events of the whole machine would come, which makes such calls all the time.
  probe.setCallFilter(callFilterOf([{ ...ANY_CALL, callers: CALLER.other }]));
  probe.setEnabled(codes, { genericCalls });
  const child = spawn(program, {
    cwd: "/",
    uid: NOBODY,
    gid: NOBODY,
    stdio: ["ignore", "pipe", "inherit"],
  });
  pid = child.pid ?? 0;
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of child.stdout) chunks.push(chunk);
  } catch {
    return "needs a kernel that runs 32-bit programs";
  }
  probe.setEnabled(new Set());
  await drained(probe, () => received);
  // Before it was the program, the process was ours.
  const own = events.filter((one) => one.pid === pid && one.isCompat === (width === "i386"));
  return { results: resultsOf(acts, Buffer.concat(chunks)), events: own.map(({ seen }) => seen) };
}

const reasonToSkip = (): string | undefined =>
  probeMissing() ?? (process.arch === "x64" ? undefined : "needs x86-64");

/** The parameters that are compared of the events of each kind, in the order in which they came. */
function answers(acts: readonly SweptAct[], results: readonly (readonly number[])[], width: Width) {
  const given = new Map(acts.flatMap(({ as }, index) => (as === undefined ? [] : [[as, index]])));
  const of = (name: string): readonly number[] => results[given.get(name) ?? -1] ?? [];
  return acts.flatMap(({ event, params }, index) => {
    const wanted = params({ own: results[index] ?? [], of }, width);
    return wanted === false ? [] : [wanted].flat().map((one) => ({ event, params: one }));
  });
}

for (const variant of ["tp_btf", "raw_tp", "classic"] as const)
  for (const width of ["x64", "i386"] as const)
    test(
      `${variant}: calls of a program of ${width} are events that say what it passed`,
      { timeout: 120_000 },
      async (t) => {
        const reason = reasonToSkip();
        if (reason !== undefined) return t.skip(reason);
        const acts = SWEPT_ACTS.filter(({ call }) => numberOf(call, width) !== undefined);
        const codes = codesOf(acts.map(({ event }) => event));
        const watched = await watchCalls(t, acts, { variant, width, codes });
        if (typeof watched === "string") return t.skip(watched);
        const { results, events } = watched;
        const wrong: unknown[] = [];
        let rest = events;
        for (const { event, params } of answers(acts, results, width)) {
          const at = rest.findIndex((one) => one.event === event && isAs(one, params));
          if (at < 0)
            wrong.push({ event, params, seen: rest.find((one) => one.event === event)?.params });
          else rest = rest.toSpliced(at, 1);
        }
        assert.deepEqual(wrong, []);
      },
    );

function isAs(seen: Seen, params: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(params).every(
    ([name, value]) => JSON.stringify(seen.params[name]) === JSON.stringify(value),
  );
}

/** They wait for ever, or kill who makes them anew; what they do needs no proof. */
const UNFIT: ReadonlySet<string> = new Set(["pause", "uprobe", "uretprobe", "sigsuspend"]);

for (const width of ["x64", "i386"] as const)
  test(
    `every call without an event of its own that a program of ${width} makes comes by its name`,
    { timeout: 120_000 },
    async (t) => {
      const reason = reasonToSkip();
      if (reason !== undefined) return t.skip(reason);
      const calls = SYSTEM_CALLS.filter((call) => call !== undefined).filter(
        (call) =>
          isGeneric(call) &&
          PROBE_EVENTS.calls.has(call.code) &&
          !UNFIT.has(call.name) &&
          call.numbers[width].length > 0,
      );
      const acts = calls.map(({ name }) => ({ call: name, args: WRONG[name] ?? ALL_WRONG }));
      const watched = await watchCalls(t, acts, {
        variant: "tp_btf",
        width,
        codes: codesOf(["syscall"]),
        genericCalls: new Set(GENERIC_CALLS.values()),
      });
      if (typeof watched === "string") return t.skip(watched);
      assert.equal(watched.results.length, acts.length);
      const seen = watched.events.map(({ params }) => [params["ID"], params["nativeID"]].join());
      const missing = calls.filter(
        ({ code, numbers }) => !seen.includes([code, numbers.x64[0] ?? numbers.i386[0]].join()),
      );
      assert.deepEqual(
        missing.map(({ name }) => name),
        [],
      );
    },
  );

const ALL_WRONG: readonly string[] = ["-1", "-1", "-1", "-1", "-1", "-1"];
/** Where all of that would make something. */
const WRONG: Readonly<Record<string, readonly string[]>> = { msgget: ["12345", "0"] };
