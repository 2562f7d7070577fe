import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { mountsMissing } from "../../test/fixtures/mounts.ts";
import { event } from "../../test/fixtures/records.ts";
import { mountSmallDisk } from "../../test/fixtures/small-disk.ts";
import { EventRing } from "./event-ring.ts";
import type { KeptEvents } from "./kept-events.ts";
import {
  type MatchFileLimits,
  type MatchFileReport,
  MatchFileWriter,
} from "./match-file-writer.ts";
import { readCapture } from "./scap-reader.ts";

const NO_LIMITS = { maxBytes: 0, maxFiles: 0, maxTotalBytes: 0 };

function someEvents(count: number, size = 100): KeptEvents {
  const ring = new EventRing({ bytes: 1 << 30 });
  for (let index = 0; index < count; index += 1)
    ring.keep(event("chdir", { res: 0, path: `/${"x".repeat(size)}` }, { timestamp: 1n }));
  return ring.take();
}

function writerIn(folder: string, limits: Partial<MatchFileLimits> = {}) {
  const reports: MatchFileReport[] = [];
  const pathPrefix = join(folder, "incident");
  const writer = new MatchFileWriter({ ...NO_LIMITS, pathPrefix, ...limits }, (report) =>
    reports.push(report),
  );
  let id = 0;
  const begin = (): string => {
    id += 1;
    const path = `${pathPrefix}_${String(id).padStart(20, "0")}_${String(id).padStart(20, "0")}.scap`;
    writer.take({ kind: "begin", id, path, states: [] });
    return path;
  };
  const fates = (): string[] =>
    reports.flatMap((report) =>
      report.kind === "taken" ? [] : [report.kind === "ended" ? report.why : report.kind],
    );
  return { writer, reports, begin, fates };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "saker-match-files-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

test("MatchFileWriter writes the host and the events that it is given, and says what it took", async (t) => {
  const { writer, reports, begin, fates } = writerIn(folderOf(t));
  const path = begin();
  const events = someEvents(3);
  const bytes = events.pieces[0]?.used ?? 0;
  writer.take({ kind: "events", events });
  writer.take({ kind: "end" });
  assert.deepEqual(fates(), ["begun", "end"]);
  assert.deepEqual(reports[1], { kind: "taken", bytes });
  let processes = 0;
  const { events: read, truncated } = await readCapture(path, {
    host: ({ threads }) => (processes = threads.length),
    event: () => {},
  });
  assert.deepEqual([read, truncated, processes > 1], [3, undefined, true]);
});

test("MatchFileWriter on a full disk leaves no file and no descriptor, however often", (t) => {
  const missing = mountsMissing();
  if (missing !== undefined) return t.skip(missing);
  const disk = mountSmallDisk(4096);
  t.after(disk.release);
  const { writer, begin, fates } = writerIn(disk.point);
  const before = openDescriptors();
  for (let index = 0; index < 5; index += 1) {
    begin();
    writer.take({ kind: "events", events: someEvents(3) });
    writer.take({ kind: "end" });
  }
  assert.deepEqual(
    fates(),
    Array.from({ length: 5 }, () => "failed"),
  );
  assert.deepEqual([readdirSync(disk.point), openDescriptors()], [[], before]);
});

test("MatchFileWriter keeps what there is of a file whose disk is full later on", (t) => {
  const missing = mountsMissing();
  if (missing !== undefined) return t.skip(missing);
  const disk = mountSmallDisk(16 << 20);
  t.after(disk.release);
  const { writer, begin, fates, reports } = writerIn(disk.point);
  const before = openDescriptors();
  const path = begin();
  for (let index = 0; index < 5; index += 1)
    writer.take({ kind: "events", events: someEvents(1000, 4000) });
  writer.take({ kind: "end" });
  assert.deepEqual([fates(), openDescriptors()], [["begun", "failed"], before]);
  assert.match(
    reports.map((report) => ("text" in report ? report.text : "")).join(""),
    /Cannot write capture "[^"]+": ENOSPC/,
  );
  assert.ok(statSync(path).size > 1 << 20);
});

test("MatchFileWriter ends a file at its limit, and takes what comes for nothing", (t) => {
  const { writer, begin, fates } = writerIn(folderOf(t), { maxBytes: 1 });
  const path = begin();
  writer.take({ kind: "events", events: someEvents(1000) });
  const { size } = statSync(path);
  writer.take({ kind: "events", events: someEvents(1000) });
  writer.take({ kind: "end" });
  assert.deepEqual([fates(), statSync(path).size], [["begun", "limit"], size]);
});

test("MatchFileWriter refuses further files when there are too many, or too large ones", (t) => {
  const folder = folderOf(t);
  const few = writerIn(folder, { maxFiles: 2 });
  for (let index = 0; index < 3; index += 1) {
    few.begin();
    few.writer.take({ kind: "end" });
  }
  assert.deepEqual(few.fates(), ["begun", "end", "begun", "end", "refused"]);
  rmSync(join(folder, readdirSync(folder)[0] ?? ""));
  few.begin();
  assert.equal(few.fates().at(-1), "begun");
  const small = writerIn(folder, { maxTotalBytes: 10 });
  small.begin();
  const last = small.reports.at(-1);
  assert.match(last?.kind === "ended" ? (last.text ?? "") : "", /raise capture.max_total_mb$/);
});

test("MatchFileWriter counts no foreign files and overwrites none", (t) => {
  const folder = folderOf(t);
  const { begin, fates, reports } = writerIn(folder, { maxFiles: 1 });
  writeFileSync(join(folder, "incident_notes.scap"), "");
  writeFileSync(join(folder, "other"), "precious");
  const name = `${"1".padStart(20, "0")}_${"1".padStart(20, "0")}`;
  symlinkSync(join(folder, "other"), join(folder, `incident_${name}.scap`));
  begin();
  const [report] = reports;
  assert.deepEqual(fates(), ["failed"]);
  assert.match(report?.kind === "ended" ? (report.text ?? "") : "", /EEXIST/);
  assert.equal(statSync(join(folder, "other")).size, 8);
});

test("MatchFileWriter of a user counts the user's own captures", (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to be somebody else");
  const folder = folderOf(t);
  chmodSync(folder, 0o777);
  const module = JSON.stringify(new URL("./match-file-writer.ts", import.meta.url));
  const script = `const { MatchFileWriter } = await import(${module});
    const limits = { pathPrefix: "${folder}/x", maxBytes: 0, maxFiles: 1, maxTotalBytes: 0 };
    const writer = new MatchFileWriter(limits, ({ kind, why }) => console.log(why ?? kind));
    for (const id of [1, 2]) {
      const path = \`${folder}/x_\${"0".repeat(20)}_\${String(id).padStart(20, "0")}.scap\`;
      writer.take({ kind: "begin", id, path, states: [] });
      writer.take({ kind: "end" });
    }`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    uid: 12_345,
    encoding: "utf8",
  });
  assert.deepEqual(stdout.trim().split("\n"), ["begun", "end", "refused"], stderr);
});
