import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { drained } from "../../test/fixtures/drained.ts";
import { probeMissing } from "../../test/fixtures/acting-process.ts";
import { Event } from "../events/event.ts";
import { CONTEXT, RECORD_FLAGS } from "../events/record.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { openProbe } from "./probe.ts";

/**
 * A 32-bit program without a library: opens, listens by the old socketcall() and fails to make a
 * directory.
 */
const PROGRAM = `
static int call(int number, int a, const void *b, int c) { int result; __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory"); return result; }
static char address[16] = { 2, 0, 0, 0, 127, 0, 0, 1 };
void _start(void) {
  call(295, -100, "/etc/hostname", 0);
  unsigned int make[3] = { 2, 1, 0 };
  int fd = call(102, 1, make, 0);
  unsigned int name[3] = { fd, (unsigned int)address, 16 };
  call(102, 2, name, 0);
  unsigned int queue[2] = { fd, 5 };
  call(102, 4, queue, 0);
  call(39, (int)"/nonexistent/made", (void *)0700, 0);
  call(1, 0, 0, 0);
}`;

test("system calls of 32-bit programs are seen as such", async (t) => {
  const reason = probeMissing() ?? (process.arch === "x64" ? undefined : "needs x86-64");
  if (reason !== undefined) return t.skip(reason);
  const folder = mkdtempSync(join(tmpdir(), "saker-compat-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "program.c"), PROGRAM);
  const compiled = spawnSync(
    "clang",
    [
      "-m32",
      "-O1",
      "-nostdlib",
      "-static",
      "-fno-pic",
      "-no-pie",
      "-ffreestanding",
      "program.c",
      "-o",
      "program",
    ],
    { cwd: folder, encoding: "utf8" },
  );
  if (compiled.status !== 0) return t.skip("needs clang and a linker for 32-bit programs");
  const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid });
  t.after(() => probe.close());
  const seen: { pid: number; text: string; isCompat: boolean }[] = [];
  const event = new Event();
  let records = 0;
  probe.start((bytes, view, start, length) => {
    records += 1;
    if (!event.load(bytes, view, start, length, true) || event.isNotice) return;
    const what = event.type?.name ?? "";
    const params =
      what === "openat"
        ? event.text(2)
        : what === "mkdir"
          ? `${event.int(0)} ${event.text(1)} ${event.uint(2)?.toString(8)}`
          : what === "listen"
            ? event.uint(2)
            : "";
    seen.push({
      pid: event.contextU32(CONTEXT.pid),
      text: `${what} ${params}`.trim(),
      isCompat: (event.contextU32(CONTEXT.flags) & RECORD_FLAGS.COMPAT) !== 0,
    });
  });
  probe.setEnabled(
    new Set(
      EVENT_TYPES.filter((type) =>
        ["openat", "socket", "bind", "listen", "mkdir"].includes(type?.name ?? ""),
      ).flatMap((type) => type?.code ?? []),
    ),
  );
  const child = spawnSync(join(folder, "program"), { cwd: folder });
  if (child.status !== 0) return t.skip("needs a kernel that runs 32-bit programs");
  await drained(probe, () => records);
  const own = seen.filter(({ pid }) => pid === child.pid);
  assert.deepEqual(
    own.map(({ text }) => text),
    ["openat /etc/hostname", "socket", "bind", "listen 5", "mkdir -2 /nonexistent/made 700"],
  );
  assert.ok(own.every(({ isCompat }) => isCompat));
});
