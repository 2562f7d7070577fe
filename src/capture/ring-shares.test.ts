import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { until } from "../../test/fixtures/until.ts";
import { Event } from "../events/event.ts";
import { CONTEXT, NOTICE } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { openProbe, type ProbeSource, type ProbeVariant } from "./probe.ts";

/** Where version 2 of the control groups is mounted (cgroups(7)). */
const ROOT = /^cgroup2? (\S+) cgroup2 /m.exec(readFileSync("/proc/mounts", "utf8"))?.[1];

const skip = whyNoBpf() || (ROOT === undefined ? "needs cgroup2" : false);

interface Group {
  readonly id: number;
  /** Runs a shell script inside. */
  run(script: string): void;
}

for (const variant of ["tp_btf", "classic"] as const) {
  test(
    `while one control group floods, nobody else's events are lost (${variant})`,
    { skip },
    async (t) => {
      const probe = quietProbe(t, variant, ["openat", "open", "execve", "clone", "procexit"]);
      const [flooder, other] = [makeGroup(t, "flood"), makeGroup(t, "other")];
      // Nobody reads the ring of 1 MiB meanwhile.
      flooder.run("i=0; while [ $i -lt 20000 ]; do : < /dev/null; i=$((i + 1)); done");
      const before = probe.losses();
      assert.ok(before.overShare > 1000, `${before.overShare} over their share`);
      assert.equal(before.ringFull, 0, "the ring is never full of one group's events");
      other.run(
        "i=0; while [ $i -lt 60 ]; do : < /dev/zero; i=$((i + 1)); done; /bin/true; /bin/true",
      );
      const late = makeGroup(t, "late", other);

      const seen = await seenOf(probe);
      assert.equal(seen.opens("/dev/zero", other.id), 60);
      assert.ok(seen.of("execve", other.id) >= 2, "the programs that it started");
      assert.ok(seen.of("procexit", other.id) >= 2);
      assert.ok(seen.groups.has(late.id), "a control group that was made meanwhile");
      assert.ok(seen.opens("/dev/null", flooder.id) > 100, "the flooder keeps its share");
      const lost = probe.losses().byCgroup;
      assert.ok(
        (lost.find(({ id }) => id === flooder.id)?.lost ?? 0) > 1000,
        "counted by its group",
      );
      assert.ok(!lost.some(({ id }) => id === other.id || id === late.id));
    },
  );

  test(
    `a flood of programs that start and end leaves room for others' starts (${variant})`,
    { skip },
    async (t) => {
      const probe = quietProbe(t, variant, ["execve", "clone", "procexit"]);
      const [flooder, other] = [makeGroup(t, "flood"), makeGroup(t, "other")];
      flooder.run("i=0; while [ $i -lt 1500 ]; do (:); i=$((i + 1)); done");
      assert.ok(probe.losses().overShare > 500, `${probe.losses().overShare} over their share`);
      other.run("/bin/true; /bin/true; /bin/true");
      const late = makeGroup(t, "late", other);
      const seen = await seenOf(probe);
      assert.ok(seen.of("execve", other.id) >= 3, `${seen.of("execve", other.id)}`);
      assert.ok(seen.groups.has(late.id));
    },
  );
}

/** With the smallest rings, which nobody reads yet. */
function quietProbe(t: TestContext, variant: ProbeVariant, events: readonly string[]): ProbeSource {
  const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid, variant });
  t.after(() => probe.close());
  probe.setEnabled(new Set(events.map((name) => eventType(name).code)));
  return probe;
}

/** `maker` makes it; else this process, which may share a group with others who flood. */
function makeGroup(t: TestContext, name: string, maker?: Group): Group {
  const path = join(ROOT ?? "", `saker-test-${process.pid}-${name}`);
  if (maker === undefined) mkdirSync(path);
  else maker.run(`mkdir ${path}`);
  t.after(() => rmdirSync(path));
  const run = (script: string): void => {
    const { status } = spawnSync("/bin/sh", ["-c", `echo $$ > ${path}/cgroup.procs; ${script}`]);
    assert.equal(status, 0);
  };
  return { id: statSync(path).ino, run };
}

/** What comes when the rings are read at last. */
async function seenOf(probe: ProbeSource) {
  const counts = new Map<string, number>();
  const groups = new Set<number>();
  const event = new Event();
  let [records, before] = [0, -1];
  const count = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
  probe.start((bytes, view, start, length) => {
    assert.ok(event.load(bytes, view, start, length, true));
    records += 1;
    if (event.code === NOTICE.cgroup_mkdir) groups.add(event.uint(0) ?? 0);
    if (event.isNotice) return;
    const cgroup = event.contextU64(CONTEXT.cgroup);
    count(`${event.type?.name} ${cgroup}`);
    if (event.type?.name === "openat") count(`${event.text(2)} ${cgroup}`);
    if (event.type?.name === "open") count(`${event.text(1)} ${cgroup}`);
  });
  await until("the rings to be read", () => {
    const isStill = records === before;
    before = records;
    return isStill && records > 0;
  });
  return {
    groups,
    of: (name: string, cgroup: number): number => counts.get(`${name} ${cgroup}`) ?? 0,
    opens: (path: string, cgroup: number): number => counts.get(`${path} ${cgroup}`) ?? 0,
  };
}
