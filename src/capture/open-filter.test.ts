import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { BTF_KIND } from "../bpf/btf.ts";
import { parseObject } from "../bpf/parse-object.ts";
import { Event } from "../events/event.ts";
import { MAX_PREFIX_BYTES, OPEN_CODES, openFilterOf, passesOpenFilter } from "../events/open-filter.ts";
import { CONTEXT } from "../events/record.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import { openClausesOf } from "../rules/open-clauses.ts";
import { parseCondition } from "../rules/parse-condition.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { openProbe, OUTCOMES } from "./probe.ts";

const OPENAT = OPEN_CODES[1] as number;
const LONG = `/${"d".repeat(100)}`;

/** Node opens with openat(2); each of these once, in this order, for reading and for writing. */
const PATHS = [
  "/etc/shadow", "/etc/shadow-x", "/etc/passwd", "/etc/pam.d", "/etc/pam.d/none", "/etc/../etc/hosts", "//etc/hostname", "/etc/./issue", "etc/relative", "/nonexistent/a", "/nonexistent..", "/x/.hidden",
  LONG, `${LONG}/more`, `/${"d".repeat(63)}`, `/${"e".repeat(400)}`, "/dev/zero",
];
const FLAGS = [constants.O_RDONLY, constants.O_WRONLY, constants.O_RDWR, constants.O_RDONLY | constants.O_DIRECTORY];
const SCAP_FLAGS = [1, 2, 3, 0x401];

const CONDITIONS: Readonly<Record<string, string>> = {
  "reads of some files": "evt.type in (open, openat) and evt.is_open_read = true and fd.typechar = f and fd.num >= 0 and (fd.name in (/etc/shadow, /dev/zero) or fd.directory in (/etc/pam.d))",
  "failed opens anywhere": "evt.type = openat and fd.num = -1",
  "writes, and reads below a long folder": `evt.type = openat and (evt.is_open_write = true or fd.name startswith ${LONG})`,
  "directories": "evt.type = openat and fd.typechar = d",
  "paths with two dots": "evt.type = openat and fd.nameraw contains ../",
  "nested beginnings": "evt.type = openat and ((evt.is_open_read = true and fd.name startswith /etc) or (evt.is_open_write = true and fd.name startswith /etc/pam))",
  "no open at all": "evt.type = execve",
};

test("the kernel keeps what the filter says, and counts it", { skip: whyNoBpf() ?? false }, async (t) => {
  const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
  t.after(() => probe.close());
  const seen: { tid: number; path: string; flags: number }[] = [];
  const event = new Event();
  probe.start((bytes, view, start, length) => {
    if (event.load(bytes, view, start, length, true) && event.code === OPENAT) seen.push({ tid: event.contextU32(CONTEXT.tid), path: event.text(2) ?? "", flags: (event.uint(3) ?? 0) & 0x403 });
  });
  probe.setEnabled(new Set(OPEN_CODES));
  const script = `const fs = require("fs"); const out = []; for (const p of ${JSON.stringify(PATHS)}) for (const f of ${JSON.stringify(FLAGS)}) { try { out.push(fs.openSync(p, f)) } catch (e) { out.push(e.errno) } } console.log(JSON.stringify(out))`;
  for (const [name, condition] of Object.entries(CONDITIONS)) {
    const filter = openFilterOf(openClausesOf(parseCondition(condition)));
    assert.ok(filter !== undefined);
    probe.setOpenFilter(filter);
    seen.length = 0;
    const child = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", cwd: "/" });
    const results = JSON.parse(child.stdout) as readonly number[];
    await sleep(100);
    const calls = PATHS.flatMap((path, index) => SCAP_FLAGS.map((flags, kind) => ({ path, flags, code: OPENAT, result: results[index * FLAGS.length + kind] ?? 0 })));
    const expected = calls.filter((call) => passesOpenFilter(filter, call)).map(({ path, flags }) => `${path} ${flags}`);
    const got = seen.filter(({ tid, path }) => tid === child.pid && PATHS.includes(path)).map(({ path, flags }) => `${path} ${flags}`);
    assert.deepEqual(got, expected, name);
  }
  const { seen: all, filtered, sent, byCode } = probe.counters();
  assert.ok(filtered > 100, `${filtered} of ${all}`);
  const of = byCode.get(OPENAT);
  assert.equal(of?.seen, (of?.filtered ?? 0) + (of?.sent ?? 0) + (of?.dropped ?? 0));
  assert.ok(sent < all);
  probe.setOpenFilter(undefined);
  const before = probe.counters().filtered;
  spawnSync("true");
  assert.equal(probe.counters().filtered, before, "without a filter all are sent");
});

test("the maps have the layout that TypeScript writes", () => {
  const { btf } = parseObject(readFileSync(join(import.meta.dirname, "../../probe/saker.x64.bpf.o")));
  const sizeOf = (name: string): number => btf.size(btf.find(name, BTF_KIND.struct) ?? 0);
  assert.equal(sizeOf("open_filter"), 4 * (2 + 256));
  assert.equal(sizeOf("path_prefix"), 4 + MAX_PREFIX_BYTES);
  assert.equal(sizeOf("outcomes"), 8 * OUTCOMES.length);
});

const OFFICIAL = join(import.meta.dirname, "../../../shared/falco-rules/falco_rules.yaml");

test("the official stable file leaves reads of no interest in the kernel", { skip: existsSync(OFFICIAL) ? false : "needs ../shared/falco-rules" }, () => {
  const { rules } = loadRules([{ name: OFFICIAL, text: readFileSync(OFFICIAL, "utf8") }], { fields: FIELDS });
  const { openFilter } = compileRuleSet(rules.filter(({ enabled }) => enabled), { matching: "first" });
  assert.ok(openFilter !== undefined);
  const passes = (path: string, flags: number): boolean => passesOpenFilter(openFilter, { code: OPENAT, flags, result: 3, path });
  assert.deepEqual([passes("/usr/lib/libc.so.6", 1), passes("/etc/ld.so.cache", 1), passes("/proc/self/stat", 1), passes("/etc", 0x401)], [false, false, false, false]);
  assert.deepEqual([passes("/etc/shadow", 1), passes("/etc/pam.d/su", 1), passes("/var/log/messages", 2), passes("relative", 1)], [true, true, true, true]);
});
