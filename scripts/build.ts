// Compiles what is published into dist/, and bundles the page, anew: a file that is not there any more does not stay.
// What belongs to it is what tsconfig.build.json names and all that is imported from there, so a
// test's program never gets in, wherever it lies.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const CHECKOUT = join(import.meta.dirname, "..");

const dist = join(CHECKOUT, "dist");
mkdirSync(dist, { recursive: true });
// The page is put in its place when it is whole: it may be served meanwhile.
for (const name of readdirSync(dist).filter((name) => name !== "ui"))
  rmSync(join(dist, name), { recursive: true });
const compiler = join(CHECKOUT, "node_modules/.bin/tsc");
const project = join(CHECKOUT, "tsconfig.build.json");
// npm has its own words on standard output (`npm pack --json`): nothing else may go there.
const STEPS = [[compiler, "-p", project], [join(CHECKOUT, "scripts/build-ui.ts")]];
for (const step of STEPS) {
  const { status } = spawnSync(process.execPath, step, { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
