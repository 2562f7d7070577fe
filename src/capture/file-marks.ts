import { closeSync, openSync } from "node:fs";
import { hostPath } from "../lib/host-root.ts";
import { type DescriptorWatch, libc, watchChanges } from "../libc/libc.ts";
import { linkOf, listOf, textOf } from "./_proc-files.ts";
import type { Fanotify } from "./fanotify.ts";
import { readMounts, watchableMounts } from "../untrusted/mount-table.ts";
import { findKept, openRoot } from "../untrusted/open-inside.ts";

/**
 * Marks the file systems of all mount namespaces: those that are there, those that the host mounts,
 * and those of namespaces that come with a program.
 */
export class FileMarks {
  readonly #group: Pick<Fanotify, "mark" | "marksFileSystems" | "unmarkAll">;
  readonly #onProblem: (text: string) => void;
  readonly #host = hostProcess();
  readonly #hostTable: number;
  readonly #hostChanges: DescriptorWatch;
  readonly #hostNamespace = linkOf(hostPath(`/proc/${this.#host}/ns/mnt`));
  /**
   * Of processes whose mount table was read, by control group and namespace: a namespace's number
   * is used again.
   */
  readonly #seen = new Set<string>();
  #mask = 0;
  #hasFailed = false;

  /** Throws where the host's mount table cannot be read. */
  constructor(
    group: Pick<Fanotify, "mark" | "marksFileSystems" | "unmarkAll">,
    onProblem: (text: string) => void,
  ) {
    this.#group = group;
    this.#onProblem = onProblem;
    this.#hostTable = openSync(hostPath(`/proc/${this.#host}/mountinfo`), "r");
    this.#hostChanges = watchChanges(this.#hostTable);
    // A container's root is mounted by its runtime well before its first program runs.
    this.#hostChanges.start(() => this.#markNamespace(this.#host));
  }

  /**
   * Asks for these events of FILE_EVENT from now on; where something is not asked any more, some
   * milliseconds of events may be missed.
   */
  ask(mask: number): void {
    if (mask === this.#mask) return;
    if ((this.#mask & ~mask) !== 0) this.#group.unmarkAll();
    this.#mask = mask;
    this.#seen.clear();
    for (const pid of [this.#host, ...onePerNamespace(this.#hostNamespace)])
      this.#markNamespace(pid);
  }

  /** The process runs a program, in a mount namespace that may be new. */
  programStarted(pid: number, cgroup: number): void {
    if (this.#mask === 0) return;
    const namespace = linkOf(hostPath(`/proc/${pid}/ns/mnt`));
    if (namespace === "" || namespace === this.#hostNamespace) return;
    const key = `${cgroup} ${namespace}`;
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.add(key);
    this.#markNamespace(pid);
  }

  close(): void {
    this.#hostChanges.stop();
    this.#hostChanges.close();
    closeSync(this.#hostTable);
  }

  /** What is mounted is kept by the kernel: no file system on the way there is asked. */
  #markAt(root: number, point: string): string | undefined {
    const found = point === "/" ? root : findKept(root, point);
    if (typeof found === "string") return found;
    const errno = this.#group.mark(`/proc/self/fd/${found}`, this.#mask);
    if (found !== root) libc.close(found);
    return errno;
  }

  /**
   * All of them every time: a mark ends with its file system, and the next one may have the same
   * number.
   */
  #markNamespace(pid: number | "self"): void {
    if (this.#mask === 0) return;
    const root = rootOf(pid);
    if (root === undefined) return;
    const done = new Set<string>();
    const failures = new Map<string, string>();
    for (const { device, point } of watchableMounts(
      readMounts(textOf(hostPath(`/proc/${pid}/mountinfo`), MAX_TABLE)),
    ).slice(0, MAX_MOUNTS)) {
      const key = this.#group.marksFileSystems ? device : point;
      if (done.has(key)) continue;
      const errno = this.#markAt(root, point);
      if (errno === undefined) done.add(key);
      else failures.set(key, `${point}: ${errno}`);
    }
    closeSync(root);
    // What was mounted for a moment is no failure, nor is a process that has ended.
    const all = [...failures].flatMap(([key, text]) =>
      done.has(key) || text.endsWith(": ENOENT") ? [] : [text],
    );
    if (all.length === 0 || this.#hasFailed || linkOf(hostPath(`/proc/${pid}/ns/mnt`)) === "")
      return;
    this.#hasFailed = true;
    this.#onProblem(
      `Files on some file systems are not seen: cannot watch ${all.slice(0, 3).join(", ")}${all.length > 3 ? ` and ${all.length - 3} more` : ""}`,
    );
  }
}

function rootOf(pid: number | "self"): number | undefined {
  try {
    return openRoot(hostPath(`/proc/${pid}`));
  } catch {
    return undefined;
  }
}

/**
 * Whose mounts are the host's: the first process, where we may look at it, else we are taken for a
 * part of the host.
 */
function hostProcess(): 1 | "self" {
  return linkOf(hostPath("/proc/1/ns/mnt")) === "" ? "self" : 1;
}

/** A process of each mount namespace but the host's. */
function onePerNamespace(hostNamespace: string): number[] {
  const byNamespace = new Map<string, number>();
  for (const name of listOf(hostPath("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const namespace = linkOf(hostPath(`/proc/${name}/ns/mnt`));
    if (namespace !== "" && namespace !== hostNamespace) byNamespace.set(namespace, Number(name));
  }
  return [...byNamespace.values()];
}

const MAX_SEEN = 4096;
/** Of one namespace, and bytes of its table: it may hold a hundred thousand (sysctl fs.mount-max). */
const MAX_MOUNTS = 4096;
const MAX_TABLE = 8 << 20;
