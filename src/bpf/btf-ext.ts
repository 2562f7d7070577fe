import { ByteReader } from "../lib/byte-reader.ts";
import { AppError } from "../lib/errors.ts";
import type { Btf } from "./btf.ts";

/** Where a function starts and its BTF type. `offset` in bytes from the start of the section. */
export interface FunctionInfo {
  readonly offset: number;
  readonly type: number;
}

/**
 * Source line of an instruction; `file` and `line` are offsets into BTF's strings, `position` packs
 * line and column.
 */
export interface LineInfo {
  readonly offset: number;
  readonly file: number;
  readonly line: number;
  readonly position: number;
}

/** What an instruction assumes of the kernel's types (`struct bpf_core_relo`). */
export interface CoreRelocation {
  readonly offset: number;
  readonly type: number;
  /** Path from the type to the field, such as `0:1:2`. */
  readonly access: string;
  /** `enum bpf_core_relo_kind` */
  readonly kind: number;
}

/** .BTF.ext, each table by name of the section whose instructions it describes. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly FunctionInfo[]>;
  /** Read when asked for: they are most of it, and only what is wrong with a program is told by them. */
  readonly lines: () => ReadonlyMap<string, readonly LineInfo[]>;
  readonly relocations: ReadonlyMap<string, readonly CoreRelocation[]>;
}

/** Reads .BTF.ext (Documentation/bpf/btf.rst, section 4.2). Throws `INPUT_BTF`, as `lines` does. */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const header = new ByteReader(bytes, "INPUT_BTF");
  if (header.u16LE("magic of .BTF.ext") !== 0xeb9f)
    throw new AppError("INPUT_BTF", "Cannot read .BTF.ext: wrong magic number");
  header.take(2, "version of .BTF.ext");
  const headerLength = header.u32LE("header length of .BTF.ext");
  const table = (name: string): ByteReader => {
    const offset = header.u32LE(name);
    const length = header.u32LE(name);
    const reader = new ByteReader(bytes, "INPUT_BTF");
    reader.take(headerLength + offset, name);
    return reader.sub(length, name);
  };
  const functions = readTable(table("function table"), btf, "function table", (record) => ({
    offset: record.u32LE("function offset"),
    type: record.u32LE("function type"),
  }));
  const lineTable = table("line table");
  let readLines: ReadonlyMap<string, readonly LineInfo[]> | undefined;
  const lines = (): ReadonlyMap<string, readonly LineInfo[]> =>
    (readLines ??= readTable(lineTable, btf, "line table", (record) => ({
      offset: record.u32LE("line offset"),
      file: record.u32LE("line file"),
      line: record.u32LE("line text"),
      position: record.u32LE("line position"),
    })));
  if (headerLength < 32) return { functions, lines, relocations: new Map() };
  const relocations = readTable(table("relocation table"), btf, "relocation table", (record) => ({
    offset: record.u32LE("relocation offset"),
    type: record.u32LE("relocation type"),
    access: btf.text(record.u32LE("relocation access")),
    kind: record.u32LE("relocation kind"),
  }));
  return { functions, lines, relocations };
}

function readTable<T>(
  reader: ByteReader,
  btf: Btf,
  name: string,
  read: (record: ByteReader) => T,
): Map<string, T[]> {
  const sections = new Map<string, T[]>();
  if (reader.left === 0) return sections;
  const size = reader.u32LE(name);
  if (size === 0) throw new AppError("INPUT_BTF", `Cannot read ${name}: records of no length`);
  while (reader.left > 0) {
    const section = btf.text(reader.u32LE(name));
    const count = reader.u32LE(name);
    const records = reader.sub(count * size, name);
    const list = sections.get(section) ?? [];
    for (let index = 0; index < count; index += 1) list.push(read(records.sub(size, name)));
    sections.set(section, list);
  }
  return sections;
}
