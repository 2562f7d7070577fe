// What rules cost: loading the three official files, evaluating a mix of events, and expressions
// that are made to hurt. Needs ../shared.
//   sh scripts/node24 --expose-gc bench/rules.ts
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { container, scene } from "../test/fixtures/scenes.ts";
import { openProbe } from "../src/capture/probe.ts";
import { Event } from "../src/events/event.ts";
import { EXEC_FLAGS, OPEN_FLAGS } from "../src/events/flag-names.ts";
import { FIELDS } from "../src/fields/registry.ts";
import { addressBytes } from "../src/lib/ip-bytes.ts";
import { compileCondition } from "../src/rules/compile-condition.ts";
import { loadRules } from "../src/rules/load-rules.ts";
import { parseCondition } from "../src/rules/parse-condition.ts";
import { compileRegex } from "../src/rules/regex.ts";
import { compileRuleSet, type RuleSet } from "../src/rules/rule-set.ts";
import { parseAccounts } from "../src/state/accounts.ts";
import { CurrentScene } from "../src/state/current-scene.ts";
import { PROCESS_EVENT_CODES } from "../src/state/process-changes.ts";
import { ProcessTable } from "../src/state/process-table.ts";
import type { Accounts, Scene } from "../src/state/scene.ts";

const OFFICIAL = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
const files = OFFICIAL.map((name) => ({
  name,
  text: readFileSync(new URL(`../../shared/falco-rules/${name}`, import.meta.url), "utf8"),
}));

if (process.argv[2] === "load") {
  // A process of its own: the first load of a start, nothing warm.
  const start = performance.now();
  const { rules } = loadRules(files, { fields: FIELDS });
  console.log(JSON.stringify({ ms: performance.now() - start, rules: rules.length }));
  process.exit();
}

loading();
evaluating();
await replaying();
expressions();

function loading(): void {
  const cold = Array.from(
    { length: 5 },
    () =>
      (
        JSON.parse(
          execFileSync(process.execPath, [fileURLToPath(import.meta.url), "load"], {
            encoding: "utf8",
          }),
        ) as { ms: number }
      ).ms,
  );
  const warm = Array.from({ length: 10 }, () => timed(() => loadRules(files, { fields: FIELDS })));
  row("load the three official files, first in a process", `${median(cold).toFixed(0)} ms`);
  row("the same again in that process", `${median(warm).toFixed(0)} ms`);
}

function evaluating(): void {
  const events = mix();
  const sets: readonly (readonly [string, RuleSet])[] = [
    [
      "shipped rules",
      setOf([
        {
          name: "saker_rules.yaml",
          text: readFileSync(new URL("../rules/saker_rules.yaml", import.meta.url), "utf8"),
        },
      ]),
    ],
    ["stable file", setOf(files.slice(0, 1))],
    ["all three files", setOf(files)],
  ];
  for (const [name, set] of sets) {
    // Correct first: each set finds what is meant to be found.
    const matches = events.filter((shown) =>
      set.forEvent(shown.event.code).some((rule) => rule.condition(shown)),
    ).length;
    if (matches === 0) throw new Error(`${name}: no event of the mix matches`);
    const perEvent =
      events.reduce((sum, shown) => sum + set.forEvent(shown.event.code).length, 0) / events.length;
    for (let round = 0; round < 20; round += 1) evaluate(set, events);
    const times = Array.from({ length: 7 }, () =>
      timed(() => repeat(50, () => evaluate(set, events))),
    );
    const seconds = median(times) / 1000;
    const count = 50 * events.length;
    row(
      `${name}: events evaluated per second`,
      `${million(count / seconds)} (${perEvent.toFixed(1)} rules an event, ${matches} of ${events.length} events match)`,
    );
    row(`${name}: rules evaluated per second`, million((count * perEvent) / seconds));
    row(`${name}: bytes allocated per event`, allocated(set, events));
  }
}

/**
 * Records of this host under load, then state and rules over them as fast as they go: what a
 * capture costs without reading the file.
 */
async function replaying(): Promise<void> {
  if (process.getuid?.() !== 0) {
    row("recorded events", "needs root");
    return;
  }
  const sets: readonly (readonly [string, RuleSet])[] = [
    ["no rule", compileRuleSet([], { matching: "all" })],
    ["stable file", setOf(files.slice(0, 1))],
    ["all three files", setOf(files)],
  ];
  const codes = new Set([
    ...sets.flatMap(([, set]) => [...set.eventCodes]),
    ...PROCESS_EVENT_CODES,
  ]);
  const records = await recordLoad(codes);
  const nobody = parseAccounts("root:x:0:0::/root:/bin/bash\n", "root:x:0:\n");
  for (const [name, set] of sets) {
    const rounds = Array.from({ length: 5 }, () => timed(() => replay(records, set, nobody)));
    row(
      `${records.length} recorded events, state and ${name}: events per second`,
      million(records.length / (median(rounds) / 1000)),
    );
  }
}

async function recordLoad(codes: ReadonlySet<number>): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const records: Uint8Array<ArrayBuffer>[] = [];
  const probe = openProbe({ ringBytes: 64 << 20, ownPid: process.pid });
  probe.setEnabled(codes);
  probe.start(
    (bytes, _, start, length) =>
      void records.push(Uint8Array.from(bytes.subarray(start, start + length))),
  );
  const load =
    "find /usr/share -type f | head -20000 > /dev/null; for i in $(seq 200); do cat /etc/hosts > /dev/null; ls / > /dev/null; done; grep -rl root /etc > /dev/null 2>&1; true";
  await new Promise((resolve) =>
    spawn("sh", ["-c", load], { stdio: "ignore" }).once("exit", resolve),
  );
  await sleep(200);
  probe.close();
  return records;
}

function replay(
  records: readonly Uint8Array<ArrayBuffer>[],
  set: RuleSet,
  accounts: Accounts,
): number {
  const processes = new ProcessTable({ capacity: 65_536, find: () => undefined });
  const shown = new CurrentScene({ processes, hostname: "bench", utcOffsetMinutes: () => 0 });
  const event = new Event();
  let found = 0;
  for (const [index, bytes] of records.entries()) {
    if (!event.load(bytes, new DataView(bytes.buffer), 0, bytes.length, true) || event.isNotice)
      continue;
    event.num = index + 1;
    const process = processes.apply(event);
    const bucket = set.forEvent(event.code);
    if (bucket.length === 0) continue;
    shown.show(event, process, undefined, accounts);
    for (const rule of bucket) if (rule.condition(shown)) found += 1;
  }
  return found;
}

/** Events match or not as on a host: nearly none does. */
function evaluate(set: RuleSet, events: readonly Scene[]): number {
  let found = 0;
  for (const shown of events)
    for (const rule of set.forEvent(shown.event.code)) if (rule.condition(shown)) found += 1;
  return found;
}

function allocated(set: RuleSet, events: readonly Scene[]): string {
  if (globalThis.gc === undefined) return "run with --expose-gc";
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  repeat(3, () => evaluate(set, events));
  const after = process.memoryUsage().heapUsed;
  return ((after - before) / (3 * events.length)).toFixed(0);
}

/**
 * A host's ordinary events, and a few that the rules are for. Scenes are made once: what is timed
 * is the rules.
 */
function mix(): readonly Scene[] {
  const web = container("web");
  const open = (name: string, comm: string): Scene =>
    scene(
      "openat",
      { fd: 3, dirfd: -100, name, flags: OPEN_FLAGS.O_RDONLY, mode: 0 },
      { process: { comm } },
    );
  const start = (comm: string, path: string, args: readonly string[]): Scene =>
    scene(
      "execve",
      {
        res: 0,
        exe: comm,
        args: [...args],
        comm,
        trusted_exepath: path,
        cwd: "/srv",
        tty: 0,
        flags: EXEC_FLAGS.EXE_LOWER_LAYER,
      },
      { container: web },
    );
  const end = (address: string, port: number) => ({
    address: addressBytes(address) ?? new Uint8Array(4),
    port,
  });
  const tcp = {
    kind: "4",
    family: 2,
    protocol: 6,
    state: 1,
    local: end("10.0.0.2", 40000),
    remote: end("10.0.3.4", 5432),
  };
  const opens = [
    "/etc/hosts",
    "/usr/lib/x86_64-linux-gnu/libc.so.6",
    "/proc/self/maps",
    "/var/log/app.log",
    "/srv/data/x.db",
    "/etc/ssl/certs/ca.pem",
  ].flatMap((name) => ["nginx", "cat", "node", "postgres"].map((comm) => open(name, comm)));
  const starts = ["ls", "date", "git", "node", "ps", "sed"].map((comm) =>
    start(comm, `/usr/bin/${comm}`, ["-a", "--long-option=value", "file.txt"]),
  );
  const connects = ["curl", "node", "nginx"].map((comm) =>
    scene("connect", { res: 0, fd: 4 }, { descriptor: tcp, process: { comm }, container: web }),
  );
  const others = [
    scene("close", { res: 0, fd: 3 }),
    scene("dup2", { res: 5, oldfd: 3, newfd: 5 }),
    scene("setuid", { res: 0, uid: 33 }),
    scene("unlinkat", { res: 0, dirfd: -100, name: "/tmp/x", flags: 0 }),
    scene("renameat2", {
      res: 0,
      olddirfd: -100,
      oldpath: "/tmp/a",
      newdirfd: -100,
      newpath: "/tmp/b",
      flags: 0,
    }),
  ];
  const meant = [
    open("/etc/shadow", "cat"),
    start("find", "/usr/bin/find", ["/", "-name", "id_rsa"]),
  ];
  return [...opens, ...opens, ...starts, ...connects, ...others, ...meant];
}

function setOf(texts: readonly { readonly name: string; readonly text: string }[]): RuleSet {
  return compileRuleSet(
    loadRules(texts, { fields: FIELDS }).rules.filter((rule) => rule.enabled),
    { matching: "all" },
  );
}

/** Time for n, 2n and 4n characters: a linear engine doubles. */
function expressions(): void {
  for (const [pattern, piece] of [
    ["(a*)*b", "a"],
    ["(a|aa)+$", "a"],
    ["(x+x+)+y", "x"],
    ["(.*)(.*)(.*)(.*)[0-9]", "z"],
  ] as const) {
    const matches = compileRegex(pattern);
    const times = [10_000, 20_000, 40_000].map((length) => {
      const text = `${piece.repeat(length)}!`;
      return median(Array.from({ length: 5 }, () => timed(() => matches(text))));
    });
    const [first = 1, second = 1, third = 1] = times;
    row(
      `regex ${pattern} on 10, 20 and 40 thousand characters`,
      `${times.map((time) => time.toFixed(1)).join(", ")} ms: ×${(second / first).toFixed(1)}, ×${(third / second).toFixed(1)}`,
    );
  }
  const deep = `${"(".repeat(150)}evt.type = open${")".repeat(150)}`;
  row(
    "a condition 150 levels deep compiles",
    `${timed(() => compileCondition(parseCondition(deep), FIELDS)).toFixed(1)} ms`,
  );
}

function repeat(times: number, act: () => void): void {
  for (let round = 0; round < times; round += 1) act();
}

function timed(act: () => unknown): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return (
    values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
  );
}

function million(value: number): string {
  return `${(value / 1e6).toFixed(2)} million`;
}

function row(what: string, result: string): void {
  console.log(`| ${what.replaceAll("|", "\\|")} | ${result} |`);
}
