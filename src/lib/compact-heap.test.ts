import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

const MODULE = JSON.stringify(new URL("compact-heap.ts", import.meta.url).href);
/** What counts is a whole process's: so one of its own does it. */
const run = (options: readonly string[], text: string): unknown =>
  JSON.parse(
    execFileSync(process.execPath, [...options, "--input-type=module", "-e", text], {
      encoding: "utf8",
    }),
  );

test("compactHeap() gives back what a burst has left", () => {
  const { full, after, kept } = run(
    ["--expose-gc"],
    `const { compactHeap } = await import(${MODULE});
     let burst = Array.from({ length: 300_000 }, (_, index) => ({ index, text: "text " + index }));
     const kept = burst.filter(({ index }) => index % 1000 === 0);
     const full = process.memoryUsage.rss();
     burst = undefined;
     compactHeap();
     console.log(JSON.stringify({ full, after: process.memoryUsage.rss(), kept: kept.length }));`,
  ) as { full: number; after: number; kept: number };
  assert.equal(kept, 300);
  assert.ok(full - after > 10e6, `${full} and ${after} bytes`);
});

test("compactHeap() does nothing where Node has no door to it", () => {
  const said = run(
    [],
    `const { compactHeap } = await import(${MODULE});
     compactHeap();
     console.log(JSON.stringify(typeof globalThis.gc));`,
  );
  assert.equal(said, "undefined");
});
