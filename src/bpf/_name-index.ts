/** A type's name without its flavour: `task_struct___v5` is a `task_struct`. */
export function essentialName(name: string): string {
  for (let at = name.length - 5; at >= 0; at -= 1) {
    if (name.startsWith("___", at + 1) && name[at] !== "_" && name[at + 4] !== "_")
      return name.slice(0, at + 1);
  }
  return name;
}

/**
 * Types of BTF in chains by hash of their essential names: made in milliseconds for the kernel's
 * hundred thousand.
 */
export class NameIndex {
  readonly #heads = new Uint32Array(BUCKET_MASK + 1);
  readonly #next: Uint32Array;

  /** `words` of all types, where each starts, and the strings that their first words point into. */
  constructor(words: Uint32Array, starts: Uint32Array, strings: Uint8Array) {
    this.#next = new Uint32Array(starts.length);
    for (let id = 1; id < starts.length; id += 1) {
      const name = words[starts[id] ?? 0] ?? 0;
      if (name === 0 || name >= strings.length) continue;
      const bucket = essentialHash(strings, name) & BUCKET_MASK;
      this.#next[id] = this.#heads[bucket] ?? 0;
      this.#heads[bucket] = id;
    }
  }

  /**
   * Ids that may have this essential name, in ascending order; others of the same hash among them.
   */
  candidates(name: string): number[] {
    const ids: number[] = [];
    const bucket = essentialHash(new TextEncoder().encode(`${name}\0`), 0) & BUCKET_MASK;
    for (let id = this.#heads[bucket] ?? 0; id !== 0; id = this.#next[id] ?? 0) ids.push(id);
    return ids.toReversed();
  }
}

/**
 * FNV-1a over a NUL-terminated name up to where its flavour starts (see `essentialName`). Hot: runs
 * over all names of the kernel.
 */
function essentialHash(strings: Uint8Array, start: number): number {
  let hash = 0x811c9dc5;
  let underscores = 0;
  let beforeUnderscores = 0;
  let essential: number | undefined;
  for (let at = start; at < strings.length; at += 1) {
    const byte = strings[at] ?? 0;
    if (byte === 0) break;
    if (byte === UNDERSCORE) {
      if (underscores === 0) beforeUnderscores = hash;
      underscores += 1;
    } else {
      if (underscores === 3 && at - start > 3) essential = beforeUnderscores;
      underscores = 0;
    }
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return essential ?? hash;
}

const UNDERSCORE = 0x5f;
const BUCKET_MASK = 0x1ffff;
