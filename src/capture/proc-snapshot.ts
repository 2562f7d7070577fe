import { readdirSync, statSync } from "node:fs";
import { claimsOf } from "../containers/cgroup-path.ts";
import { hostCgroupRoot } from "../containers/cgroup-scan.ts";
import { hostPath } from "../lib/host-root.ts";
import type { Process } from "../state/process.ts";
import { linkOf, memoryTextOf, textOf } from "./_proc-files.ts";
import { NO_EXECUTABLE_FACTS } from "./executable-reader.ts";

/** Where procfs and the control groups are mounted. */
export interface ProcOptions {
  /**
   * Where the host's /proc and cgroup file systems are: `/proc` and `/sys/fs/cgroup`, or below
   * `/host` in a container.
   */
  readonly procRoot: string;
  readonly cgroupRoot: string;
}

/** Above all numbers that the kernel gives to control groups in a few thousand years. */
const FIRST_UNKNOWN_CGROUP = 2 ** 52;
const MAX_UNKNOWN_CGROUPS = 4096;

/**
 * USER_HZ: the unit of times in /proc/PID/stat, 100 on every architecture that Linux tells user
 * space about.
 */
const NS_PER_TICK = 10_000_000;

/**
 * Reads processes out of /proc (proc(5)): all of them at the start, one of them when its events
 * were lost.
 */
export class ProcReader {
  readonly #options: ProcOptions;
  readonly #bootNs: bigint;
  readonly #cgroupInodes = new Map<string, number>();
  readonly #cgroupPaths = new Map<number, string>();
  readonly #unknownCgroups = new Map<number, string>();

  constructor(options: Partial<ProcOptions> = {}) {
    this.#options = {
      procRoot: options.procRoot ?? hostPath("/proc"),
      cgroupRoot: options.cgroupRoot ?? hostCgroupRoot(),
    };
    this.#bootNs = this.#bootTime();
  }

  /**
   * Control groups of containers that processes were in and that could not be looked at, by the
   * number that they got here.
   */
  unknownCgroups(): ReadonlyMap<number, string> {
    return this.#unknownCgroups;
  }

  /** Every process that can be read now. */
  all(): Process[] {
    const processes: Process[] = [];
    for (const name of readdirSync(this.#options.procRoot)) {
      const process = /^\d+$/.test(name) ? this.read(Number(name), THREADS_MAX) : undefined;
      if (process !== undefined) processes.push(process);
    }
    return processes;
  }

  /**
   * One process; undefined when it is gone or not ours to read. With an empty `exepath` it had
   * ended (or is the kernel's own), and what else it has may be wrong; else its ids,
   * name, arguments and control group are right. What stat(2) says of its executable stays out
   * (ExecutableReader): that may be on a file system that never answers. So do the arguments of who
   * may hold its memory's lock for ever, or has more threads than `maxThreads`.
   */
  read(pid: number, maxThreads = THREADS_MAX_HOT): Process | undefined {
    const directory = `${this.#options.procRoot}/${pid}`;
    const stat = textOf(`${directory}/stat`);
    const status = parseStatus(textOf(`${directory}/status`));
    // The name stands in parentheses and may hold anything, so the fields start behind the last
    // one.
    const nameEnd = stat.lastIndexOf(")");
    if (nameEnd < 0) return undefined;
    const comm = stat.slice(stat.indexOf("(") + 1, nameEnd);
    const numbers = stat
      .slice(nameEnd + 2)
      .split(" ")
      .map(Number);
    const memoryText = (file: string, maxBytes: number): string =>
      memoryTextOf(directory, file, { stat, maxBytes, maxThreads });
    const [exe = "", ...args] = memoryText("cmdline", MAX_ARGUMENTS).replace(/\0$/, "").split("\0");
    const cgroup = this.#cgroupOf(directory);
    // Behind what must be right: some processes live no longer than this takes.
    const exepath = linkOf(`${directory}/exe`).replace(/ \(deleted\)$/, "");
    const startBoot = (numbers[19] ?? 0) * NS_PER_TICK;
    const startTime = this.#bootNs + BigInt(startBoot);
    const ids = (name: string): number[] => (status.get(name) ?? "").split("\t").map(Number);
    return {
      pid,
      ppid: numbers[1] ?? 0,
      pgid: numbers[2] ?? 0,
      // As the process itself is told it, and so events of setsid(2) are.
      sid: ids("NSsid").at(-1) ?? numbers[3] ?? 0,
      tty: numbers[4] ?? 0,
      vpid: ids("NSpid").at(-1) ?? pid,
      vpgid: ids("NSpgid").at(-1) ?? 0,
      comm,
      exe,
      args,
      env: environmentOf(memoryText("environ", MAX_ENVIRONMENT)),
      exepath,
      cwd: `${linkOf(`${directory}/cwd`)}/`.replace("//", "/"),
      uid: ids("Uid")[1] ?? 0,
      gid: ids("Gid")[1] ?? 0,
      loginuid: Number(textOf(`${directory}/loginuid`) || 0xffff_ffff),
      capInheritable: hexSet(status.get("CapInh")),
      capPermitted: hexSet(status.get("CapPrm")),
      capEffective: hexSet(status.get("CapEff")),
      exeFlags: 0,
      ...NO_EXECUTABLE_FACTS,
      startBoot,
      startTime,
      execTime: startTime,
      cgroup,
      networkNamespace: namespaceInode(linkOf(`${directory}/ns/net`)),
      pidNamespace: namespaceInode(linkOf(`${directory}/ns/pid`)),
      programMountNamespace: namespaceInode(linkOf(`${directory}/ns/mnt`)),
    };
  }

  /**
   * The path of a process's cgroup that was read, by its inode; undefined when there are too many.
   */
  cgroupPath(inode: number): string | undefined {
    return this.#cgroupPaths.get(inode);
  }

  /**
   * The same choice as the probe's: the v2 group where it lies below the root, else the v1 `pids`
   * group.
   */
  #cgroupOf(directory: string): number {
    const groups = textOf(`${directory}/cgroup`)
      .split("\n")
      .map((line) => line.split(":"));
    const unified =
      groups
        .find(([hierarchy]) => hierarchy === "0")
        ?.slice(2)
        .join(":") ?? "/";
    const pids = groups
      .find(([, controllers]) => controllers === "pids")
      ?.slice(2)
      .join(":");
    if (unified !== "/" || pids === undefined) return this.#inode(unified, ["", "/unified"]);
    return this.#inode(pids, ["/pids"]);
  }

  #inode(path: string, mounts: readonly string[]): number {
    const known = this.#cgroupInodes.get(path);
    if (known !== undefined) return known;
    for (const mount of mounts) {
      const inode = fileInode(`${this.#options.cgroupRoot}${mount}${path}`);
      if (
        inode === undefined ||
        (mount === "" && fileInode(`${this.#options.cgroupRoot}/cgroup.procs`) === undefined)
      )
        continue;
      if (this.#cgroupInodes.size < 4096) {
        this.#cgroupInodes.set(path, inode);
        this.#cgroupPaths.set(inode, path);
      }
      return inode;
    }
    return this.#numberOf(path);
  }

  /**
   * Where the host's control groups cannot be looked at, as in a container, a container's get a
   * number that none of the kernel's is.
   */
  #numberOf(path: string): number {
    if (claimsOf(path).length === 0 || this.#unknownCgroups.size >= MAX_UNKNOWN_CGROUPS) return 0;
    const number = FIRST_UNKNOWN_CGROUP + this.#unknownCgroups.size;
    this.#unknownCgroups.set(number, path);
    this.#cgroupInodes.set(path, number);
    this.#cgroupPaths.set(number, path);
    return number;
  }

  #bootTime(): bigint {
    const seconds = /^btime (\d+)$/m.exec(textOf(`${this.#options.procRoot}/stat`))?.[1] ?? "0";
    return BigInt(seconds) * 1_000_000_000n;
  }
}

function fileInode(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

function parseStatus(text: string): ReadonlyMap<string, string> {
  const entries = text.split("\n").map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return new Map(entries);
}

/** As much as the probe sends of it. */
const MAX_ENVIRONMENT = 4095;

/**
 * A process may point at any of its memory as its arguments (PR_SET_MM_MAP of prctl(2)), and
 * reading them to their end then never ends.
 */
const MAX_ARGUMENTS = 16 * 1024;

/** Of processes that are looked at all together, and of one while events wait. */
const THREADS_MAX = 4096;
const THREADS_MAX_HOT = 64;

/** Undefined where there is none, or it may not be read. */
function environmentOf(text: string): readonly string[] | undefined {
  return text === "" ? undefined : text.replace(/\0$/, "").split("\0");
}

function hexSet(text: string | undefined): bigint {
  return text === undefined ? 0n : BigInt(`0x${text}`);
}

/** `net:[4026531840]` → 4026531840 */
function namespaceInode(link: string): number {
  return Number(/\[(\d+)\]/.exec(link)?.[1] ?? 0);
}
