import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drained } from "../../test/fixtures/drained.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { BTF_KIND } from "../bpf/btf.ts";
import { parseObject } from "../bpf/parse-object.ts";
import { Event } from "../events/event.ts";
import {
  callFilterOf,
  MAX_PREFIX_BYTES,
  OPEN_CODES,
  passesCallFilter,
} from "../events/call-filter.ts";
import { CONTEXT, NOTICE } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { callClausesOf } from "../rules/call-clauses.ts";
import { loadRules } from "../rules/load-rules.ts";
import { parseCondition } from "../rules/parse-condition.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { CALL_FILTER } from "./_call-filter-maps.ts";
import { openProbe } from "./probe.ts";
import { OUTCOMES } from "./probe-counters.ts";

const OPENAT = OPEN_CODES[1] as number;
const LONG = `/${"d".repeat(100)}`;

/** Node opens with openat(2); each of these once, in this order, for reading and for writing. */
const PATHS = [
  "/etc/shadow",
  "/etc/shadow-x",
  "/etc/passwd",
  "/etc/pam.d",
  "/etc/pam.d/none",
  "/etc/../etc/hosts",
  "//etc/hostname",
  "/etc/./issue",
  "etc/relative",
  "/nonexistent/a",
  "/nonexistent..",
  "/x/.hidden",
  "relative/shadow",
  "./hosts",
  "/etc/pam.d/su/",
  ".",
  LONG,
  `${LONG}/more`,
  `/${"d".repeat(63)}`,
  `/${"e".repeat(400)}`,
  "/dev/zero",
  // Root may not open it for writing, either.
  "/sys/kernel/uevent_seqnum",
];
const FLAGS = [
  constants.O_RDONLY,
  constants.O_WRONLY,
  constants.O_RDWR,
  constants.O_RDONLY | constants.O_DIRECTORY,
];
const SCAP_FLAGS = [1, 2, 3, 0x401];

const CONDITIONS: Readonly<Record<string, string>> = {
  "reads of some files":
    "evt.type in (open, openat) and evt.is_open_read = true and fd.typechar = f and fd.num >= 0 and (fd.name in (/etc/shadow, /dev/zero) or fd.directory in (/etc/pam.d))",
  "failed opens anywhere": "evt.type = openat and fd.num = -1",
  "opens that were denied": "evt.type = openat and evt.rawres in (-13, -1)",
  "writes, and reads below a long folder": `evt.type = openat and (evt.is_open_write = true or fd.name startswith ${LONG})`,
  directories: "evt.type = openat and fd.typechar = d",
  "paths with two dots": "evt.type = openat and fd.nameraw contains ../",
  "nested beginnings":
    "evt.type = openat and ((evt.is_open_read = true and fd.name startswith /etc) or (evt.is_open_write = true and fd.name startswith /etc/pam))",
  "last parts of paths": "evt.type = openat and fd.filename in (shadow, more, su, hosts)",
  "last parts below a folder":
    "evt.type = openat and fd.filename = shadow and fd.name startswith /etc",
  "failures or hosts": "evt.type = openat and (evt.failed = true or fd.filename = hostname)",
  "no open at all": "evt.type = execve",
};

test(
  "the kernel keeps what the filter says, and counts it",
  { skip: whyNoBpf() ?? false },
  async (t) => {
    const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
    t.after(() => probe.close());
    const seen: { tid: number; path: string; flags: number }[] = [];
    const event = new Event();
    let records = 0;
    probe.start((bytes, view, start, length) => {
      records += 1;
      if (event.load(bytes, view, start, length, true) && event.code === OPENAT)
        seen.push({
          tid: event.contextU32(CONTEXT.tid),
          path: event.text(2) ?? "",
          flags: (event.uint(3) ?? 0) & 0x403,
        });
    });
    probe.setEnabled(new Set(OPEN_CODES));
    const script = `const fs = require("fs"); const out = []; for (const p of ${JSON.stringify(PATHS)}) for (const f of ${JSON.stringify(FLAGS)}) { try { out.push(fs.openSync(p, f)) } catch (e) { out.push(e.errno) } } console.log(JSON.stringify(out))`;
    for (const [name, condition] of Object.entries(CONDITIONS)) {
      const filter = callFilterOf(callClausesOf(parseCondition(condition)));
      assert.ok(filter !== undefined);
      probe.setCallFilter(filter);
      seen.length = 0;
      const child = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", cwd: "/" });
      const results = JSON.parse(child.stdout) as readonly number[];
      await drained(probe, () => records);
      const calls = PATHS.flatMap((path, index) =>
        SCAP_FLAGS.map((flags, kind) => ({
          path,
          flags,
          code: OPENAT,
          result: results[index * FLAGS.length + kind] ?? 0,
        })),
      );
      const expected = calls
        .filter((call) => passesCallFilter(filter, call))
        .map(({ path, flags }) => `${path} ${flags}`);
      const got = seen
        .filter(({ tid, path }) => tid === child.pid && PATHS.includes(path))
        .map(({ path, flags }) => `${path} ${flags}`);
      assert.deepEqual(got, expected, name);
    }
    const { seen: all, filtered, sent, byCode } = probe.counters();
    assert.ok(filtered > 100, `${filtered} of ${all}`);
    const of = byCode.get(OPENAT);
    assert.equal(of?.seen, (of?.filtered ?? 0) + (of?.sent ?? 0) + (of?.dropped ?? 0));
    assert.ok(sent < all);
    probe.setCallFilter(undefined);
    const before = probe.counters().filtered;
    spawnSync("true");
    assert.equal(probe.counters().filtered, before, "without a filter all are sent");
  },
);

/**
 * Connects to an address and to a name, sends a datagram, and fails to remove a file: as who it was
 * started.
 */
const CALLS = `
const net = require("net"), dgram = require("dgram"), fs = require("fs");
try { fs.unlinkSync("/nonexistent") } catch {}
const done = () => { left -= 1; if (left === 0) process.exit() };
let left = 3;
net.connect(1, "127.0.0.1").on("error", done);
net.connect("/nonexistent.sock").on("error", done);
dgram.createSocket("udp4").send("x", 9, "127.0.0.1", done);
`;

test("the kernel knows families, results and callers", { skip: whyNoBpf() ?? false }, async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to become somebody else");
  const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
  t.after(() => probe.close());
  const seen: { pid: number; name: string; isIp: boolean; cgroup: number }[] = [];
  const versions = new Map<number, boolean>();
  const event = new Event();
  let records = 0;
  probe.start((bytes, view, start, length) => {
    records += 1;
    if (!event.load(bytes, view, start, length, true)) return;
    if (event.code === NOTICE.cgroup_mkdir) versions.set(event.uint(0) ?? 0, event.uint(2) === 1);
    if (event.isNotice) return;
    const kind = String.fromCharCode(event.bytes[event.descriptor] ?? 0);
    seen.push({
      pid: event.contextU32(CONTEXT.pid),
      name: event.type?.name ?? "",
      isIp: kind === "4",
      cgroup: event.contextU64(CONTEXT.cgroup),
    });
  });
  const enable = (names: readonly string[]): void =>
    probe.setEnabled(new Set(names.map((name) => eventType(name).code)));
  enable(["connect", "unlink"]);
  const told = async (condition: string, uid: number): Promise<string[]> => {
    const filter = callFilterOf(callClausesOf(parseCondition(condition)));
    assert.ok(filter !== undefined);
    probe.setCallFilter(filter);
    seen.length = 0;
    const child = spawnSync(process.execPath, ["-e", CALLS], { uid, cwd: "/" });
    await drained(probe, () => records);
    return seen
      .filter(({ pid }) => pid === child.pid)
      .map(({ name, isIp }) => (name === "connect" ? (isIp ? "ip" : "unix") : name))
      .toSorted();
  };
  assert.deepEqual(await told("evt.type in (connect, unlink)", 0), ["ip", "unix", "unlink"]);
  const [own] = seen;
  assert.deepEqual(await told("evt.type = connect and fd.typechar in (4, 6)", 0), ["ip"]);
  assert.deepEqual(await told("evt.type = connect and fd.type = unix", 0), ["unix"]);
  assert.deepEqual(await told("evt.type = unlink and evt.failed = false", 0), []);
  assert.deepEqual(await told("evt.type = unlink and evt.res = ENOENT", 0), ["unlink"]);
  assert.deepEqual(await told("evt.type = unlink and user.uid = 0", 65534), []);
  assert.deepEqual(await told("evt.type = unlink and user.uid != 0", 65534), ["unlink"]);
  assert.deepEqual(await told("evt.type = connect and fd.l4proto = tcp", 0), ["ip"]);
  enable(["sendmsg", "socket"]);
  const sends = "evt.type in (sendmsg, socket) and fd.typechar = 4";
  assert.deepEqual(await told(sends, 0), ["sendmsg", "socket", "socket"]);
  assert.deepEqual(await told(`${sends} and fd.l4proto = tcp`, 0), ["socket", "socket"]);
  assert.deepEqual(await told("evt.type = socket and evt.arg.domain = AF_UNIX", 0), ["socket"]);
  enable(["connect", "unlink"]);
  // Of a cgroup that nothing was said of both are possible.
  assert.deepEqual(
    [
      await told("evt.type = unlink and container.id = host", 0),
      await told("evt.type = unlink and container.id != host", 0),
    ],
    [["unlink"], ["unlink"]],
  );
  const [id, isV1] = [own?.cgroup ?? 0, versions.get(own?.cgroup ?? 0)];
  assert.ok(isV1 !== undefined, "a control group is told when it is first met");
  probe.setHostCgroup({ id, isV1: !isV1 }, true);
  assert.deepEqual(
    await told("evt.type = unlink and container.id != host", 0),
    ["unlink"],
    "the other version's group of this id",
  );
  probe.setHostCgroup({ id, isV1 }, true);
  assert.deepEqual(
    [
      await told("evt.type = unlink and container.id = host", 0),
      await told("evt.type = unlink and not container.id = host", 0),
    ],
    [["unlink"], []],
  );
  // What each processor remembers of it is forgotten.
  probe.setHostCgroup({ id, isV1 }, false);
  assert.deepEqual(await told("evt.type = unlink and not container.id = host", 0), ["unlink"]);
});

test("the maps have the layout that TypeScript writes", () => {
  const { btf } = parseObject(
    readFileSync(join(import.meta.dirname, "../../probe/saker.x64.bpf.o")),
  );
  const sizeOf = (name: string): number => btf.size(btf.find(name, BTF_KIND.struct) ?? 0);
  assert.equal(sizeOf("call_filter"), CALL_FILTER.size);
  const id = btf.find("call_filter", BTF_KIND.struct) ?? 0;
  const offsets = Object.fromEntries(
    Array.from({ length: btf.length(id) }, (_, index) => [
      btf.member(id, index).name,
      btf.member(id, index).bitOffset / 8,
    ]),
  );
  assert.deepEqual(offsets, {
    is_active: 0,
    any_path: 4,
    any_name: 8,
    some_callers: 12,
    generation: CALL_FILTER.generation,
    some_path: CALL_FILTER.somePath,
    names: CALL_FILTER.names,
    callers: CALL_FILTER.callers,
    clauses: CALL_FILTER.clauses,
    rows: CALL_FILTER.rows,
  });
  assert.equal(sizeOf("path_prefix"), 4 + MAX_PREFIX_BYTES);
  assert.equal(sizeOf("outcomes"), 8 * OUTCOMES.length);
});

const OFFICIAL = join(import.meta.dirname, "../../../shared/falco-rules/falco_rules.yaml");

test(
  "the official stable file leaves reads of no interest in the kernel",
  { skip: existsSync(OFFICIAL) ? false : "needs ../shared/falco-rules" },
  () => {
    const { rules } = loadRules([{ name: OFFICIAL, text: readFileSync(OFFICIAL, "utf8") }], {
      fields: FIELDS,
    });
    const { callFilter } = compileRuleSet(
      rules.filter(({ enabled }) => enabled),
      { matching: "first" },
    );
    assert.ok(callFilter !== undefined);
    const passes = (path: string, flags: number): boolean =>
      passesCallFilter(callFilter, { code: OPENAT, flags, result: 3, path });
    assert.deepEqual(
      [
        passes("/usr/lib/libc.so.6", 1),
        passes("/etc/ld.so.cache", 1),
        passes("/proc/self/stat", 1),
        passes("/etc", 0x401),
      ],
      [false, false, false, false],
    );
    assert.deepEqual(
      [
        passes("/etc/shadow", 1),
        passes("/etc/pam.d/su", 1),
        passes("/var/log/messages", 2),
        passes("relative", 1),
      ],
      [true, true, true, true],
    );
  },
);
