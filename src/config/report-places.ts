import { existsSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type Mount, readMounts } from "../untrusted/mount-table.ts";
import { isOnHost } from "../lib/host-root.ts";

/** Where a watch writes. */
export interface ReportPlaces {
  /** The report folder, an absolute path. */
  readonly folder: string;
  /** Further files that get what `falco_report.txt` and `openport.txt` of the folder get. */
  readonly alertFiles: readonly string[];
  readonly openPortFiles: readonly string[];
  /** What the user should know at the start, in words. */
  readonly notes: readonly string[];
}

/** Where the process runs, as far as it decides where reports go. */
export interface Surroundings {
  readonly workingFolder: string;
  readonly isInContainer: boolean;
  /** Of this process's own mount namespace. */
  readonly mounts: readonly Mount[];
  /** What is at a path; undefined when nothing is. */
  readonly kindOf: (path: string) => "file" | "folder" | undefined;
}

/** Where Falco's containers had their alerts, and the event handler those of opened ports. */
const OLD_FOLDER = "/var/log";
const OLD_ALERTS = "/var/log/falco_report.txt";
const OLD_OPEN_PORTS = "/var/log/openport.txt";

/**
 * Where reports go: into the folder that is stated, else `./report`. In a container the files of the
 * old system that are mounted are written, too, and where their whole folder is mounted, reports go
 * there unless another folder is stated. Pure.
 */
export function reportPlaces(stated: string | undefined, around: Surroundings): ReportPlaces {
  const { isInContainer, workingFolder, kindOf } = around;
  const isKept = (path: string): boolean => isLasting(mountOf(path, around.mounts));
  const mounted = [OLD_ALERTS, OLD_OPEN_PORTS].filter(
    (path) => isInContainer && kindOf(path) !== undefined && isKept(path),
  );
  const isBeside = stated === undefined && mounted.length > 0 && isKept(OLD_FOLDER);
  const folder = isBeside ? OLD_FOLDER : resolve(workingFolder, stated ?? "report");
  const files = (path: string): string[] =>
    mounted.includes(path) && folder !== OLD_FOLDER && kindOf(path) === "file" ? [path] : [];
  const notes = mounted.filter((path) => kindOf(path) === "folder").map(folderNote);
  if (isInContainer && !isKept(folder)) notes.push(lossNote(folder));
  return { folder, alertFiles: files(OLD_ALERTS), openPortFiles: files(OLD_OPEN_PORTS), notes };
}

/** The same in this process's own surroundings. */
export function ownReportPlaces(stated: string | undefined, workingFolder: string): ReportPlaces {
  return reportPlaces(stated, {
    workingFolder,
    isInContainer: !isOnHost() || isContained(),
    mounts: readMounts(readFileSync("/proc/self/mountinfo", "utf8")),
    kindOf: (path) => {
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats === undefined ? undefined : stats.isDirectory() ? "folder" : "file";
    },
  });
}

/** A machine whose files were once an image's has the mark, too, and is none. */
function isContained(): boolean {
  if (!CONTAINER_MARKS.some((path) => existsSync(path))) return false;
  if (readlinkSync("/proc/self/ns/pid") !== FIRST_PID_NAMESPACE) return true;
  try {
    return readlinkSync("/proc/self/ns/mnt") !== readlinkSync("/proc/1/ns/mnt");
  } catch {
    // The first process may be nobody's to look at; its pid namespace it is all the same.
    return false;
  }
}

/** PROC_PID_INIT_INO of include/linux/proc_ns.h. */
const FIRST_PID_NAMESPACE = "pid:[4026531836]";

/** Docker's and Podman's. */
const CONTAINER_MARKS = ["/.dockerenv", "/run/.containerenv"];

/** The mount that a path is on; of two at one place the later one covers the earlier. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const isAbove =
      mount.point === "/" || path === mount.point || path.startsWith(`${mount.point}/`);
    if (isAbove && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/** What is on the root of a container or in memory is gone with it. */
function isLasting(mount: Mount | undefined): boolean {
  return mount !== undefined && mount.point !== "/" && !IN_MEMORY.has(mount.type);
}

const IN_MEMORY: ReadonlySet<string> = new Set(["tmpfs", "ramfs", "devtmpfs"]);

function folderNote(path: string): string {
  return `${path} is a folder, so it is not written: make the file before the container starts, or Docker makes a folder of its name`;
}

function lossNote(folder: string): string {
  return `reports in ${folder} are gone with this container: mount a folder there, as by -v "$PWD/report":${folder}`;
}
