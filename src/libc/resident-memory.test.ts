import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { libc } from "./libc.ts";

const MODULE = JSON.stringify(new URL("resident-memory.ts", import.meta.url).href);
/** What counts here is a whole process's: so one of its own does it. */
const run = (text: string): unknown =>
  JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", text], { encoding: "utf8" }),
  );

const RESIDENT = `
  const { readFileSync } = await import("node:fs");
  const resident = (name) => Number(new RegExp(name + ":\\\\s+(\\\\d+)").exec(readFileSync("/proc/self/status", "utf8"))[1]);
`;

test("releaseProgramPages() unmaps what is not in use, and the program goes on", () => {
  const said = run(`
    const { releaseProgramPages } = await import(${MODULE});
    ${RESIDENT}
    const before = resident("RssFile");
    const bytes = releaseProgramPages();
    const after = resident("RssFile");
    // What was never called before, and what is compiled only now.
    const { gzipSync, gunzipSync } = await import("node:zlib");
    const { createHash } = await import("node:crypto");
    const text = gunzipSync(gzipSync("x".repeat(1000))).toString();
    const works = [3, 1, 2].toSorted().join() === "1,2,3" && new Function("a", "return a + 1")(1) === 2;
    console.log(JSON.stringify({
      before, after, bytes, works, length: text.length,
      date: new Intl.DateTimeFormat("de", { month: "long", timeZone: "UTC" }).format(0),
      hash: createHash("sha256").update("").digest("hex").slice(0, 8),
    }));
  `) as { before: number; after: number; bytes: number };
  const { before, after, bytes, ...rest } = said;
  assert.deepEqual(rest, { works: true, length: 1000, date: "Januar", hash: "e3b0c442" });
  assert.ok(after < before / 2, `${before} and ${after} kB`);
  assert.ok(bytes / 1024 > before - after, `${bytes} bytes`);
});

const skip = libc.malloc_trim === undefined ? "this C library has no malloc_trim" : false;
test("releaseFreeMemory() gives back what lies free between what is used", { skip }, () => {
  const said = run(`
    const { releaseFreeMemory } = await import(${MODULE});
    ${RESIDENT}
    // Pieces that malloc takes from its own memory, with one behind them that stays.
    let pieces = Array.from({ length: 2000 }, () => new Uint8Array(16_384).fill(1));
    const last = new Uint8Array(16_384).fill(1);
    const full = resident("RssAnon");
    pieces = undefined;
    (await import("node:v8")).setFlagsFromString("--expose-gc");
    (await import("node:vm")).runInNewContext("gc")();
    await new Promise((resolve) => setTimeout(resolve, 200));
    releaseFreeMemory();
    console.log(JSON.stringify({ full, after: resident("RssAnon"), last: last[0] }));
  `) as { full: number; after: number };
  assert.ok(said.full - said.after > 16_000, `${said.full} and ${said.after} kB`);
});

test("anonymousBytes() is what the kernel calls so", () => {
  const { bytes, kilobytes } = run(`
    const { anonymousBytes } = await import(${MODULE});
    ${RESIDENT}
    const large = new Uint8Array(64e6).fill(1);
    console.log(JSON.stringify({ bytes: anonymousBytes(), kilobytes: resident("RssAnon"), last: large.at(-1) }));
  `) as { bytes: number; kilobytes: number };
  assert.ok(bytes > 64e6 && Math.abs(bytes / 1024 - kilobytes) < 8192, `${bytes}, ${kilobytes} kB`);
});
