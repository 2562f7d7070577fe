// Packs Saker into one file: the Node that runs this, stripped, with the program, its threads, the
// probe, the rules and the page within it. `node scripts/pack-sea.ts [--arch x64|arm64] [FILE]`; default
// packed/saker, and packed/saker-ARCH where it is said. For another processor: the same version of Node.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build, type BuildOptions } from "esbuild";
import { THREADS } from "../src/shipped/start-thread.ts";
import { targetOf, tellPacked } from "./packing.ts";
import { isForeign, processorOf } from "./processors.ts";
import { addNote } from "./sea/add-note.ts";
import { partsFor } from "./sea/parts.ts";

const CHECKOUT = join(import.meta.dirname, "..");
const MAIN = "cli/main";
/** As bin/saker has them: a long-running watch should be small, and Kafka's client be silent. */
const NODE_OPTIONS = [
  "--max-semi-space-size=1",
  "--expose-gc",
  "--disable-warning=TimeoutNegativeWarning",
];

const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { arch: { type: "string" } },
});
const processor = processorOf(values.arch);
const name = values.arch === undefined ? "saker" : `saker-${processor.name}`;
const target = targetOf(positionals, join(CHECKOUT, "packed", name));
const parts = partsFor(processor);
const folder = mkdtempSync(join(tmpdir(), "saker-pack-"));
try {
  await bundle([MAIN, ...THREADS]);
  // The compiler's work is for the processor that it is done on.
  if (!isForeign(processor)) for (const name of [MAIN, ...THREADS]) compile(name);
  await pack(resolve(target));
  tellPacked(target, processor);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Each script whole, in ASCII, as a function of `require`: `runEmbedded` runs it. */
async function bundle(names: readonly string[]): Promise<void> {
  const common = {
    bundle: true,
    platform: "node",
    format: "cjs",
    target: `node${process.versions.node}`,
    charset: "ascii",
    legalComments: "none",
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: "warning",
    define: { "import.meta.url": '"file:///saker/program.js"' },
    alias: { koffi: join(CHECKOUT, "scripts/sea/koffi.ts") },
    // Of `pg`, for other machines than ours.
    external: ["pg-native", "pg-cloudflare"],
  } satisfies BuildOptions;
  await build({
    ...common,
    entryPoints: Object.fromEntries(names.map((name) => [name, join(CHECKOUT, `src/${name}.ts`)])),
    outdir: folder,
    banner: { js: "(function (require) { const module = { exports: {} };" },
    footer: { js: "})" },
  });
  const entryPoints = { boot: join(CHECKOUT, "scripts/sea/boot.ts") };
  await build({ ...common, entryPoints, outdir: folder });
}

/**
 * The compiler's work on a script, without running it: the same bytes each time. What a run would
 * have compiled besides brings no more (tried), and differs from time to time.
 */
function compile(name: string): void {
  const filename = `saker/${name}.js`;
  const script = `const { readFileSync, writeFileSync } = require("node:fs");
    const source = readFileSync(process.argv[1], "latin1");
    const script = new (require("node:vm").Script)(source, { filename: ${JSON.stringify(filename)} });
    writeFileSync(process.argv[2], script.createCachedData());`;
  // Taken only by the same compiler with the same options, but for the one that makes it predictable.
  const options = [...NODE_OPTIONS, "--predictable"];
  run(process.execPath, ...options, "-e", script, `${name}.js`, `${name}.cache`);
}

async function pack(path: string): Promise<void> {
  const config = {
    // Its path stands in the program: nothing that differs from time to time.
    main: "boot.js",
    output: "saker.blob",
    disableExperimentalSEAWarning: true,
    execArgv: NODE_OPTIONS,
    // Whoever may set NODE_OPTIONS must not decide what a monitor runs.
    execArgvExtension: "none",
    assets: assets(),
  };
  writeFileSync(join(folder, "sea.json"), JSON.stringify(config));
  run(process.execPath, "--experimental-sea-config", "sea.json");
  const node = join(folder, "node");
  copyFileSync(parts.node, node);
  run(isForeign(processor) ? `${processor.triplet}-strip` : "strip", node);
  const bytes = readFileSync(join(folder, "saker.blob"));
  const program = addNote(readFileSync(node), { name: "NODE_SEA_BLOB", bytes });
  setFuse(program);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, program, { mode: 0o755 });
  renameSync(`${path}.new`, path);
}

/** Tells Node that something was put into it: a digit behind a text of its own. */
function setFuse(program: Uint8Array): void {
  const bytes = Buffer.from(program.buffer);
  const at = bytes.indexOf(`${FUSE}:0`);
  if (at < 0) throw new Error("Cannot pack: this Node takes no program into it");
  bytes.write("1", at + FUSE.length + 1);
}

/** By the names under which `src/shipped` finds them. */
function assets(): Readonly<Record<string, string>> {
  const shipped = globSync(
    [
      "package.json",
      "LICENSE",
      "rules/**/*.yaml",
      `probe/*.${processor.name}.bpf.o`,
      "dist/ui/**/*.*",
    ],
    { cwd: CHECKOUT },
  ).toSorted();
  const scripts = globSync(["*/*.js", "*/*.cache"], { cwd: folder }).toSorted();
  return {
    ...Object.fromEntries(shipped.map((name) => [name, join(CHECKOUT, name)])),
    ...Object.fromEntries(scripts.map((name) => [name, join(folder, name)])),
    "koffi.node": parts.koffi,
  };
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}
