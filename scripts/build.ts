// Compiles what is published into dist/, and bundles the program and the page, anew: a file that is not there any more does not stay.
// What belongs to it is what tsconfig.build.json names and all that is imported from there, so a
// test's program never gets in, wherever it lies.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { licencesText, packageLicence } from "./licences.ts";
import { THREADS } from "../src/shipped/start-thread.ts";

const CHECKOUT = join(import.meta.dirname, "..");
/** Packages of hundreds of modules, which are joined with what uses them; their licences go along. */
const JOINED = ["kysely", "zod"];
const { dependencies } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};
const EXTERNAL = Object.keys(dependencies).filter((name) => !JOINED.includes(name));

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
// a program or thread are joined: into one file, and one for each set of what is loaded later. The more
// there is that is loaded later, the smaller are the sets: so each thread has files of its own, and
// the watch, which is to be there soon, is joined without the other commands. They stay two folders
// deep: they find each other, and what is shipped, by that (src/shipped). What others wrote stays
// apart, but for JOINED.
for (const thread of THREADS) await joined(thread, thread);
await joined("cli/main", "watch/main", [withoutOtherCommands()]);
// Last, since it takes the place of what it was made from.
await joined("cli/main", "cli/main");
writeFileSync(join(dist, "program/LICENCES"), licencesText(JOINED.map(packageLicence)));

async function joined(from: string, to: string, plugins: Plugin[] = []): Promise<void> {
  await build({
    entryPoints: { [to]: join(dist, `${from}.js`) },
    outdir: dist,
    chunkNames: "program/[name]-[hash]",
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    external: EXTERNAL,
    platform: "node",
    format: "esm",
    target: "node24",
    // Node keeps the text of what it has loaded: one byte a character where all are Latin-1's.
    minifyWhitespace: true,
    lineLimit: 120,
    logLevel: "warning",
    plugins,
  });
}

/** Leaves out what the command line loads for another command than `watch`. */
function withoutOtherCommands(): Plugin {
  return {
    name: "without-other-commands",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ kind, importer, path }) => {
        const isCommand = /\/cli\/(?:main|program|[a-z-]+-commands?)\.js$/.test(importer);
        if (kind !== "dynamic-import" || !isCommand || path === "./confined-watch.js") return {};
        // From one folder of dist to another, the path is the same from all.
        return { path: join("../cli", path), external: true };
      });
    },
  };
}
