import { closeSync, constants } from "node:fs";
import { errnoOf } from "../lib/errno.ts";
import { libc } from "../libc/libc.ts";
import { type KeptStat, statKept } from "../libc/stat-kept.ts";
import { mountsOf, storesFiles } from "./mount-table.ts";
import { findInside, mountOf, openFound, openRoot } from "./open-inside.ts";
import { readBeginning, readBounded } from "./read-bounded.ts";

/**
 * Why a file of a process's root was not read. `gone`: the process is; `absent`: the file is;
 * `elsewhere`: a link leads to another mount, or out; `fileSystem`: it is on one that does not just
 * store files, such as a user's server; `kind`: it is no regular file; `size`; `failed`: the rest.
 */
export type Refusal = "gone" | "absent" | "elsewhere" | "fileSystem" | "kind" | "size" | "failed";

/** A file's text, and what changes with it. */
export interface FileInside {
  readonly text: string;
  /** Another one when the file was changed or replaced. */
  readonly stamp: string;
}

/** How much of a file is read, and which state of it is known already. */
export interface ReadInsideOptions {
  readonly maxBytes: number;
  /** Of what is known: then "unchanged" where that is still so. */
  readonly knownStamp?: string | undefined;
  /** For tests: false as on kernels before Linux 5.6. */
  readonly hasOpenat2?: boolean;
}

/** The root of a process, held open; whose files it has is the process's own choice. */
export class ProcessRoot {
  readonly #fd: number;
  readonly #process: string;
  #mounts: string | undefined;

  /** `process` is its folder below /proc. Throws when it is gone. */
  constructor(process: string) {
    this.#process = process;
    this.#fd = openRoot(process);
  }

  /** The root itself: `device` and `inode` are those of another process with the same one. */
  stat(): KeptStat | undefined {
    return statKept(this.#fd);
  }

  /**
   * Reads a regular file, whatever the process has put in its place: no device, pipe or foreign
   * file is opened, no link followed out of the root. May wait for a disk or a network.
   */
  read(path: string, options: ReadInsideOptions): FileInside | "unchanged" | Refusal {
    const found = this.#find(path, options);
    if (typeof found === "string") return found;
    try {
      const stat = statKept(found);
      if (stat === undefined || (stat.mode & constants.S_IFMT) !== constants.S_IFREG) return "kind";
      if (stat.size > options.maxBytes) return "size";
      const stamp = stampOf(stat);
      return stamp === options.knownStamp ? "unchanged" : readFound(found, options.maxBytes, stamp);
    } catch (thrown) {
      return errnoOf(thrown) === "ENOENT" ? "absent" : "failed";
    } finally {
      libc.close(found);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #find(path: string, { hasOpenat2 }: ReadInsideOptions): number | Refusal {
    const how = hasOpenat2 === undefined ? {} : { hasOpenat2 };
    if (!this.#isOnFiles()) return "fileSystem";
    let found = findInside(this.#fd, path, { across: "links", ...how });
    if (found === "EXDEV") {
      if (!this.#leadsOverFiles(path)) return "fileSystem";
      found = findInside(this.#fd, path, { across: "mounts", ...how });
    }
    return typeof found === "number" ? found : (REFUSALS[found] ?? "failed");
  }

  #isOnFiles(): boolean {
    const own = mountOf(this.#fd);
    const mount = mountsOf(this.#table()).find(({ id }) => id === own);
    return mount !== undefined && storesFiles(mount);
  }

  /** Whether all that is mounted on a path without links just stores files. */
  #leadsOverFiles(path: string): boolean {
    const names = path.split("/").filter(Boolean);
    const places = new Set(names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`));
    return mountsOf(this.#table())
      .filter(({ point }) => places.has(point))
      .every((mount) => storesFiles(mount));
  }

  #table(): string {
    return (this.#mounts ??= readBeginning(`${this.#process}/mountinfo`, MAX_TABLE));
  }
}

/** A file that nobody else chooses, such as the host's own: links lead where they lead. */
export function readOwn(
  path: string,
  knownStamp: string | undefined,
): FileInside | "unchanged" | Refusal {
  try {
    const stat = statKept(path);
    if (stat === undefined) return "absent";
    if ((stat.mode & constants.S_IFMT) !== constants.S_IFREG) return "kind";
    if (stat.size > MAX_OWN) return "size";
    const stamp = stampOf(stat);
    return stamp === knownStamp ? "unchanged" : { text: readBeginning(path, MAX_OWN), stamp };
  } catch (thrown) {
    return errnoOf(thrown) === "ENOENT" ? "absent" : "failed";
  }
}

function readFound(found: number, maxBytes: number, stamp: string): FileInside | Refusal {
  const fd = openFound(found);
  try {
    const bytes = readBounded(fd, maxBytes + 1);
    return bytes.length > maxBytes ? "size" : { text: bytes.toString("utf8"), stamp };
  } finally {
    closeSync(fd);
  }
}

function stampOf({ device, inode, size, changedNs, modifiedNs }: KeptStat): string {
  return [device, inode, size, changedNs, modifiedNs].join(" ");
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  ENOENT: "absent",
  ENOTDIR: "absent",
  ELOOP: "elsewhere",
  EXDEV: "elsewhere",
};
const MAX_OWN = 32 << 20;
/** A namespace may hold a hundred thousand mounts (sysctl fs.mount-max). */
const MAX_TABLE = 16 << 20;
