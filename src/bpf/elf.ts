import { ByteReader } from "../lib/byte-reader.ts";
import { AppError } from "../lib/errors.ts";
import { decodeText } from "../lib/text.ts";

/** A section with the relocations that apply to it. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  /** The content; for a section without bytes in the file (.bss) as many zeros as it states. */
  readonly bytes: Uint8Array;
  /** True for code. */
  readonly executable: boolean;
  /** Relocations of this section's bytes, by ascending offset. */
  readonly relocations: readonly ElfRelocation[];
}

/** An entry of the symbol table (elf(5)); `section` is an index. */
export interface ElfSymbol {
  readonly name: string;
  /** 0 none, 1 object, 2 function, 3 section */
  readonly type: number;
  /** 0 local, 1 global, 2 weak */
  readonly binding: number;
  /** Index of its section; 0 when undefined in this file. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

/** A place in a section, in bytes from its start, that a symbol's address goes to. */
export interface ElfRelocation {
  readonly offset: number;
  readonly symbol: ElfSymbol;
}

/** What of an object file loading it takes. */
export interface Elf {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

interface Header {
  readonly nameOffset: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

/**
 * Reads a relocatable little-endian ELF64 object for BPF (ELF-64 Object File Format). Pure. Throws
 * `INPUT_ELF`.
 */
export function parseElf(bytes: Uint8Array): Elf {
  const file = new ByteReader(bytes, "INPUT_ELF");
  const ident = file.take(16, "ELF identification");
  if (ident[0] !== 0x7f || ident[1] !== 0x45 || ident[2] !== 0x4c || ident[3] !== 0x46)
    throw broken("it is not an ELF file");
  if (ident[4] !== 2 || ident[5] !== 1) throw broken("it is not a 64-bit little-endian object");
  const type = file.u16LE("ELF type");
  const machine = file.u16LE("ELF machine");
  if (type !== 1 || machine !== EM_BPF) throw broken("it is not a relocatable BPF object");
  const headers = readHeaders(bytes, file);
  const nameTable = contentOf(bytes, headers.table[headers.names], "section names");
  const symbols = readSymbols(bytes, headers.table);
  const relocations = readRelocations(bytes, headers.table, symbols);
  const sections = headers.table.map((header, index) => ({
    name: decodeText(nameTable, header.nameOffset, nameTable.length),
    type: header.type,
    bytes: contentOf(bytes, header, `section ${index}`),
    executable: (header.flags & SHF_EXECINSTR) !== 0,
    relocations: relocations.get(index) ?? [],
  }));
  return { sections, symbols };
}

function readHeaders(bytes: Uint8Array, file: ByteReader): { table: Header[]; names: number } {
  file.take(4 + 8 + 8, "ELF header");
  const tableOffset = sizeOf(file, "section table offset");
  file.take(4 + 2 + 2 + 2, "ELF header");
  const entrySize = file.u16LE("section entry size");
  const count = file.u16LE("section count");
  const names = file.u16LE("section name index");
  if (entrySize < 64) throw broken(`its section entries have ${entrySize} bytes`);
  const table = new ByteReader(bytes, "INPUT_ELF");
  table.take(tableOffset, "section table");
  const headers: Header[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry = table.sub(entrySize, `section header ${index}`);
    const nameOffset = entry.u32LE("section name");
    const type = entry.u32LE("section type");
    const flags = sizeOf(entry, "section flags");
    entry.take(8, "section address");
    const offset = sizeOf(entry, "section offset");
    const size = sizeOf(entry, "section size");
    headers.push({
      nameOffset,
      type,
      flags,
      offset,
      size,
      link: entry.u32LE("section link"),
      info: entry.u32LE("section info"),
    });
  }
  return { table: headers, names };
}

function readSymbols(bytes: Uint8Array, headers: readonly Header[]): ElfSymbol[] {
  const header = headers.find((candidate) => candidate.type === SHT_SYMTAB);
  if (header === undefined) return [];
  const names = contentOf(bytes, headers[header.link], "symbol names");
  const reader = new ByteReader(contentOf(bytes, header, "symbol table"), "INPUT_ELF");
  const symbols: ElfSymbol[] = [];
  while (reader.left >= 24) {
    const nameOffset = reader.u32LE("symbol name");
    const info = reader.u8("symbol info");
    reader.u8("symbol visibility");
    const section = reader.u16LE("symbol section");
    const value = sizeOf(reader, "symbol value");
    const size = sizeOf(reader, "symbol size");
    symbols.push({
      name: decodeText(names, nameOffset, names.length),
      type: info & 0xf,
      binding: info >>> 4,
      section,
      value,
      size,
    });
  }
  return symbols;
}

function readRelocations(
  bytes: Uint8Array,
  headers: readonly Header[],
  symbols: readonly ElfSymbol[],
): Map<number, ElfRelocation[]> {
  const bySection = new Map<number, ElfRelocation[]>();
  for (const header of headers) {
    if (header.type !== SHT_REL) continue;
    const reader = new ByteReader(contentOf(bytes, header, "relocations"), "INPUT_ELF");
    const list = bySection.get(header.info) ?? [];
    while (reader.left >= 16) {
      const offset = sizeOf(reader, "relocation offset");
      reader.u32LE("relocation type");
      const symbol = symbols[reader.u32LE("relocation symbol")];
      if (symbol === undefined) throw broken("a relocation names a symbol that does not exist");
      list.push({ offset, symbol });
    }
    bySection.set(
      header.info,
      list.toSorted((a, b) => a.offset - b.offset),
    );
  }
  return bySection;
}

function contentOf(bytes: Uint8Array, header: Header | undefined, name: string): Uint8Array {
  if (header === undefined) throw broken(`it has no ${name}`);
  if (header.type === SHT_NOBITS) {
    if (header.size > MAX_ZEROS) throw broken(`${name} wants ${header.size} bytes of zeros`);
    return new Uint8Array(header.size);
  }
  if (header.type === SHT_NULL) return new Uint8Array(0);
  if (header.offset + header.size > bytes.length)
    throw broken(`${name} reaches beyond the end of the file`);
  return bytes.subarray(header.offset, header.offset + header.size);
}

function sizeOf(reader: ByteReader, name: string): number {
  const value = reader.u64LE(name);
  if (value > 0xffff_ffffn) throw broken(`${name} is ${value}`);
  return Number(value);
}

function broken(state: string): AppError {
  return new AppError("INPUT_ELF", `Cannot read BPF object: ${state}`, {
    hint: "compile it with clang -target bpf -O2 -g -c",
  });
}

const EM_BPF = 247;
const SHT_NULL = 0;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;
const SHF_EXECINSTR = 4;
/** A .bss larger than this is hostile or wrong. */
const MAX_ZEROS = 64 * 1024 * 1024;
