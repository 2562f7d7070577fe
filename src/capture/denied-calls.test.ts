import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { drained, startedEvents } from "../../test/fixtures/drained.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { CONTEXT } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { openProbe } from "./probe.ts";

const ACTOR = fileURLToPath(new URL("_denied-actor.ts", import.meta.url));
const EPERM = 1;

test(
  "calls that seccomp denies are told, with their arguments",
  { skip: whyNoBpf() ?? false },
  async (t) => {
    const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
    t.after(() => probe.close());
    probe.setEnabled(new Set(["mkdirat", "setns"].map((name) => eventType(name).code)));
    const { events, received } = startedEvents(probe);
    const actor = spawnSync(process.execPath, ["--no-warnings", ACTOR], { encoding: "utf8" });
    assert.deepEqual(
      JSON.parse(actor.stdout),
      { isSet: true, mkdir: -EPERM, setns: -EPERM },
      actor.stderr,
    );
    await drained(probe, received);
    const told = events
      .filter((event) => event.contextU32(CONTEXT.pid) === actor.pid)
      .map((event) => [event.type?.name, event.int(0), event.int(1)]);
    assert.deepEqual(told, [
      ["mkdirat", -EPERM, -100],
      ["setns", -EPERM, 977],
    ]);
  },
);
