import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { drained, startedEvents } from "../../test/fixtures/drained.ts";
import { ioUringMissing, IoUring, SQE_FLAG } from "../../test/fixtures/io-uring.ts";
import { until } from "../../test/fixtures/until.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { parseObject } from "../bpf/parse-object.ts";
import { CONTEXT, RECORD_FLAGS } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { isHookNeeded } from "./_hook-events.ts";
import { openProbe } from "./probe.ts";

const PROBE = join(import.meta.dirname, "../../probe");
const source = (name: string): string => readFileSync(join(PROBE, name), "latin1");
const code = (name: string): number => eventType(name.toLowerCase()).code;

/** No process has this number. */
const NOBODY = 0xffff_fff0;

const hooks = parseObject(readFileSync(join(PROBE, "saker.x64.bpf.o"))).programs.filter(
  ({ autoload }) => !autoload,
);

/** The events for which a hook has work, found by asking for each alone. */
function eventsOf(hook: string): string[] {
  const attach = { kind: "kprobe", tracepoint: hook } as const;
  return [...source("syscalls.h").matchAll(/EVENT_(\w+) = \d+/g)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "SYSCALL" && isHookNeeded(attach, new Set([code(name)])))
    .toSorted();
}

describe("hooks", () => {
  test("each that is not always there is needed for some events, and for none without them", () => {
    const always = hooks
      .filter(({ attach }) => isHookNeeded(attach, new Set()))
      .map(({ attach }) => attach.tracepoint);
    assert.deepEqual(always, ["security_bprm_check"]);
  });

  test("the paths of a call are looked for by the hooks that the probe has for its act", () => {
    const calls = Map.groupBy(
      source("call-paths.h").matchAll(/ROW\((ACT_\w+), EVENT_(\w+)\)/g),
      ([, act = ""]) => act,
    );
    const functions = source("on-path.h").matchAll(
      /PATH_HOOK\("(\w+)"\)\nint \w+\(.*\) \{\n[^}]*?(ACT_\w+)/g,
    );
    let count = 0;
    for (const [, name = "", act = ""] of functions) {
      if (act === "ACT_EXEC") continue;
      count += 1;
      assert.deepEqual(
        eventsOf(`security_${name}`),
        calls
          .get(act)
          ?.map(([, , event = ""]) => event)
          .toSorted(),
        name,
      );
    }
    assert.equal(count, 8);
  });

  test("requests of io_uring are looked at for the events that they may be", () => {
    const requests = source("on-uring.h").matchAll(
      /case IORING_OP_\w+: return FOUND\(EVENT_(\w+)/g,
    );
    const events = [...new Set([...requests].map(([, event = ""]) => event))].toSorted();
    assert.ok(events.length > 8);
    for (const hook of ["io_uring_submit_req", "io_uring_complete", "io_uring_cqe_overflow"])
      assert.deepEqual(eventsOf(hook), events, hook);
  });
});

test(
  "a thousand changes of what is asked for lose no event that is asked for before and after",
  { skip: whyNoBpf() ?? false },
  async (t) => {
    const probe = openProbe({ ringBytes: 1 << 22, ownPid: process.pid });
    t.after(() => probe.close());
    const sets = [
      ["openat", "symlink", "link", "renameat2"],
      ["openat", "chmod", "connect"],
      ["openat2", "openat", "mkdir"],
      ["openat", "kill"],
    ].map((names) => new Set(names.map(code)));
    probe.setEnabled(sets[0] as Set<number>);
    const { events, received } = startedEvents(probe, (event) => event.code === code("openat"));
    const opener = spawn(process.execPath, ["-e", OPENER], { stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => opener.kill("SIGKILL"));
    let out = "";
    opener.stdout.setEncoding("latin1").on("data", (text: string) => {
      out += text;
    });
    for (let change = 0; change < 1000; change += 1) {
      probe.setEnabled(sets[change % sets.length] as Set<number>);
      await turn();
    }
    opener.stdin.end();
    await new Promise((resolve) => opener.once("close", resolve));
    await drained(probe, received);
    const { dropped } = probe.counters();
    assert.equal(dropped.ringFull + dropped.overShare + dropped.scratchBusy, 0);
    const opened = Number(out);
    assert.ok(opened > 100, `${opened} opens beside the changes`);
    const seen = events.flatMap((event) => {
      const [, number] = /^\/none\/thousand-(\d+)$/.exec(event.text(2) ?? "") ?? [];
      return number === undefined ? [] : [Number(number)];
    });
    assert.deepEqual(
      seen.toSorted((left, right) => left - right),
      Array.from({ length: opened }, (_, index) => index),
    );
  },
);

test(
  "a request that began is not told when its event was not asked for in between",
  { skip: whyNoBpf() || (ioUringMissing() ?? false) },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "saker-requests-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const probe = openProbe({ ringBytes: 1 << 20, ownPid: NOBODY });
    t.after(() => probe.close());
    const opens = new Set([code("openat")]);
    const kept = join(folder, "kept");
    const { events } = startedEvents(
      probe,
      (event) => (event.contextU32(CONTEXT.flags) & RECORD_FLAGS.IO_URING) !== 0,
    );
    const ring = new IoUring();
    for (const [name, between] of [
      ["left", [new Set([code("kill")]), opens]],
      ["kept", [new Set([code("kill"), code("openat")]), opens]],
    ] as const) {
      const pipe = join(folder, name);
      execFileSync("mkfifo", [pipe]);
      probe.setEnabled(opens);
      // Waits for who writes.
      const address = Buffer.from(`${pipe}\0`);
      ring.request({ op: "openat", fd: -100, address, flags: SQE_FLAG.async, isLeft: true });
      for (const codes of between) probe.setEnabled(codes);
      closeSync(openSync(pipe, "w"));
    }
    const named = (): readonly (string | undefined)[] =>
      events.map((event) => event.text(2)).filter((name) => name?.startsWith(folder));
    await until("the request that was asked for all the time", () => named().includes(kept));
    assert.deepEqual(named(), [kept]);
  },
);

/** Opens what is not there, each time by another name, until nobody writes to it any more; says how often. */
const OPENER = `
  const { openSync } = require("node:fs");
  let count = 0, isOver = false;
  process.stdin.on("end", () => { isOver = true; }).resume();
  const step = () => {
    if (isOver) { process.stdout.write(String(count)); return; }
    for (let i = 0; i < 20; i += 1, count += 1)
      try { openSync("/none/thousand-" + count); } catch {}
    setTimeout(step, 1);
  };
  step();
`;
