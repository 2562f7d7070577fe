// The store at a million alerts (or as many as are named): what keeping one costs, and each filter. CPU
// time of this process; `node bench/store.ts [ALERTS] [postgresql://…]`.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Alert } from "../src/alerts/alert.ts";
import type { News } from "../src/news/news.ts";
import { PRIORITIES } from "../src/rules/priority.ts";
import { alertPage, type AlertFilter } from "../src/store/alert-queries.ts";
import { alertCounts, alertTimeline } from "../src/store/alert-tallies.ts";
import { openBackend } from "../src/store/open-backend.ts";
import { storeOf } from "../src/store/store.ts";

const BATCH = 500;
const PAGE = 50;
const TURNS = 5;
const total = Number(process.argv[2] ?? 1_000_000);
const url = process.argv[3];
const folder = mkdtempSync(join(tmpdir(), "saker-bench-store-"));
const path = join(folder, "store", "saker.db");
const backend = await openBackend({ path, url, durability: "normal", onNote: console.log });
// A second of the store's clock holds a thousand alerts.
let now = Date.now();
const store = await storeOf(backend, () => now);

try {
  await fill();
  await measureAll();
} finally {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}

async function fill(): Promise<void> {
  let cpu = 0;
  for (let sequence = 0; sequence < total; sequence += BATCH) {
    const news = Array.from({ length: BATCH }, (_, index) => newsOf(sequence + index + 1));
    now += BATCH;
    const before = process.cpuUsage();
    await store.append(news);
    const used = process.cpuUsage(before);
    cpu += used.user + used.system;
  }
  const bytes = await backend.bytes();
  console.log(
    `${total} alerts kept in ${backend.kind}: ${Math.round(total / (cpu / 1e6))} a CPU second, ${Math.round(bytes / total)} bytes each`,
  );
}

async function measureAll(): Promise<void> {
  const { alerts } = await alertPage(backend, { is: {}, isNot: {} }, { limit: 1 });
  const newest = alerts[0]?.id ?? 0;
  const half = newest - total * 500;
  const filters: readonly [
    title: string,
    filter: Partial<AlertFilter>,
    rows: number,
    before?: number,
  ][] = [
    ["the newest page", {}, PAGE],
    ["a cursor in the middle", {}, PAGE, half],
    ["a rule", { is: { rule: ["Rule 3"] } }, PAGE],
    ["a rule, cursor in the middle", { is: { rule: ["Rule 3"] } }, PAGE, half],
    ["two priorities", { is: { priority: ["Critical", "Error"] } }, PAGE],
    ["a priority that none has", { is: { priority: ["Emergency"] } }, 0],
    ["a container", { is: { container: ["web-5"] } }, PAGE],
    ["a tag", { is: { tag: ["network"] } }, PAGE],
    ["a field, no match", { is: { field: ["proc.name=nope"] } }, 0],
    ["a field, one match", { is: { field: ["proc.pid=4242"] } }, 1],
    ["a field, every alert", { is: { field: ["proc.name=bash"] } }, PAGE],
    ["two fields, frequent", { is: { field: ["proc.name=bash", "user.name=www"] } }, PAGE],
    [
      "two fields, never together",
      { is: { field: ["container.name=web-5", "container.id=id6"] } },
      0,
    ],
    ["all but a rule", { isNot: { rule: ["Rule 3"] } }, PAGE],
    ["a word of every alert", { text: "shell " }, PAGE],
    ["a word, no match", { text: "nosuchword " }, 0],
    ["the beginning of a word", { text: "termi" }, PAGE],
  ];
  for (const [title, filter, rows, before] of filters)
    await measure(title, async () => {
      const all = { is: {}, isNot: {}, ...filter };
      const page = await alertPage(backend, all, { limit: PAGE, before });
      assert.equal(page.alerts.length, rows, title);
    });
  const all = { is: {}, isNot: {} };
  await measure("counts by priority and rule", async () => {
    assert.equal((await alertCounts(backend, all, ["priority", "rule"])).total, total);
  });
  await measure("counts of a container by priority", async () => {
    await alertCounts(backend, { ...all, is: { container: ["web-5"] } }, ["priority"]);
  });
  await measure("counts of a field (the newest 5,000)", async () => {
    await alertCounts(backend, { ...all, is: { field: ["proc.name=bash"] } }, ["priority"]);
  });
  const minutes = Math.max(1, Math.ceil(total / 60_000 / 60));
  await measure("timeline of 60 steps by priority", async () => {
    await alertTimeline(backend, all, { by: "priority", minutes });
  });
}

/** The mean of five, after a first one. */
async function measure(title: string, ask: () => Promise<void>): Promise<void> {
  await ask();
  const before = process.cpuUsage();
  const start = performance.now();
  for (let turn = 0; turn < TURNS; turn += 1) await ask();
  const { user, system } = process.cpuUsage(before);
  const wall = (performance.now() - start) / TURNS;
  console.log(
    `${title.padEnd(40)} ${((user + system) / 1000 / TURNS).toFixed(2).padStart(8)} ms CPU ${wall.toFixed(2).padStart(9)} ms`,
  );
}

/** Some 480 bytes as Falco's JSON, of 97 containers, 40 rules and 6 priorities. */
function newsOf(sequence: number): News {
  const kind = sequence % 97;
  const name = `web-${kind}`;
  const alert: Alert = {
    rule: `Rule ${kind % 40}`,
    priority: PRIORITIES[2 + (kind % 6)] ?? "Debug",
    source: "syscall",
    tags: ["container", kind % 3 === 0 ? "network" : "process", `mitre_${kind % 7}`],
    time: 1_790_000_000_000_000_000n + BigInt(sequence),
    hostname: "host-1",
    message: `Shell in a container with an attached terminal (user=root command=bash -c ls /tmp/${sequence} parent=runc container_name=${name})`,
    outputFields: {
      "container.id": `id${kind}`,
      "container.name": name,
      "proc.name": "bash",
      "proc.cmdline": `bash -c ls /tmp/${sequence}`,
      "proc.pid": sequence,
      "proc.pname": "runc",
      "user.name": kind % 3 === 0 ? "www" : "root",
    },
    uuid: "00000000-0000-4000-8000-000000000000",
  };
  return { kind: "alert", sequence, time: alert.time, host: "host-1", alert };
}
