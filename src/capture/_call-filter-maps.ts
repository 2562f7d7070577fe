import type { BpfMap } from "../bpf/bpf-map.ts";
import type { LoadedObject } from "../bpf/load-object.ts";
import {
  type CallFilter,
  FILTER_TABLE,
  FILTERED_CODES,
  folderEntries,
  MAX_PREFIX_BYTES,
  nameHash,
} from "../events/call-filter.ts";
import { FIRST_KEY, keyOf, SETTINGS } from "./_probe-layout.ts";

/** The maps of probe/filter.h that say which calls leave the kernel. */
export class CallFilterMaps {
  readonly #filter: BpfMap;
  readonly #prefixes: BpfMap;
  readonly #names: BpfMap;

  constructor(object: Pick<LoadedObject, "map">) {
    this.#filter = object.map("call_filter");
    this.#prefixes = object.map("path_prefixes");
    this.#names = object.map("path_names");
  }

  /** Undefined: all leave. While it changes all do. Throws `KERNEL_<ERRNO>`. */
  use(filter: CallFilter | undefined): void {
    // What the kernel remembers of the filter before is void.
    const before = this.#filter.lookup(FIRST_KEY) ?? new Uint8Array(CALL_FILTER.size);
    const last = new DataView(before.buffer).getUint32(CALL_FILTER.generation, true);
    this.#filter.update(FIRST_KEY, emptyFilter(last + 1));
    // All keys first: a walk starts over when the key that it stands on is gone.
    for (const map of [this.#prefixes, this.#names])
      for (const key of Array.from(map.keys())) map.delete(key);
    if (filter === undefined) return;
    for (const [prefix, clauses] of filter.prefixes)
      this.#prefixes.update(prefixKey(prefix), keyOf(clauses));
    for (const [folder, clauses] of folderEntries(filter))
      this.#prefixes.update(prefixKey(folder + FOLDER_MARK), keyOf(clauses));
    // Names of one hash share what they fulfil.
    const byHash = new Map<number, number>();
    for (const [name, clauses] of filter.names)
      byHash.set(nameHash(name), (byHash.get(nameHash(name)) ?? 0) | clauses);
    for (const [hash, clauses] of byHash) this.#names.update(keyOf(hash), keyOf(clauses));
    this.#filter.update(FIRST_KEY, filterBytes(filter, last + 2));
  }
}

/** Behind a folder's own entry, as probe/opened.h has it. */
const FOLDER_MARK = "\u0001";

/** Bits of the table that spares most names a look into the map of names. */
const NAME_BITS = 1024;

/** `struct call_filter` of probe/filter.h: where its parts start, in bytes. */
export const CALL_FILTER = (() => {
  const generation = 16;
  const somePath = 20;
  const names = 24;
  const callers = names + NAME_BITS / 8;
  const clauses = callers + 4 * FILTER_TABLE.callers;
  const rows = clauses + 4 * FILTER_TABLE.rows * FILTER_TABLE.kinds;
  return {
    generation,
    somePath,
    names,
    callers,
    clauses,
    rows,
    size: rows + SETTINGS.codes,
  } as const;
})();

function emptyFilter(generation: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CALL_FILTER.size);
  new DataView(bytes.buffer).setUint32(CALL_FILTER.generation, generation, true);
  return bytes;
}

function filterBytes(
  { anyPath, anyName, callers, clauses, prefixes, names }: CallFilter,
  generation: number,
): Uint8Array {
  const bytes = emptyFilter(generation);
  const any = callers.reduce((all, bits) => all & bits);
  const someCallers = callers.reduce((all, bits) => all | bits) & ~any;
  new Uint32Array(bytes.buffer, 0, 4).set([1, anyPath, anyName, someCallers]);
  const somePath = [...prefixes.values()].reduce((all, bits) => all | bits, 0);
  new Uint32Array(bytes.buffer, CALL_FILTER.somePath, 1).set([somePath]);
  for (const name of names.keys()) {
    const bit = nameHash(name) % NAME_BITS;
    const at = CALL_FILTER.names + (bit >>> 3);
    bytes[at] = (bytes[at] ?? 0) | (1 << (bit & 7));
  }
  new Uint32Array(bytes.buffer, CALL_FILTER.callers, callers.length).set(callers);
  new Uint32Array(bytes.buffer, CALL_FILTER.clauses, clauses.length).set(clauses);
  for (const [row, code] of FILTERED_CODES.entries()) bytes[CALL_FILTER.rows + code] = row + 1;
  return bytes;
}

/** `struct path_prefix` of probe/filter.h. */
function prefixKey(prefix: string): Uint8Array {
  const text = new TextEncoder().encode(prefix);
  const key = new Uint8Array(4 + MAX_PREFIX_BYTES);
  new DataView(key.buffer).setUint32(0, text.length * 8, true);
  key.set(text, 4);
  return key;
}
