// Runs all tests, or those named; ends with the runner's own closing lines and one that counts: "N
// passed, N failed, N skipped".
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { PATIENCE } from "../test/fixtures/patience.ts";

const named = process.argv.slice(2);
const files = named.length > 0 ? named : globSync("{src,test,scripts,ui}/**/*.test.ts").toSorted();
// The end-to-end tests load the machine; two files at once keep timing-free tests quick without
// starving them.
const limitMs = 600_000 * PATIENCE;
const result = spawnSync(
  process.execPath,
  [
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${limitMs}`,
    // What a failed test left open must not keep the run from its end.
    "--test-force-exit",
    "--test-reporter=spec",
    ...files,
  ],
  { stdio: "inherit" },
);
process.exitCode = result.status ?? 1;
