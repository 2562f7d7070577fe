import { AppError } from "../lib/errors.ts";
import { decodeText } from "../lib/text.ts";
import { Btf, BTF_KIND } from "./btf.ts";
import { parseBtfExt, type BtfExt } from "./btf-ext.ts";
import { parseElf, type Elf, type ElfSection, type ElfSymbol } from "./elf.ts";
import { Instructions } from "./instructions.ts";
import { readMapSpecs, type MapSpecs } from "./_map-specs.ts";
import type {
  FunctionSpec,
  ObjectSpec,
  ProgramAttach,
  ProgramSpec,
  Reference,
} from "./object-spec.ts";

/**
 * Reads a compiled BPF object: same bytes, same spec, on every host. Throws `INPUT_ELF`,
 * `INPUT_BTF` or `INPUT_BPF_OBJECT`.
 */
export function parseObject(bytes: Uint8Array): ObjectSpec {
  // A copy, so that the spec stays as it is read; and no Buffer, whose slice() would not copy.
  const elf = parseElf(new Uint8Array(bytes));
  const btfSection = section(elf, ".BTF");
  if (btfSection === undefined) {
    throw new AppError("INPUT_BPF_OBJECT", "Cannot read BPF object: it has no BTF", {
      hint: "compile it with clang -target bpf -O2 -g -c",
    });
  }
  const btf = new Btf(btfSection.bytes);
  const extSection = section(elf, ".BTF.ext");
  const ext = extSection === undefined ? NO_EXT : parseBtfExt(extSection.bytes, btf);
  const maps = readMapSpecs(elf, btf);
  const functions = elf.symbols
    .filter((symbol) => isFunction(elf, symbol))
    .map((symbol) => readFunction({ elf, ext, maps, btf }, symbol));
  functions.sort((a, b) => a.section - b.section || a.offset - b.offset);
  const license = section(elf, "license")?.bytes ?? new Uint8Array(0);
  return {
    license: decodeText(license, 0, license.length),
    btf,
    maps: maps.maps,
    functions,
    programs: functions.flatMap((candidate) => programOf(candidate)),
  };
}

interface Sources {
  readonly elf: Elf;
  readonly btf: Btf;
  readonly ext: BtfExt;
  readonly maps: MapSpecs;
}

function isFunction(elf: Elf, symbol: ElfSymbol): boolean {
  return symbol.type === STT_FUNC && elf.sections[symbol.section]?.executable === true;
}

function readFunction({ elf, ext, maps, btf }: Sources, symbol: ElfSymbol): FunctionSpec {
  const home = elf.sections[symbol.section];
  const end = symbol.value + symbol.size;
  if (
    home === undefined ||
    end > home.bytes.length ||
    symbol.value % 8 !== 0 ||
    symbol.size % 8 !== 0 ||
    symbol.size === 0
  ) {
    throw broken(symbol.name, "it does not lie within its section");
  }
  const code = new Instructions(home.bytes.subarray(symbol.value, end));
  const own = <T extends { readonly offset: number }>(list: readonly T[] | undefined): T[] =>
    (list ?? [])
      .filter(({ offset }) => offset >= symbol.value && offset < end)
      .map((entry) => ({ ...entry, offset: entry.offset - symbol.value }));
  return {
    name: symbol.name,
    section: symbol.section,
    sectionName: home.name,
    offset: symbol.value,
    code: code.bytes,
    references: own(home.relocations).map((relocation) =>
      readReference(relocation, { code, maps, btf, name: symbol.name }),
    ),
    coreRelocations: own(ext.relocations.get(home.name)),
    lines: () => own(ext.lines().get(home.name)),
    info: own(ext.functions.get(home.name)).find(({ offset }) => offset === 0),
  };
}

interface ReferenceContext {
  readonly code: Instructions;
  readonly btf: Btf;
  readonly maps: MapSpecs;
  readonly name: string;
}

function readReference(
  relocation: { offset: number; symbol: ElfSymbol },
  { code, maps, btf, name }: ReferenceContext,
): Reference {
  const { symbol } = relocation;
  const index = relocation.offset / 8;
  if (!Number.isInteger(index)) throw broken(name, "a relocation is not aligned");
  // Of the types only functions that are declared elsewhere have the kernel's names.
  if (symbol.section === UNDEFINED_SECTION && btf.find(symbol.name, BTF_KIND.func) !== undefined)
    return { index, to: { kind: "kernel", name: symbol.name } };
  if (code.isLocalCall(index)) {
    // The immediate counts instructions from the symbol, less one: -1 when the symbol is the
    // function itself.
    return {
      index,
      to: {
        kind: "function",
        section: symbol.section,
        offset: symbol.value + (code.immediate(index) + 1) * 8,
      },
    };
  }
  if (code.isFunctionAddress(index)) {
    return {
      index,
      to: {
        kind: "function",
        section: symbol.section,
        offset: symbol.value + code.immediate(index),
      },
    };
  }
  if (!code.isWideLoad(index))
    throw broken(name, `instruction ${index} refers to "${symbol.name}" in an unknown way`);
  if (symbol.section === maps.section) {
    const map = maps.definitions.get(symbol.value);
    if (map === undefined) throw broken(name, `instruction ${index} refers to no map`);
    return { index, to: { kind: "map", map } };
  }
  const map = maps.data.get(symbol.section);
  if (map === undefined)
    throw broken(name, `it refers to "${symbol.name}", which the object does not define`);
  return { index, to: { kind: "value", map, offset: symbol.value + code.immediate(index) } };
}

function programOf(candidate: FunctionSpec): ProgramSpec[] {
  if (candidate.sectionName === TEXT) return [];
  const autoload = !candidate.sectionName.startsWith("?");
  const [prefix = "", ...names] = candidate.sectionName.replace(/^\?/, "").split("/");
  const kind = PROGRAM_KIND.get(prefix);
  if (kind === undefined)
    throw broken(
      candidate.name,
      `programs of section "${candidate.sectionName}" are not supported`,
    );
  const [group, tracepoint = ""] = kind === "tracepoint" ? names : ["", ...names];
  if (tracepoint === "")
    throw broken(candidate.name, `its section "${candidate.sectionName}" names no tracepoint`);
  const attach = { kind, tracepoint, ...(group ? { group } : {}) };
  return [{ ...candidate, attach, autoload }];
}

function section(elf: Elf, name: string): ElfSection | undefined {
  return elf.sections.find((candidate) => candidate.name === name);
}

function broken(name: string, state: string): AppError {
  return new AppError("INPUT_BPF_OBJECT", `Cannot read program "${name}" of BPF object: ${state}`);
}

const STT_FUNC = 2;
/** SHN_UNDEF: what the object does not define itself. */
const UNDEFINED_SECTION = 0;
const TEXT = ".text";
const NO_EXT: BtfExt = { functions: new Map(), lines: () => new Map(), relocations: new Map() };
const PROGRAM_KIND: ReadonlyMap<string, ProgramAttach["kind"]> = new Map([
  ["tp_btf", "tp_btf"],
  ["raw_tp", "raw_tp"],
  ["raw_tracepoint", "raw_tp"],
  ["raw_tp.w", "raw_tp.w"],
  ["raw_tracepoint.w", "raw_tp.w"],
  ["tracepoint", "tracepoint"],
  ["tp", "tracepoint"],
  ["kprobe", "kprobe"],
  ["kprobe.multi", "kprobe.multi"],
]);
