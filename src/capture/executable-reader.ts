import { hostPath } from "../lib/host-root.ts";
import type { KeptStat } from "../libc/stat-kept.ts";
import type { Process } from "../state/process.ts";
import type { FileReader } from "../untrusted/file-reader.ts";

/** What stat(2) says of a process's executable. */
export type ExecutableFacts = Pick<Process, "exeInode" | "exeCtime" | "exeMtime">;

/** Who reads what the kernel keeps of executables, and where /proc is. */
export interface ExecutableReaderOptions {
  readonly files: Pick<FileReader, "ask">;
  /** Where the host's /proc is; default /proc, or below `/host` in a container. */
  readonly procRoot?: string;
}

/**
 * Looks at the executables of processes, which are where their owners have put them, in another
 * thread: those that are asked for in one turn of the event loop together.
 */
export class ExecutableReader {
  readonly #options: ExecutableReaderOptions;
  #asked: Asked[] = [];

  constructor(options: ExecutableReaderOptions) {
    this.#options = options;
  }

  /** Undefined when the process is gone, has none (the kernel's own) or nobody answers in time. */
  of({ pid, exepath }: Pick<Process, "pid" | "exepath">): Promise<ExecutableFacts | undefined> {
    if (exepath === "") return Promise.resolve(undefined);
    return new Promise((resolve) => {
      if (this.#asked.length === 0) setImmediate(() => this.#askAll());
      this.#asked.push({ pid, resolve });
    });
  }

  #askAll(): void {
    const all = this.#asked;
    this.#asked = [];
    for (let start = 0; start < all.length; start += MAX_TOGETHER)
      void this.#ask(all.slice(start, start + MAX_TOGETHER));
  }

  async #ask(asked: readonly Asked[]): Promise<void> {
    const { files, procRoot = hostPath("/proc") } = this.#options;
    const paths = asked.map(({ pid }) => `${procRoot}/${pid}/exe`);
    const stats = await files.ask("stats", paths, "facts of executables");
    for (const [index, { resolve }] of asked.entries()) resolve(factsOf(stats?.[index]));
  }
}

interface Asked {
  readonly pid: number;
  readonly resolve: (facts: ExecutableFacts | undefined) => void;
}

/** What is known of an executable that was not looked at. */
export const NO_EXECUTABLE_FACTS: ExecutableFacts = { exeInode: 0, exeCtime: 0n, exeMtime: 0n };

/** The facts out of what the kernel keeps of a file. */
export function factsOf(stat: KeptStat | undefined): ExecutableFacts | undefined {
  return stat === undefined
    ? undefined
    : { exeInode: stat.inode, exeCtime: stat.changedNs, exeMtime: stat.modifiedNs };
}

const MAX_TOGETHER = 64;
