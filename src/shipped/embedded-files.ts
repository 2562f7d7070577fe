import { dirname, normalize } from "node:path";

/** What a one-file program carries: `node:sea`, or a stand-in for it. Keys are paths such as `rules/saker_rules.yaml`. */
export interface Assets {
  getAssetKeys(): readonly string[];
  getRawAsset(key: string): ArrayBuffer;
}

/** Files within the program at the path `program`: the paths below it, which the kernel knows nothing of. */
export class EmbeddedFiles {
  readonly #program: string;
  readonly #assets: Assets;

  constructor(program: string, assets: Assets) {
    this.#program = program;
    this.#assets = assets;
  }

  /** Whether a path is one of a file or folder within the program, be it there or not. */
  covers(path: string): boolean {
    return normalize(path).startsWith(`${this.#program}/`);
  }

  /** The bytes, not to be written to; throws `ENOENT`. */
  read(path: string): Uint8Array {
    const key = this.#keyOf(path);
    if (!this.#assets.getAssetKeys().includes(key)) throw noSuchFile(path);
    return new Uint8Array(this.#assets.getRawAsset(key));
  }

  /** The names of a folder's files, without folders; undefined of what is a file. Throws `ENOENT`. */
  names(path: string): readonly string[] | undefined {
    const keys = this.#assets.getAssetKeys();
    const folder = this.#keyOf(path);
    if (keys.includes(folder)) return undefined;
    const inside = keys.filter((key) => dirname(key) === folder);
    if (inside.length === 0) throw noSuchFile(path);
    return inside.map((key) => key.slice(folder.length + 1));
  }

  #keyOf(path: string): string {
    return normalize(path)
      .slice(this.#program.length + 1)
      .replace(/\/$/, "");
  }
}

/** As the file system says it. */
function noSuchFile(path: string): Error {
  const text = `ENOENT: no such file or directory, open '${path}'`;
  return Object.assign(new Error(text), { code: "ENOENT", path });
}
