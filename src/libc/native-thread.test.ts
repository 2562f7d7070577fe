import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";

// Node ends its threads with it; in the middle of loading koffi that was the end by SIGABRT.
test("a process and a thread of it may end while the thread loads koffi", async () => {
  const ways = ["process.exit(0)", "thread.end()"];
  for (const way of ways) for (let ms = 0; ms < 3; ms += 0.5) await endWhileLoading(way, ms);
});

async function endWhileLoading(way: string, ms: number): Promise<void> {
  const module = JSON.stringify(import.meta.resolve("./native-thread.ts"));
  const loader = JSON.stringify(new URL("./_slow-loader.ts", import.meta.url));
  const source = `import(${module}).then(({ startNativeThread }) => {
    const thread = startNativeThread(new URL(${loader}));
    thread.worker.once("message", () => {
      const end = performance.now() + ${ms};
      while (performance.now() < end);
      ${way}
    });
  })`;
  const args = ["--no-warnings", "-e", source];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const [said, [code, signal]] = await Promise.all([text(child.stderr), once(child, "close")]);
  assert.deepEqual([code, signal, said], [0, null, ""], `${way} after ${ms} ms`);
}
