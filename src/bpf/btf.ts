import { decodeText } from "../lib/text.ts";
import { AppError } from "../lib/errors.ts";
import { NameIndex, essentialName } from "./_name-index.ts";

/** Kinds of BTF types (Documentation/bpf/btf.rst; include/uapi/linux/btf.h). */
export const BTF_KIND = {
  void: 0,
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  funcProto: 13,
  var: 14,
  datasec: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** How long a chain of typedefs, qualifiers or arrays may be before it counts as a cycle. */
const MAX_CHAIN = 32;

/** One member of a struct or union; offsets and sizes in bits. */
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** Bits of a bitfield, 0 when it is none. */
  readonly bitfieldSize: number;
}

/**
 * BPF Type Format: types by id, read in place. Ids count from 1; id 0 is void. Only the start of
 * each type is indexed at once; names are looked up when asked, so that the kernel's 5 MB open in
 * milliseconds. Every method that takes an id throws `INPUT_BTF` when there is no such type.
 */
export class Btf {
  /** One more than the highest type id. */
  readonly count: number;
  readonly #words: Uint32Array;
  readonly #strings: Uint8Array;
  /** Word index of each type; that of type 0 is the end, behind which every word reads as 0. */
  readonly #starts: Uint32Array;
  readonly #names = new Map<number, string>();
  #byName: NameIndex | undefined;

  /** Throws `INPUT_BTF` when the bytes are not whole, little-endian BTF. */
  constructor(bytes: Uint8Array) {
    const { types, strings } = sectionsOf(bytes);
    this.#strings = strings;
    // Host and format are both little-endian (x64, arm64), but a view of words must be aligned.
    const aligned = types.byteOffset % 4 === 0 ? types : new Uint8Array(types);
    this.#words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
    this.#starts = indexTypes(this.#words);
    this.count = this.#starts.length;
  }

  /** The string table as it is in the file. */
  get strings(): Uint8Array {
    return this.#strings;
  }

  kind(id: number): number {
    return kindOf(this.#word(this.#at(id) + 1));
  }

  /** Empty for an anonymous type. */
  name(id: number): string {
    return this.text(this.#word(this.#at(id)));
  }

  /** Number of members, enumerators, parameters or variables. */
  length(id: number): number {
    return this.#word(this.#at(id) + 1) & 0xffff;
  }

  /** The kind flag: a bitfield struct, a signed enum, a forward-declared union. */
  flag(id: number): boolean {
    return this.#word(this.#at(id) + 1) >>> 31 === 1;
  }

  /** The size in bytes that a type states; meaningful for sized kinds only. */
  statedSize(id: number): number {
    return this.#word(this.#at(id) + 2);
  }

  /**
   * The type that a pointer, typedef, qualifier, function or variable refers to, or a prototype's
   * result.
   */
  target(id: number): number {
    return this.#word(this.#at(id) + 2);
  }

  array(id: number): { readonly element: number; readonly length: number } {
    const at = this.#extra(id, 0, 3);
    return { element: this.#word(at), length: this.#word(at + 2) };
  }

  /** The encoding word of an integer. Bits 0–7 size in bits, 16–23 offset, 24 signed. */
  integer(id: number): { readonly signed: boolean; readonly bitOffset: number } {
    const word = this.#word(this.#extra(id, 0, 1));
    return { signed: (word & 0x01000000) !== 0, bitOffset: (word >>> 16) & 0xff };
  }

  member(id: number, index: number): BtfMember {
    const at = this.#extra(id, index, 3);
    const offset = this.#word(at + 2);
    const packed = this.flag(id);
    return {
      name: this.text(this.#word(at)),
      type: this.#word(at + 1),
      bitOffset: packed ? offset & 0xffffff : offset,
      bitfieldSize: packed ? offset >>> 24 : 0,
    };
  }

  /**
   * An enumerator. Values are read as signed whatever the flag says: compilers before the flag left
   * it out (libbpf does the same).
   */
  enumerator(id: number, index: number): { readonly name: string; readonly value: bigint } {
    const wide = this.kind(id) === BTF_KIND.enum64;
    const at = this.#extra(id, index, wide ? 3 : 2);
    const low = this.#word(at + 1);
    const value = wide
      ? BigInt.asIntN(64, (BigInt(this.#word(at + 2)) << 32n) | BigInt(low))
      : BigInt(low | 0);
    return { name: this.text(this.#word(at)), value };
  }

  /** Type of a prototype's parameter. */
  parameter(id: number, index: number): number {
    return this.#word(this.#extra(id, index, 2) + 1);
  }

  /** A variable of a data section. */
  variable(
    id: number,
    index: number,
  ): { readonly type: number; readonly offset: number; readonly size: number } {
    const at = this.#extra(id, index, 3);
    return { type: this.#word(at), offset: this.#word(at + 1), size: this.#word(at + 2) };
  }

  /** Words of a type as they are in the file. */
  raw(id: number): Uint32Array {
    const at = this.#at(id);
    return this.#words.subarray(at, at + wordsOf(this.#word(at + 1)));
  }

  /** The string at an offset of the string table; throws `INPUT_BTF` beyond its end. */
  text(offset: number): string {
    const known = this.#names.get(offset);
    if (known !== undefined) return known;
    if (offset >= this.#strings.length)
      throw broken(`string ${offset} lies outside the string table`);
    const text = decodeText(this.#strings, offset, this.#strings.length);
    this.#names.set(offset, text);
    return text;
  }

  /** Follows typedefs and qualifiers. */
  skipModifiers(id: number): number {
    let at = id;
    for (let hops = 0; hops < MAX_CHAIN; hops += 1) {
      if (!MODIFIERS.has(this.kind(at))) return at;
      at = this.target(at);
    }
    throw broken(`type ${id} is a chain of more than ${MAX_CHAIN} typedefs`);
  }

  /**
   * Size in bytes with arrays multiplied out; pointers have 8. Throws `INPUT_BTF` for a type
   * without a size.
   */
  size(id: number): number {
    let at = id;
    let factor = 1;
    for (let hops = 0; hops < MAX_CHAIN; hops += 1) {
      const kind = this.kind(at);
      if (kind === BTF_KIND.ptr) return factor * 8;
      if (SIZED.has(kind)) return factor * this.statedSize(at);
      if (kind === BTF_KIND.array) {
        const array = this.array(at);
        factor *= array.length;
        at = array.element;
      } else if (MODIFIERS.has(kind) || kind === BTF_KIND.var || kind === BTF_KIND.declTag)
        at = this.target(at);
      else break;
    }
    throw broken(`type ${id} has no size`);
  }

  /** Ids of all types with this name, flavours (`name___anything`) included, in ascending order. */
  idsNamed(name: string): number[] {
    if (name === "") return [];
    const index = (this.#byName ??= new NameIndex(this.#words, this.#starts, this.#strings));
    return index.candidates(name).filter((id) => essentialName(this.name(id)) === name);
  }

  /** The first type of this very name and kind, undefined when there is none. */
  find(name: string, kind: number): number | undefined {
    return this.idsNamed(name).find((id) => this.kind(id) === kind && this.name(id) === name);
  }

  #at(id: number): number {
    const start = this.#starts[id];
    if (start === undefined) throw broken(`there is no type ${id}`);
    return start;
  }

  /** Word index of the `index`-th record behind a type's three words, each `width` words long. */
  #extra(id: number, index: number, width: number): number {
    const at = this.#at(id);
    const offset = 3 + index * width;
    if (offset + width > wordsOf(this.#word(at + 1)))
      throw broken(`type ${id} has no part ${index}`);
    return at + offset;
  }

  #word(index: number): number {
    return this.#words[index] ?? 0;
  }
}

function sectionsOf(bytes: Uint8Array): { types: Uint8Array; strings: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 24 || view.getUint16(0, true) !== 0xeb9f)
    throw broken("it does not start with the magic number of little-endian BTF");
  const header = view.getUint32(4, true);
  const section = (at: number, name: string): Uint8Array => {
    const start = header + view.getUint32(at, true);
    const end = start + view.getUint32(at + 4, true);
    if (end > bytes.length) throw broken(`its ${name} reach beyond the end`);
    return bytes.subarray(start, end);
  };
  const types = section(8, "types");
  const strings = section(16, "strings");
  if (types.length % 4 !== 0) throw broken("its types are not whole words");
  if (strings[0] !== 0 || strings.at(-1) !== 0) throw broken("its strings are not terminated");
  return { types, strings };
}

function indexTypes(words: Uint32Array): Uint32Array {
  const end = words.length;
  const starts = new Uint32Array(end / 3 + 1);
  starts[0] = end;
  let count = 1;
  let at = 0;
  while (at < end) {
    starts[count] = at;
    count += 1;
    if (at + 3 > end) throw broken(`type ${count - 1} is cut off`);
    at += wordsOf(words[at + 1] ?? 0);
  }
  if (at !== end) throw broken(`type ${count - 1} is cut off`);
  return starts.slice(0, count);
}

function kindOf(info: number): number {
  return (info >>> 24) & 0x1f;
}

function wordsOf(info: number): number {
  const kind = kindOf(info);
  const fixed = EXTRA_WORDS[kind];
  if (fixed === undefined) throw broken(`type of unknown kind ${kind}`);
  return 3 + fixed + (EACH_WORDS[kind] ?? 0) * (info & 0xffff);
}

function broken(state: string): AppError {
  return new AppError("INPUT_BTF", `Cannot read BTF: ${state}`);
}

const MODIFIERS: ReadonlySet<number> = new Set([
  BTF_KIND.typedef,
  BTF_KIND.volatile,
  BTF_KIND.const,
  BTF_KIND.restrict,
  BTF_KIND.typeTag,
]);
const SIZED: ReadonlySet<number> = new Set([
  BTF_KIND.int,
  BTF_KIND.struct,
  BTF_KIND.union,
  BTF_KIND.enum,
  BTF_KIND.datasec,
  BTF_KIND.float,
  BTF_KIND.enum64,
]);
// By kind: words that always follow a type's three, and words for each of its `length` parts.
const EXTRA_WORDS = [0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0];
const EACH_WORDS = [0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3];
