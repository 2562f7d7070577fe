import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { AuditReport } from "../audit/report.ts";
import { auditChanges } from "../reports/audit-changes.ts";
import { auditJson } from "../reports/audit-json.ts";
import { auditText } from "../reports/audit-text.ts";
import { EarlierReports, ENDINGS } from "./earlier-reports.ts";

/** What a report is about, as far as its file's name goes. */
export interface ReportSubject {
  /** The container's name; undefined on the host. */
  readonly container: string | undefined;
  readonly port: number;
  /** Where it listens. */
  readonly address: string;
  /** Tells one opening from another that is open at the same time. */
  readonly key: string;
  /** Whether that opening is open still: then its file's name is its own. */
  readonly isOpen: () => boolean;
  /** The report takes the place of the last one of this opening, which is not kept. */
  readonly isRepeated?: boolean;
}

/** A report that was written. */
export interface WrittenReport {
  /** Path of the report's files without their ending. */
  readonly stem: string;
  /** As it was written: with what has changed since the port's report before. */
  readonly report: AuditReport;
}

/**
 * Where `saker watch` writes: `falco_report.txt`, `openport.txt`, and a pair of files for each port
 * below `tls/`. The newest report of a port is `NAME_PORT.txt` and `.json`; earlier ones stay beside
 * it, with their time in the name. Where the same number is open several times at once (other
 * addresses, programs, namespaces), each has a file of its own, with its address in the name.
 */
export class ReportFolder {
  readonly path: string;
  /** Who has a name now, by the file's name without its ending. */
  readonly #claims = new Map<string, Pick<ReportSubject, "key" | "isOpen">>();
  readonly #earlier = new EarlierReports();

  constructor(path: string) {
    this.path = path;
  }

  get alertsFile(): string {
    return join(this.path, "falco_report.txt");
  }

  get openPortFile(): string {
    return join(this.path, "openport.txt");
  }

  /**
   * Writes both files of a report, each whole or not at all. The folder may be another user's: no
   * link in it is followed, and no file of a known name is opened for writing. Throws when the
   * folder or the disk does not take them.
   */
  writeAudit(subject: ReportSubject, report: AuditReport): WrittenReport {
    const path = join(this.path, "tls");
    mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
    const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | O_NOFOLLOW);
    try {
      const name = this.#claim(subject);
      const isRepeated = subject.isRepeated === true;
      const whole = writeReport({ folder, name, isRepeated, earlier: this.#earlier }, report);
      return { stem: join(path, name), report: whole };
    } finally {
      closeSync(folder);
    }
  }

  /** The first of the subject's possible names that no other open port has. */
  #claim(subject: ReportSubject): string {
    if (this.#claims.size > CLAIMS_MAX) this.#releaseClosed();
    for (const name of candidates(subject)) {
      const holder = this.#claims.get(name);
      if (holder !== undefined && holder.key !== subject.key && holder.isOpen()) continue;
      this.#claims.set(name, subject);
      return name;
    }
    return reportName(subject);
  }

  #releaseClosed(): void {
    for (const [name, { isOpen }] of this.#claims) if (!isOpen()) this.#claims.delete(name);
  }
}

/**
 * The newest reports of a port's addresses, as far as there are any. What the folder holds beside
 * them is not read.
 */
export function newestReports(
  reportFolder: string,
  {
    container,
    port,
    addresses,
  }: Pick<ReportSubject, "container" | "port"> & { readonly addresses: readonly string[] },
): AuditReport[] {
  let folder: number;
  try {
    folder = openSync(join(reportFolder, "tls"), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return [];
  }
  try {
    const names = addresses.flatMap((address) => [...candidates({ container, port, address })]);
    return [...new Set(names)]
      .map((name) => readReport(folder, `${name}.json`))
      .filter((report) => report !== undefined)
      .filter(({ listener }) => listener === undefined || addresses.includes(listener.address));
  } finally {
    closeSync(folder);
  }
}

/** The path of a port's newest report without ending, as long as its number is open once. */
export function auditStem(reportFolder: string, container: string | undefined, port: number) {
  return join(reportFolder, "tls", reportName({ container, port }));
}

/** The names that a port's report may have, without ending, the preferred first. */
export function* candidates({
  container,
  port,
  address,
}: Pick<ReportSubject, "container" | "port" | "address">): Generator<string> {
  const name = reportName({ container, port });
  const place = `${name}_${address.replace(/[^A-Za-z0-9.]/g, "-")}`;
  yield name;
  yield place;
  for (let number = 2; number <= SAME_PLACE_MAX; number += 1) yield `${place}_${number}`;
}

/** A container's name is its own choice: what is no file name is replaced, and told apart again. */
function reportName({ container, port }: Pick<ReportSubject, "container" | "port">): string {
  if (container === undefined) return `${HOST}_${port}`;
  const safe = container.replace(/[^A-Za-z0-9_.-]/g, "_").replace(/^\.+/, "_");
  const isOther = safe !== container || safe.length > NAME_MAX || safe === HOST || safe === "";
  if (!isOther) return `${safe}_${port}`;
  const digest = createHash("sha256").update(container).digest("hex").slice(0, 8);
  return `${safe.slice(0, NAME_MAX)}~${digest}_${port}`;
}

interface Target {
  /** A descriptor of the folder. */
  readonly folder: number;
  readonly name: string;
  readonly isRepeated: boolean;
  readonly earlier: EarlierReports;
}

/** The new files are whole before anything is renamed: a full disk leaves what was there. */
function writeReport(target: Target, report: AuditReport): AuditReport {
  const { folder, name, isRepeated } = target;
  const before = readReport(folder, `${name}.json`);
  const whole = before === undefined ? report : withChanges(report, before, isRepeated);
  const texts = { ".txt": auditText(whole), ".json": auditJson(whole) };
  const partials: string[] = [];
  try {
    for (const ending of ENDINGS) partials.push(writePartial(folder, texts[ending]));
    if (before !== undefined && !isRepeated) keepEarlier(target, before);
    for (const [index, ending] of ENDINGS.entries())
      renameSync(partials[index] ?? "", within(folder, name + ending));
  } catch (thrown) {
    for (const partial of partials) rmSync(partial, { force: true });
    throw thrown;
  }
  return whole;
}

function withChanges(report: AuditReport, before: AuditReport, isRepeated: boolean): AuditReport {
  if (isRepeated && before.changes === undefined) return report;
  const since = isRepeated ? before.changes?.since : before.startedAt;
  try {
    const what = [
      ...(isRepeated ? (before.changes?.what ?? []) : []),
      ...auditChanges(before, report),
    ];
    // The folder's owner may have written what was there before.
    const lines = what.map((line) => line.slice(0, CHANGE_MAX));
    return { ...report, changes: { since: since ?? "", what: lines } };
  } catch {
    // It has the name of a report, and is none of ours.
    return report;
  }
}

/** The report that has this name now; undefined when there is none, or it is not one of ours. */
function readReport(folder: number, name: string): AuditReport | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(within(folder, name), constants.O_RDONLY | O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = fstatSync(fd);
    if (!fstatSync(fd).isFile() || size > REPORT_MAX) return undefined;
    const report = JSON.parse(readFileSync(fd, "utf8")) as Partial<AuditReport>;
    return ISO_TIME.test(String(report.startedAt)) ? (report as AuditReport) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Renames the newest files by the time of their report, and drops the oldest beyond a bound. */
function keepEarlier({ folder, name, earlier }: Target, { startedAt }: AuditReport): void {
  const time = startedAt.replace(/[^0-9TZ]/g, "");
  const isTime = /^\d{8}T\d{9}Z$/.test(time);
  for (const ending of ENDINGS)
    ignoreAbsent(() =>
      isTime
        ? renameSync(within(folder, name + ending), within(folder, `${name}.${time}${ending}`))
        : rmSync(within(folder, name + ending)),
    );
  if (isTime) earlier.add(within(folder, "."), name, time);
}

/** A new file of an unpredictable name; its path. None is left when it throws. */
function writePartial(folder: number, text: string): string {
  const partial = within(folder, `.${randomBytes(12).toString("hex")}.tmp`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | O_NOFOLLOW;
  const fd = openSync(partial, flags, FILE_MODE);
  try {
    writeFileSync(fd, text);
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw thrown;
  } finally {
    closeSync(fd);
  }
  return partial;
}

/** A path below an open folder, whatever becomes of the folder's own path. */
function within(folder: number, name: string): string {
  return `/proc/self/fd/${folder}/${name}`;
}

function ignoreAbsent(act: () => void): void {
  try {
    act();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
  }
}

/** What ports of the host itself are called. */
const HOST = "host";

const ISO_TIME = /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/;
/** Characters of one change that are kept. */
const CHANGE_MAX = 1000;

const { O_NOFOLLOW } = constants;
const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;
const NAME_MAX = 128;
const REPORT_MAX = 4 << 20;
const CLAIMS_MAX = 4096;
/** Ports of one number and address that are open at once and have files of their own. */
const SAME_PLACE_MAX = 64;
