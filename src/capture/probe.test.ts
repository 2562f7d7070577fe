import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { compileBare, inTemporaryFolder, whyNoClang } from "../../test/fixtures/clang.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { drained } from "../../test/fixtures/drained.ts";
import { until } from "../../test/fixtures/until.ts";
import { BTF_KIND, type Btf } from "../bpf/btf.ts";
import { parseObject } from "../bpf/parse-object.ts";
import { CONTEXT, DESCRIPTOR, FIRST_NOTICE, SCAP_HEADER } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { epochOffsetNs } from "./_epoch-offset.ts";
import { SETTINGS } from "./_probe-layout.ts";
import { LOSS_REASONS } from "./losses.ts";
import { openProbe } from "./probe.ts";
import { COUNTERS } from "./probe-counters.ts";

/** What nobody else does: an event of another process may be in the ring and not yet be counted. */
const LCHOWN = new Set(["lchown", "fchownat"].map((name) => eventType(name).code));
const CHOWNS_MUCH = `
  const { lchownSync } = require("node:fs");
  for (let i = 0; i < 2000; i += 1) try { lchownSync("/none/" + i, 0, 0); } catch {}
`;

const DIRECTORY = join(import.meta.dirname, "../../probe");
const OBJECTS = [
  "saker.x64.bpf.o",
  "saker.arm64.bpf.o",
  "saker-rawtp.x64.bpf.o",
  "saker-rawtp.arm64.bpf.o",
  "saker-classic.x64.bpf.o",
  "saker-classic.arm64.bpf.o",
];
const EXECVE = 293;
const missing = OBJECTS.every((name) => existsSync(join(DIRECTORY, name)))
  ? false
  : "the probe is not built";

describe("the probe's objects", { skip: missing }, () => {
  for (const name of OBJECTS) {
    test(`${name} has the layout that TypeScript reads`, () => {
      const { btf } = parseObject(readFileSync(join(DIRECTORY, name)));
      const { size, epochOffset, codes, ...settings } = SETTINGS;
      assert.deepEqual(layoutOf(btf, "settings"), {
        members: { ...settings, epochOffsetNs: epochOffset },
        size,
      });
      assert.equal(settings.hosts - settings.enabled, codes);
      const counters = Object.fromEntries(
        COUNTERS.map((counter, index) => [camelCase(counter), index * 8]),
      );
      assert.deepEqual(layoutOf(btf, "counters"), { members: counters, size: COUNTERS.length * 8 });
    });
  }

  test("record.h has the layout that TypeScript reads", { skip: whyNoClang() ?? false }, () => {
    const { btf } = parseObject(
      compileBare('#include "record.h"\nstruct context keep1; struct descriptor keep2;', DIRECTORY),
    );
    const { end, ...context } = CONTEXT;
    assert.deepEqual(layoutOf(btf, "context"), { members: context, size: end });
    const { end: descriptorEnd, ...descriptor } = DESCRIPTOR;
    assert.deepEqual(layoutOf(btf, "descriptor"), { members: descriptor, size: descriptorEnd });
  });

  test("both variants hang on the same tracepoints", () => {
    const tracepoints = (name: string): string[] =>
      parseObject(readFileSync(join(DIRECTORY, name))).programs.map(
        ({ name: program, attach }) => `${program} ${attach.tracepoint}`,
      );
    assert.deepEqual(tracepoints("saker.x64.bpf.o"), tracepoints("saker-rawtp.x64.bpf.o"));
  });
});

describe("openProbe", { skip: missing || whyNoBpf() }, () => {
  test("openProbe sends enabled events of other processes, and counts them", async (t) => {
    const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
    t.after(() => probe.close());
    assert.equal(probe.variant, "tp_btf");
    const executed: { tid: number; comm: string; timestamp: number }[] = [];
    let [records, received] = [0, 0];
    probe.start((bytes, view, start) => {
      received += 1;
      const code = view.getUint16(start + CONTEXT.end + SCAP_HEADER.type, true);
      if (code >= FIRST_NOTICE) return;
      records += 1;
      const comm = Buffer.from(bytes.subarray(start + CONTEXT.comm, start + CONTEXT.comm + 16))
        .toString()
        .replace(/\0.*/s, "");
      const timestamp =
        Number(view.getBigUint64(start + CONTEXT.end + SCAP_HEADER.timestamp, true)) / 1e6;
      if (code === EXECVE)
        executed.push({ tid: view.getUint32(start + CONTEXT.tid, true), comm, timestamp });
    });
    spawnSync("true");
    assert.equal(probe.counters().sent, 0, "nothing is enabled yet");
    probe.setEnabled(new Set([EXECVE]));
    const { pid } = spawnSync("true");
    await drained(probe, () => received);
    // The last, because a search of PATH fails a few times first.
    const mine = executed.findLast(({ tid }) => tid === pid);
    assert.equal(mine?.comm, "true");
    assert.ok(
      Math.abs((mine?.timestamp ?? 0) - Date.now()) < 5000,
      `the event's time is the time of day: ${mine?.timestamp}`,
    );
    const { cut } = probe.counters();
    spawnSync("/bin/true", ["x".repeat(9000)]);
    await drained(probe, () => received);
    assert.ok(probe.counters().cut.text > cut.text, "a text beyond its limit is counted");
    probe.setEnabled(new Set());
    const later = spawnSync("true");
    await drained(probe, () => received);
    assert.equal(
      executed.find(({ tid }) => tid === later.pid),
      undefined,
    );
    const counters = probe.counters();
    await until("all that was sent", () => records === counters.sent);
    assert.ok(counters.seen >= counters.sent);
    assert.deepEqual(Object.keys(counters.dropped), [...LOSS_REASONS, "byCpu", "byCgroup"]);
    probe.close();
    probe.close();
    assert.equal(probe.counters().sent, records, "numbers outlive the probe");
  });

  for (const { how, stallMs } of [
    { how: "is handed over", stallMs: 0 },
    { how: "is counted where it takes too long", stallMs: 10 },
  ])
    test(`close: what came before it and was not read ${how}`, () => {
      const probe = openProbe({ ringBytes: 1 << 22, ownPid: process.pid });
      let received = 0;
      probe.setEnabled(LCHOWN);
      probe.start(() => {
        received += 1;
        const end = performance.now() + stallMs;
        while (performance.now() < end);
      });
      // This thread does not run meanwhile.
      spawnSync(process.execPath, ["-e", CHOWNS_MUCH]);
      probe.close();
      const { sent, notices, dropped } = probe.counters();
      assert.ok(sent >= 2000, `${sent} sent`);
      assert.equal(received + dropped.unread, sent + notices);
      assert.equal(dropped.unread > 0, stallMs > 0);
    });

  test("close: from within a record what was taken is handed over, and the rest counted", async () => {
    const probe = openProbe({ ringBytes: 1 << 22, ownPid: process.pid });
    let received = 0;
    probe.setEnabled(LCHOWN);
    probe.start(() => {
      received += 1;
      probe.close();
    });
    for (let turn = 0; turn < 3; turn += 1) spawnSync(process.execPath, ["-e", CHOWNS_MUCH]);
    await until("records", () => received > 1000);
    const { sent, notices, dropped } = probe.counters();
    assert.ok(sent >= 6000, `${sent} sent`);
    assert.equal(received + dropped.unread, sent + notices);
  });

  test("openProbe: a clock that is set after the start is the clock of the events that follow", async (t) => {
    let set = 0n;
    const probe = openProbe({
      ringBytes: 1 << 20,
      ownPid: process.pid,
      epochOffset: () => epochOffsetNs() + set,
    });
    t.after(() => probe.close());
    const hours = new Map<number, number>();
    probe.start((_, view, start) => {
      const at = view.getBigUint64(start + CONTEXT.end + SCAP_HEADER.timestamp, true);
      const hour = Math.round((Number(at / 1_000_000n) - Date.now()) / 3_600_000);
      hours.set(hour, (hours.get(hour) ?? 0) + 1);
    });
    probe.setEnabled(new Set([EXECVE]));
    for (const hour of [0, 3, -2]) {
      set = BigInt(hour) * 3_600_000_000_000n;
      await until(`events of hour ${hour}`, () => {
        spawnSync("true");
        return hours.has(hour);
      });
    }
    // The settings that are loaded later keep it.
    probe.setEnabled(new Set([EXECVE]));
    hours.clear();
    await until("an event", () => {
      spawnSync("true");
      return hours.size > 0;
    });
    assert.deepEqual([...hours.keys()], [-2]);
  });

  test("openProbe falls back to raw_tp where tp_btf does not load", () => {
    inTemporaryFolder((folder) => {
      const typed = readFileSync(join(DIRECTORY, `saker.${process.arch}.bpf.o`));
      // A licence that the tracing helpers do not accept: the verifier refuses the first object.
      const at = typed.indexOf("GPL\0");
      typed.write("BSD", at);
      writeFileSync(join(folder, `saker.${process.arch}.bpf.o`), typed);
      writeFileSync(
        join(folder, `saker-rawtp.${process.arch}.bpf.o`),
        readFileSync(join(DIRECTORY, `saker-rawtp.${process.arch}.bpf.o`)),
      );
      const probe = openProbe({ objectDirectory: folder, ringBytes: 1 << 20, ownPid: process.pid });
      assert.equal(probe.variant, "raw_tp");
      probe.close();
    });
  });

  test("openProbe loads while signals come without a pause", (t) => {
    const onSignal = (): void => {};
    process.on("SIGWINCH", onSignal);
    // Not more than the pipe holds in which Node notes signals: what does not fit is lost, SIGCHLD too.
    const sending = `for (1 .. 3000) { kill WINCH => ${process.pid}; select undef, undef, undef, 0.002 }`;
    const sender = spawn("/usr/bin/perl", ["-e", sending]);
    t.after(() => {
      sender.kill("SIGKILL");
      process.off("SIGWINCH", onSignal);
    });
    openProbe({ ringBytes: 1 << 20, ownPid: process.pid }).close();
  });

  test("openProbe says that its file is missing", () => {
    assert.throws(() => openProbe({ objectDirectory: "/nonexistent", ownPid: 1 }), {
      code: "INPUT_NO_PROBE",
      message: `Cannot read probe "/nonexistent/saker.${process.arch}.bpf.o": there is no such file`,
      hint: "install the package again; in a checkout run probe/build",
    });
  });

  test("openProbe says which privilege is missing", (t) => {
    if (process.getuid?.() !== 0) return t.skip("needs root, to become somebody else");
    const script = `import("${join(import.meta.dirname, "probe.ts")}").then(({ openProbe }) => openProbe({ ownPid: 1 })).catch((e) => console.log(JSON.stringify([e.code, e.message, e.hint])))`;
    const child = spawnSync(process.execPath, ["-e", script], {
      uid: 65534,
      gid: 65534,
      cwd: "/",
      encoding: "utf8",
    });
    if (child.stdout === "") return t.skip("needs a checkout that any user can read");
    const [code, message, hint]: readonly string[] = JSON.parse(child.stdout);
    assert.equal(code, "KERNEL_EPERM");
    assert.match(message ?? "", /^Cannot create BPF map "\w+": EPERM$/);
    assert.match(hint ?? "", /^run as root, or with the capabilities CAP_BPF/);
  });
});

for (const ringBytes of [0, 4096, 100_000, 1 << 31, Number.NaN]) {
  test(`openProbe refuses a ring of ${ringBytes} bytes`, () => {
    assert.throws(() => openProbe({ ringBytes, ownPid: 1 }), { code: "CONFIG_RING_SIZE" });
  });
}

/** Offsets of a struct's members in bytes, names as TypeScript writes them. */
function layoutOf(btf: Btf, name: string): { members: Record<string, number>; size: number } {
  const id = btf.find(name, BTF_KIND.struct);
  assert.ok(id !== undefined, `struct ${name}`);
  const members: Record<string, number> = {};
  for (let index = 0; index < btf.length(id); index += 1) {
    const member = btf.member(id, index);
    members[camelCase(member.name)] = member.bitOffset / 8;
  }
  return { members, size: btf.size(id) };
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
