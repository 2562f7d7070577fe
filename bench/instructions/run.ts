// How many instructions a system call costs, without a probe and with ours: Debian's kernel under qemu
// with one processor whose clock counts instructions, so the figures are exact, whatever else this
// machine does. `sh scripts/node24 bench/instructions/run.ts [KERNEL] [--objects DIR]… [--rules FILE]… [--peer DIR]`:
// KERNEL of test/kernels/kernels.ts (x64), DIR with other objects to stand beside those of probe/
// under its name (`probe/build DIR`, maps laid out as here), rules by default Falco's stable ones of ../shared, else the
// shipped ones; a peer is another watcher, a folder with a program `start` (bench/README.md). Needs a C compiler with its
// static library, and what test/kernels needs.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { serialize } from "node:v8";
import { baseRules, readRuleFiles } from "../../src/config/rule-files.ts";
import type { CallFilter } from "../../src/events/call-filter.ts";
import { FIELDS } from "../../src/fields/registry.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import { compileRuleSet } from "../../src/rules/rule-set.ts";
import { DEFAULT_BASE_SYSCALLS, wantedCalls } from "../../src/rules/selected-calls.ts";
import { PROCESS_EVENT_CODES } from "../../src/state/process-changes.ts";
import { boot, type Boot } from "../../test/kernels/boot.ts";
import { buildImage } from "../../test/kernels/image.ts";
import { KERNELS } from "../../test/kernels/kernels.ts";

/** What the probe is asked for, as a watch with these rules would. */
export interface Asked {
  readonly codes: ReadonlySet<number>;
  readonly genericCalls: ReadonlySet<number>;
  readonly environment: boolean;
  readonly callFilter: CallFilter | undefined;
}

const HERE = import.meta.dirname;
const CHECKOUT = join(HERE, "../..");
const CACHE = join(CHECKOUT, ".tools/kernels");
const STABLE = join(CHECKOUT, "../shared/falco-rules/falco_rules.yaml");
/** A machine that counts is ten times slower than one that does not. */
const LIMIT_SECONDS = 900;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    objects: { type: "string", multiple: true },
    rules: { type: "string", multiple: true },
    peer: { type: "string" },
  },
});
/** Folders of objects, by what they are called. */
const builds = new Map([
  ...(values.objects ?? []).map((from) => [basename(from), from] as const),
  ["now", join(CHECKOUT, "probe")] as const,
]);
const PEER = "peer";
if (values.peer !== undefined && !existsSync(join(values.peer, "start")))
  throw new Error(`"${values.peer}" has no program "start"`);
if (builds.has(PEER)) throw new Error(`Objects cannot be called "${PEER}"`);
const name = positionals[0] ?? "debian-12-x64";
const kernel = KERNELS.find((one) => one.name === name && one.machine === "x64");
if (kernel === undefined) throw new Error(`There is no kernel "${name}" of x64`);
const image = buildImage(kernel, CACHE, add);
const { scenes, tail } = await boot({ ...kernel, commandLine: "mitigations=off" }, image, {
  main: "bench/instructions/guest.ts",
  countsInstructions: true,
  scenes: [],
  seconds: LIMIT_SECONDS,
  log: join(CACHE, kernel.name, "instructions.log"),
});
if (scenes.get("guest")?.code !== "0") throw new Error(`It did not come to its end:\n${tail}`);
print(scenes);

/** The program that calls, what the probe is asked for, and the objects. */
function add(root: string): void {
  const to = join(root, "saker/bench/instructions");
  mkdirSync(to, { recursive: true });
  for (const file of ["guest.ts", "peer.ts", "run.ts"]) cpSync(join(HERE, file), join(to, file));
  const compiler = process.env["CC"] ?? "cc";
  execFileSync(compiler, ["-O2", "-static", "-o", join(to, "calls"), join(HERE, "calls.c")]);
  writeFileSync(join(to, "asked"), serialize(asked()));
  for (const [label, from] of builds)
    for (const object of globSync(join(from, "*.x64.bpf.o")))
      cpSync(object, join(to, "builds", label, basename(object)));
  if (values.peer !== undefined) cpSync(values.peer, join(to, PEER), { recursive: true });
}

function asked(): Asked {
  const files = readRuleFiles(values.rules ?? (existsSync(STABLE) ? [STABLE] : []));
  const rules = compileRuleSet(loadRules(files, { fields: FIELDS, base: baseRules() }).rules, {
    matching: "first",
  });
  const { codes, genericCalls } = wantedCalls(rules, DEFAULT_BASE_SYSCALLS);
  return {
    codes: new Set([...codes, ...PROCESS_EVENT_CODES]),
    genericCalls,
    environment: rules.needsEnvironment,
    callFilter: rules.callFilter,
  };
}

/** A table: instructions of each call, what is added to them, and how ours stands to the peer's. */
function print(said: Boot["scenes"]): void {
  const states = ["nothing", ...builds.keys(), PEER].filter(
    (state) => (said.get(state)?.out.length ?? 0) > 0,
  );
  console.log(`${said.get("guest")?.out[0]}, ${image.release}`);
  for (const state of states)
    for (const line of said.get(state)?.err ?? []) console.log(state, line);
  for (const line of said.get("guest")?.err ?? []) console.log(line);
  const added = states.slice(1);
  const isCompared = added.includes("now") && added.includes(PEER);
  const titles = added.map((state) => (state === PEER ? "peer added" : `added ${state}`));
  printRow(["call", ...states, ...titles, ...(isCompared ? ["now : peer"] : [])]);
  console.log(`|---|${"---|".repeat(states.length + titles.length + Number(isCompared))}`);
  for (const [call, counts] of figuresOf(said, states)) {
    const all = states.map((state) => counts.get(state) ?? Number.NaN);
    const more = new Map(
      added.map((state) => [state, (counts.get(state) ?? Number.NaN) - (all[0] ?? Number.NaN)]),
    );
    const ratio = isCompared ? [ratioOf(more.get("now"), more.get(PEER))] : [];
    printRow([call, ...all, ...more.values(), ...ratio]);
  }
}

/** By call and who makes it: instructions by state. */
function figuresOf(said: Boot["scenes"], states: readonly string[]) {
  const figures = new Map<string, Map<string, number>>();
  for (const state of states)
    for (const line of said.get(state)?.out ?? []) {
      const [who = "", call = "", count = ""] = line.split("\t");
      const title = who === "host" ? call : `${call} (${who})`;
      figures.set(title, (figures.get(title) ?? new Map()).set(state, Number(count)));
    }
  return figures;
}

/** Of what adds nothing there is none. */
function ratioOf(ours = Number.NaN, theirs = Number.NaN): string {
  return ours >= 0 && theirs > 0 ? (ours / theirs).toFixed(2) : "–";
}

function printRow(cells: readonly (string | number)[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}
