// Compiles what is published into dist/, and bundles the program and the page, anew: a file that is not there any more does not stay.
// What belongs to it is what tsconfig.build.json names and all that is imported from there, so a
// test's program never gets in, wherever it lies.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { THREADS } from "../src/shipped/start-thread.ts";

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

// Finding and compiling some 400 modules one by one takes Node longer than running them, so those of
// the program and its threads are joined. They stay two folders deep: they find each other, and what is
// shipped, by that (src/shipped). What others wrote stays apart, with its licence.
await build({
  entryPoints: ["cli/main", ...THREADS].map((name) => join(dist, `${name}.js`)),
  outdir: dist,
  outbase: dist,
  chunkNames: "program/[name]-[hash]",
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node24",
  // Node keeps the text of what it has loaded: one byte a character where all are Latin-1's.
  minifyWhitespace: true,
  lineLimit: 120,
  logLevel: "warning",
});
