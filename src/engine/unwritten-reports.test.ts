import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { AuditReport } from "../audit/report.ts";
import type { ReportSubject } from "../outputs/report-folder.ts";
import { UnwrittenReports } from "./unwritten-reports.ts";

function onDisk(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const disk = { isFull: false, files: [] as string[] };
  const problems: string[] = [];
  const reports = new UnwrittenReports({
    folder: {
      writeAudit: ({ key }, report) => {
        if (disk.isFull) throw new Error("ENOSPC: no space left on device");
        disk.files.push(`${key} ${report.target}`);
        return { stem: key, report };
      },
    },
    onProblem: (text) => void problems.push(text),
    retryMs: 1000,
  });
  const write = (key: string, target = key) =>
    reports.write({ key } as ReportSubject, { target } as AuditReport);
  return { disk, problems, reports, write, pass: () => t.mock.timers.tick(1000) };
}

test("UnwrittenReports keeps what a full disk does not take until it does", (t) => {
  const { disk, problems, reports, write, pass } = onDisk(t);
  assert.equal(write("a")?.stem, "a");
  disk.isFull = true;
  assert.equal(write("b"), undefined);
  assert.equal(write("c"), undefined);
  assert.match(
    problems[0] ?? "",
    /^Cannot write the report of b: ENOSPC: .*; it is kept and tried again$/,
  );
  pass();
  assert.deepEqual(disk.files, ["a a"]);
  disk.isFull = false;
  pass();
  assert.deepEqual(disk.files, ["a a", "b b", "c c"]);
  reports.close();
  assert.equal(reports.lost, 0);
});

test("UnwrittenReports writes the newest of an opening alone", (t) => {
  const { disk, write, pass } = onDisk(t);
  disk.isFull = true;
  write("a", "first");
  write("a", "second");
  disk.isFull = false;
  write("b");
  pass();
  assert.deepEqual(disk.files, ["b b", "a second"]);
});

test("UnwrittenReports keeps a bounded number, tries a last time and counts what is lost", (t) => {
  const { disk, reports, write, problems } = onDisk(t);
  disk.isFull = true;
  for (let index = 0; index < 300; index += 1) write(`${index}`);
  assert.equal(reports.lost, 300 - 256);
  assert.equal(problems.length, 9, "the first, second, fourth …");
  reports.close();
  assert.equal(reports.lost, 300);
  disk.isFull = false;
  write("last");
  disk.isFull = true;
  write("again");
  disk.isFull = false;
  reports.close();
  assert.deepEqual(disk.files, ["last last", "again again"]);
});
