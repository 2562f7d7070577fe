import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { hostPath } from "../lib/host-root.ts";

/** A process that holds a socket. Texts are empty when the process ended meanwhile. */
export interface SocketOwner {
  readonly pid: number;
  readonly comm: string;
  /** The executable's path. */
  readonly exe: string;
  /** The cgroup's path: v2 where the process is below its root, else v1 `pids`. */
  readonly cgroupPath: string;
}

/**
 * Which process holds each socket, by the socket's inode: the one with the lowest pid, which of a
 * server and its workers is the server. Reads every descriptor of every process once and stops when
 * all are found; at most DESCRIPTORS_MAX links. Gives the event loop a turn every few milliseconds.
 * A socket that nobody visible holds is absent.
 */
export async function ownersOf(inodes: Iterable<number>): Promise<Map<number, SocketOwner>> {
  const wanted = new Set(inodes);
  const owners = new Map<number, SocketOwner>();
  let left = DESCRIPTORS_MAX;
  let pause = performance.now() + TURN_MS;
  for (const pid of processIds()) {
    if (wanted.size === 0 || left <= 0) break;
    let owner: SocketOwner | undefined;
    for (const inode of socketsOf(pid, left, (count) => (left -= count))) {
      if (!wanted.delete(inode)) continue;
      owner ??= describeProcess(pid);
      owners.set(inode, owner);
    }
    if (performance.now() < pause) continue;
    await turn();
    pause = performance.now() + TURN_MS;
  }
  return owners;
}

/** All process ids, lowest first. */
export function processIds(): number[] {
  return readdirSync(hostPath("/proc"))
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** What /proc says of a process. */
export function describeProcess(pid: number): SocketOwner {
  const text = (file: string): string =>
    attempt(() => readFileSync(hostPath(`/proc/${pid}/${file}`), "utf8")) ?? "";
  return {
    pid,
    comm: text("comm").trimEnd(),
    exe: attempt(() => readlinkSync(hostPath(`/proc/${pid}/exe`))) ?? "",
    cgroupPath: cgroupPathOf(text("cgroup")),
  };
}

/** The path of a process's cgroup; `/` when it is gone. */
export function cgroupPathOfProcess(pid: number): string {
  return cgroupPathOf(attempt(() => readFileSync(hostPath(`/proc/${pid}/cgroup`), "utf8")) ?? "");
}

/**
 * The path that decides from the text of /proc/PID/cgroup (cgroups(7)): the same choice as the
 * probe's.
 */
export function cgroupPathOf(text: string): string {
  const lines = text.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line) ?? []);
  const unified = lines.find(([, controllers]) => controllers === "")?.[2] ?? "/";
  if (unified !== "/") return unified;
  return lines.find(([, controllers]) => controllers?.split(",").includes("pids"))?.[2] ?? unified;
}

function socketsOf(pid: number, limit: number, count: (descriptors: number) => void): number[] {
  const descriptors = (attempt(() => readdirSync(hostPath(`/proc/${pid}/fd`))) ?? []).slice(
    0,
    limit,
  );
  count(descriptors.length);
  const links = descriptors.map(
    (fd) => attempt(() => readlinkSync(hostPath(`/proc/${pid}/fd/${fd}`))) ?? "",
  );
  return links
    .filter((link) => link.startsWith("socket:["))
    .map((link) => Number(link.slice(8, -1)));
}

/**
 * Processes end while they are looked at, and some are not ours to look at: both count as "nothing
 * there".
 */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const DESCRIPTORS_MAX = 2_000_000;
const TURN_MS = 5;
