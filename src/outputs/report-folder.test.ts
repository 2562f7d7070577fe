import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { bare, secure } from "../../test/fixtures/audit-reports.ts";
import { mountSmallDisk } from "../../test/fixtures/small-disk.ts";
import { EARLIER_MAX } from "./earlier-reports.ts";
import { auditStem, ReportFolder, type ReportSubject } from "./report-folder.ts";

const web: ReportSubject = {
  container: "web",
  port: 8443,
  address: "0.0.0.0",
  key: "one",
  isOpen: () => true,
};

function folderOf(t: TestContext) {
  const path = mkdtempSync(join(tmpdir(), "saker-reports-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  const files = (): string[] => readdirSync(join(path, "tls")).toSorted();
  return { path, files, folder: new ReportFolder(path), tls: join(path, "tls") };
}

const at = (second: number) => ({
  startedAt: `2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z`,
});

test("ReportFolder.writeAudit() writes text and JSON that others may not read", (t) => {
  const { path, folder, files } = folderOf(t);
  const { stem, report } = folder.writeAudit(web, bare);
  assert.equal(stem, auditStem(path, "web", 8443));
  assert.deepEqual(files(), ["web_8443.json", "web_8443.txt"]);
  assert.equal(statSync(`${stem}.txt`).mode & 0o777, 0o640);
  assert.deepEqual(JSON.parse(readFileSync(`${stem}.json`, "utf8")), report);
  assert.equal(report.changes, undefined);
});

test("ReportFolder.writeAudit() gives reports to the group of a folder with setgid", (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to give a folder to a group");
  const { path, folder, tls } = folderOf(t);
  chownSync(path, 0, 12_345);
  chmodSync(path, 0o2750);
  const { stem } = folder.writeAudit(web, bare);
  assert.deepEqual(
    [tls, `${stem}.txt`, `${stem}.json`].map((one) => [
      statSync(one).gid,
      statSync(one).mode & 0o7777,
    ]),
    [
      [12_345, 0o2750],
      [12_345, 0o640],
      [12_345, 0o640],
    ],
  );
});

test("ReportFolder.writeAudit() keeps earlier reports, and says what has changed", (t) => {
  const { folder, files, tls } = folderOf(t);
  folder.writeAudit(web, { ...bare, speaks: "http", ...at(1) });
  const { report, stem } = folder.writeAudit(web, { ...secure, ...at(2) });
  assert.deepEqual(report.changes, {
    since: "2026-01-01T00:00:01.000Z",
    what: ["no TLS (speaks HTTP) → TLS"],
  });
  assert.match(
    readFileSync(`${stem}.txt`, "utf8"),
    /changed since 2026-01-01T00:00:01.000Z: no TLS \(speaks HTTP\) → TLS\n/,
  );
  assert.deepEqual(files(), [
    "web_8443.20260101T000001000Z.json",
    "web_8443.20260101T000001000Z.txt",
    "web_8443.json",
    "web_8443.txt",
  ]);
  assert.match(
    readFileSync(join(tls, "web_8443.20260101T000001000Z.txt"), "utf8"),
    /no TLS \(speaks HTTP\)/,
  );
});

test("ReportFolder.writeAudit() keeps a bounded number of earlier reports, the newest", (t) => {
  const { folder, files } = folderOf(t);
  for (let second = 0; second < EARLIER_MAX + 5; second += 1)
    folder.writeAudit(web, { ...bare, ...at(second) });
  assert.equal(files().length, 2 * (EARLIER_MAX + 1));
  assert.ok(files().includes("web_8443.20260101T000004000Z.txt"));
  assert.ok(!files().includes("web_8443.20260101T000003000Z.txt"));
});

test("ReportFolder.writeAudit() reads the folder once, and knows what earlier watches left", (t) => {
  const { folder, files, tls } = folderOf(t);
  for (let second = 0; second < 5; second += 1) folder.writeAudit(web, { ...bare, ...at(second) });
  const later = new ReportFolder(folder.path);
  later.writeAudit(web, { ...bare, ...at(5) });
  // Not seen any more: who fills the folder does not slow what is written later.
  writeFileSync(join(tls, "web_8443.20250101T000000000Z.txt"), "");
  for (let second = 6; second < EARLIER_MAX + 5; second += 1)
    later.writeAudit(web, { ...bare, ...at(second) });
  assert.ok(files().includes("web_8443.20250101T000000000Z.txt"));
  assert.equal(files().length, 2 * (EARLIER_MAX + 1) + 1);
  assert.ok(!files().includes("web_8443.20260101T000003000Z.txt"));
});

test("ReportFolder.writeAudit() puts another look at one opening in the first one's place", (t) => {
  const { folder, files } = folderOf(t);
  folder.writeAudit(web, { ...bare, speaks: "silent", ...at(1) });
  const again = { ...web, isRepeated: true };
  const { report } = folder.writeAudit(again, { ...secure, ...at(9) });
  assert.deepEqual(files(), ["web_8443.json", "web_8443.txt"]);
  assert.equal(report.changes, undefined);
});

test("ReportFolder.writeAudit() gives openings of one number that are open at once files of their own", (t) => {
  const { folder, files } = folderOf(t);
  let isOpen = true;
  const subjects: ReportSubject[] = [
    { ...web, isOpen: () => isOpen },
    { ...web, key: "two", address: "::1" },
    { ...web, key: "three", address: "::1" },
    { ...web, key: "four", address: "172.17.0.2" },
    { ...web, key: "host", container: undefined },
    { ...web, key: "called host", container: "host" },
  ];
  const stems = subjects.map((subject) => folder.writeAudit(subject, bare).stem);
  assert.equal(new Set(stems).size, stems.length);
  assert.equal(files().length, 2 * stems.length);
  assert.deepEqual(
    stems.slice(0, 5).map((stem) => stem.slice(stem.lastIndexOf("/") + 1)),
    ["web_8443", "web_8443_--1", "web_8443_--1_2", "web_8443_172.17.0.2", "host_8443"],
  );
  isOpen = false;
  assert.equal(folder.writeAudit({ ...web, key: "five" }, bare).stem, stems[0]);
});

test("ReportFolder.writeAudit() keeps names apart that are no file names, or too long for one", (t) => {
  const { folder, files } = folderOf(t);
  const long = "x".repeat(200);
  const names = ["a/b", "a_b", "..", "", `${long}1`, `${long}2`, "é", "~", "\u202egnp.exe", "a\nb"];
  const stems = names.map((container) => folder.writeAudit({ ...web, container }, bare).stem);
  assert.equal(new Set(stems).size, names.length);
  for (const file of files()) assert.match(file, /^[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,200}$/);
});

test("ReportFolder.writeAudit() leaves what was there on a full disk", (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root: mounts a small file system");
  const disk = mountSmallDisk(64 << 10);
  t.after(() => disk.release());
  const folder = new ReportFolder(disk.point);
  const tls = join(disk.point, "tls");
  folder.writeAudit(web, { ...bare, ...at(1) });
  const held = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(tls).map((name) => [name, readFileSync(join(tls, name), "utf8")]),
    );
  const before = held();
  const { bavail, bsize } = statfsSync(disk.point);
  writeFileSync(join(disk.point, "ballast"), Buffer.alloc((bavail - 1) * bsize));
  assert.throws(() => folder.writeAudit(web, { ...secure, ...at(2) }), { code: "ENOSPC" });
  assert.deepEqual(held(), before);
});

test("ReportFolder.writeAudit() takes little from a report that somebody else has written", (t) => {
  const { folder, tls } = folderOf(t);
  folder.writeAudit(web, { ...bare, ...at(1) });
  const path = join(tls, "web_8443.json");
  const esc = String.fromCharCode(27);
  const planted = {
    ...secure,
    certificates: [],
    ...at(1),
    grade: { letter: `${esc}[2J`.repeat(1e5) },
  };
  writeFileSync(path, JSON.stringify(planted));
  const { report, stem } = folder.writeAudit(web, { ...secure, ...at(2) });
  assert.ok((report.changes?.what.join("").length ?? 0) < 10_000);
  assert.ok(!readFileSync(`${stem}.txt`, "utf8").includes(esc));
  writeFileSync(path, JSON.stringify({ ...planted, startedAt: `${esc}[2J` }));
  assert.equal(folder.writeAudit(web, { ...secure, ...at(3) }).report.changes, undefined);
  writeFileSync(path, "[".repeat(3 << 20));
  assert.equal(folder.writeAudit(web, { ...secure, ...at(4) }).report.changes, undefined);
  writeFileSync(path, JSON.stringify({ ...bare, ...at(1), tls: true, changes: { what: 7 } }));
  assert.equal(folder.writeAudit({ ...web, isRepeated: true }, bare).report.tls, bare.tls);
});

test("ReportFolder.writeAudit() follows no link that the folder's owner has laid", (t) => {
  const { path, folder, tls } = folderOf(t);
  const treasure = join(path, "treasure");
  writeFileSync(treasure, "untouched");
  mkdirSync(tls);
  for (const ending of [".txt", ".json"]) symlinkSync(treasure, join(tls, `web_8443${ending}`));
  folder.writeAudit(web, bare);
  folder.writeAudit(web, bare);
  assert.equal(readFileSync(treasure, "utf8"), "untouched");
  rmSync(tls, { recursive: true });
  symlinkSync(path, tls);
  assert.throws(() => folder.writeAudit(web, bare), /ENOTDIR|ELOOP/);
});

test("ReportFolder.writeAudit() does not wait for a FIFO, nor believe what is no report", (t) => {
  const { folder, tls, files } = folderOf(t);
  mkdirSync(tls);
  execFileSync("mkfifo", [join(tls, "web_8443.json")]);
  folder.writeAudit(web, bare);
  for (const text of ["{", '{"startedAt":1}', '{"startedAt":"x","protocols":7}', "[]"]) {
    writeFileSync(join(tls, "web_8443.json"), text);
    folder.writeAudit(web, bare);
  }
  assert.deepEqual(
    files().filter((file) => file.endsWith(".tmp")),
    [],
  );
});
