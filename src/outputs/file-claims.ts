import { stat } from "node:fs/promises";

/** A file, whatever its paths: the same through links and bind mounts. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Who writes to a file; each output is one, whatever its name. */
export interface FileOwner {
  readonly name: string;
}

/**
 * Which output writes to which file. The first has it; whoever comes to the same file by another
 * path leaves it alone, so that each alert stands there once.
 */
export class FileClaims {
  readonly #sourceFile: string | undefined;
  readonly #owners = new Map<string, FileOwner>();

  /** `sourceFile`: alerts are read from it, so nobody writes to it. */
  constructor(sourceFile?: string) {
    this.#sourceFile = sourceFile;
  }

  /** Undefined when the file is `owner`'s from now on, else who has it, in words. */
  async claim(owner: FileOwner, file: Identity): Promise<string | undefined> {
    if (await this.#isSource(file)) return "alerts are read from it";
    const key = keyOf(file);
    const other = this.#owners.get(key);
    if (other !== undefined && other !== owner) return `${other.name} writes to the same file`;
    this.release(owner);
    this.#owners.set(key, owner);
    return undefined;
  }

  release(owner: FileOwner): void {
    for (const [key, one] of this.#owners) if (one === owner) this.#owners.delete(key);
  }

  async #isSource(file: Identity): Promise<boolean> {
    if (this.#sourceFile === undefined) return false;
    try {
      return keyOf(await stat(this.#sourceFile, { bigint: true })) === keyOf(file);
    } catch {
      return false;
    }
  }
}

function keyOf({ dev, ino }: Identity): string {
  return `${dev}:${ino}`;
}
