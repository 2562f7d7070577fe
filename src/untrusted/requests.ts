import { closeSync } from "node:fs";
import { errnoOf } from "../lib/errno.ts";
import { type KeptStat, statKept } from "../libc/stat-kept.ts";
import { openRoot } from "./open-inside.ts";
import { readBeginning } from "./read-bounded.ts";
import { type FileInside, ProcessRoot, readOwn, type Refusal } from "./read-inside.ts";

/** Asks for the files of accounts in a process's root (passwd(5), group(5)). */
export interface AccountsRequest {
  /** The process's folder below /proc. */
  readonly process: string;
  /** The process counts only while this stands in its control group's path. */
  readonly cgroupPart: string;
  /** Folders of processes in the host's root: who has the same one is not in a container yet. */
  readonly hostProcesses: readonly string[];
  readonly known?: KnownStamps;
}

/** Stamps of files as they were read last. */
export interface KnownStamps {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/** What became of the two files, each by itself. */
export interface AccountFiles {
  readonly passwd: FileInside | "unchanged" | Refusal;
  readonly group: FileInside | "unchanged" | Refusal;
}

/**
 * The files; or `host`: the process is in the host's root; `gone`: it has ended, or another one has
 * its number.
 */
export type AccountsAnswer = "host" | "gone" | AccountFiles;

/** What the reader thread can be asked: each may wait for a disk or a network, nothing else. */
export const REQUESTS = {
  accounts: readAccounts,
  /** The same of a folder such as the host's /etc, which nobody else chooses. */
  accountsIn: ({ etc, known }: { readonly etc: string; readonly known?: KnownStamps }) => ({
    passwd: readOwn(`${etc}/passwd`, known?.passwd),
    group: readOwn(`${etc}/group`, known?.group),
  }),
  /** What the kernel keeps of files, by their paths: links below /proc. */
  stats: (paths: readonly string[]): (KeptStat | undefined)[] =>
    paths.map((path) => statKept(path)),
} as const;

/** One of `REQUESTS`. */
export type RequestKind = keyof typeof REQUESTS;
/** What a request of this kind carries. */
export type Asked<Kind extends RequestKind> = Parameters<(typeof REQUESTS)[Kind]>[0];
/** What a request of this kind is answered with. */
export type Answer<Kind extends RequestKind> = ReturnType<(typeof REQUESTS)[Kind]>;

/** A request on its way to the thread, and its answer on the way back. */
export interface RequestMessage {
  readonly id: number;
  readonly kind: RequestKind;
  readonly asked: unknown;
}
/** The answer to the request with the same number. */
export interface AnswerMessage {
  readonly id: number;
  readonly answer: unknown;
}

function readAccounts({
  process,
  cgroupPart,
  hostProcesses,
  known,
}: AccountsRequest): AccountsAnswer {
  let root: ProcessRoot;
  try {
    root = new ProcessRoot(process);
  } catch (thrown) {
    if (GONE.has(errnoOf(thrown) ?? "")) return "gone";
    return { passwd: "failed", group: "failed" };
  }
  try {
    // Behind the opening: what is open now is the root of who is in the control group now.
    if (!readBeginning(`${process}/cgroup`, MAX_CGROUP).includes(cgroupPart)) return "gone";
    if (hostProcesses.some((other) => isSame(root.stat(), statKept(`${other}/root`))))
      return "host";
    const options = { maxBytes: MAX_BYTES };
    const files = {
      passwd: root.read("/etc/passwd", { ...options, knownStamp: known?.passwd }),
      group: root.read("/etc/group", { ...options, knownStamp: known?.group }),
    };
    // The mounts of a container that ends meanwhile are taken away under our hands.
    return isRefused(files) && hasEnded(process) ? "gone" : files;
  } catch (thrown) {
    return GONE.has(errnoOf(thrown) ?? "") ? "gone" : { passwd: "failed", group: "failed" };
  } finally {
    root.close();
  }
}

function isRefused({ passwd, group }: AccountFiles): boolean {
  return [passwd, group].some((file) => typeof file === "string" && file !== "unchanged");
}

/** A process that nobody has waited for yet has no root any more. */
function hasEnded(process: string): boolean {
  try {
    closeSync(openRoot(process));
    return false;
  } catch (thrown) {
    return GONE.has(errnoOf(thrown) ?? "");
  }
}

function isSame(one: KeptStat | undefined, other: KeptStat | undefined): boolean {
  return one !== undefined && one.device === other?.device && one.inode === other.inode;
}

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH"]);
/** Some four thousand accounts: who drains the ring takes their names apart. */
const MAX_BYTES = 1 << 18;
const MAX_CGROUP = 1 << 20;
