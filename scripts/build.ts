// Compiles what is published into dist/, anew: a file that is not there any more does not stay.
// What belongs to it is what tsconfig.build.json names and all that is imported from there, so a
// test's program never gets in, wherever it lies.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

const CHECKOUT = join(import.meta.dirname, "..");

rmSync(join(CHECKOUT, "dist"), { recursive: true, force: true });
const compiler = join(CHECKOUT, "node_modules/.bin/tsc");
const project = join(CHECKOUT, "tsconfig.build.json");
// npm has its own words on standard output (`npm pack --json`): nothing else may go there.
const { status } = spawnSync(process.execPath, [compiler, "-p", project], {
  stdio: ["ignore", 2, 2],
});
process.exitCode = status ?? 1;
