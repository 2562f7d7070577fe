import { AppError } from "../lib/errors.ts";
import { BTF_KIND, type Btf } from "./btf.ts";
import type { Elf } from "./elf.ts";
import { MAP_FLAG, MAP_TYPE, type MapSpec } from "./object-spec.ts";

/** Maps by name, and for references from code: which map a section's bytes belong to. */
export interface MapSpecs {
  readonly maps: Map<string, MapSpec>;
  /** Maps defined in `.maps`, by offset of their definition. */
  readonly definitions: ReadonlyMap<number, string>;
  /** Index of `.maps`, -1 without one. */
  readonly section: number;
  /** Data sections by index, with the name of the map that holds them. */
  readonly data: ReadonlyMap<number, string>;
}

/**
 * Reads BTF-defined maps and the maps that stand for .data, .rodata and .bss. Throws
 * `INPUT_BPF_OBJECT`.
 */
export function readMapSpecs(elf: Elf, btf: Btf): MapSpecs {
  const maps = new Map<string, MapSpec>();
  const definitions = new Map<number, string>();
  const section = elf.sections.findIndex((candidate) => candidate.name === ".maps");
  for (const symbol of elf.symbols) {
    if (section < 0 || symbol.section !== section || symbol.type !== STT_OBJECT) continue;
    definitions.set(symbol.value, symbol.name);
  }
  const datasec = btf.find(".maps", BTF_KIND.datasec);
  const count = datasec === undefined ? 0 : btf.length(datasec);
  for (let index = 0; index < count; index += 1) {
    const variable = btf.variable(datasec ?? 0, index).type;
    const name = btf.name(variable);
    const start = [...definitions].find(([, defined]) => defined === name)?.[0];
    if (start === undefined) throw broken(name, "it has a type but no symbol");
    maps.set(name, readDefinition({ elf, btf, name, variable, section, start }));
  }
  for (const name of definitions.values())
    if (!maps.has(name)) throw broken(name, "it has a symbol but no type");
  const data = new Map<number, string>();
  for (const [index, { name, bytes, type }] of elf.sections.entries()) {
    if (
      !DATA_SECTION.test(name) ||
      bytes.length === 0 ||
      (type !== SHT_PROGBITS && type !== SHT_NOBITS)
    )
      continue;
    data.set(index, name);
    maps.set(name, dataMap(name, bytes));
  }
  return { maps, definitions, section, data };
}

interface Definition {
  readonly elf: Elf;
  readonly btf: Btf;
  readonly name: string;
  readonly variable: number;
  readonly section: number;
  /** Where the definition starts in `.maps`. */
  readonly start: number;
}

/**
 * A definition's members are pointers whose types carry the numbers: `int (*max_entries)[1024]`,
 * `struct value *value`.
 */
function readDefinition({ elf, btf, name, variable, section, start }: Definition): MapSpec {
  const type = btf.skipModifiers(btf.target(variable));
  if (btf.kind(type) !== BTF_KIND.struct) throw broken(name, "its definition is not a struct");
  const numbers = new Map<string, number>();
  let programs: ReadonlyMap<number, string> = new Map();
  for (let index = 0; index < btf.length(type); index += 1) {
    const member = btf.member(type, index);
    if (member.name === "values")
      programs = initialPrograms(elf, section, start + member.bitOffset / 8);
    else if (member.name === "key" || member.name === "value")
      numbers.set(`${member.name}_size`, pointedSize(btf, name, member.type));
    else if (KNOWN_NUMBERS.has(member.name))
      numbers.set(member.name, statedNumber(btf, name, member.type));
    else throw broken(name, `unknown attribute ${member.name}`);
  }
  const mapType = numbers.get("type");
  if (mapType === undefined) throw broken(name, "it states no type");
  const isProgramArray = mapType === MAP_TYPE.progArray;
  return {
    name,
    type: mapType,
    keySize: numbers.get("key_size") ?? (isProgramArray ? 4 : 0),
    valueSize: numbers.get("value_size") ?? (isProgramArray ? 4 : 0),
    maxEntries: numbers.get("max_entries") ?? 0,
    flags: numbers.get("map_flags") ?? 0,
    content: undefined,
    frozen: false,
    programs,
  };
}

function statedNumber(btf: Btf, map: string, type: number): number {
  const pointer = btf.skipModifiers(type);
  const array =
    btf.kind(pointer) === BTF_KIND.ptr ? btf.skipModifiers(btf.target(pointer)) : pointer;
  if (btf.kind(array) !== BTF_KIND.array)
    throw broken(map, "an attribute is not written with __uint");
  return btf.array(array).length;
}

function pointedSize(btf: Btf, map: string, type: number): number {
  const pointer = btf.skipModifiers(type);
  if (btf.kind(pointer) !== BTF_KIND.ptr)
    throw broken(map, "key or value is not written with __type");
  return btf.size(btf.target(pointer));
}

function initialPrograms(elf: Elf, section: number, from: number): ReadonlyMap<number, string> {
  const programs = new Map<number, string>();
  const following = elf.symbols.filter(
    (symbol) => symbol.section === section && symbol.type === STT_OBJECT && symbol.value > from,
  );
  const end = Math.min(
    ...following.map((symbol) => symbol.value),
    elf.sections[section]?.bytes.length ?? 0,
  );
  for (const relocation of elf.sections[section]?.relocations ?? []) {
    if (relocation.offset < from || relocation.offset >= end) continue;
    programs.set((relocation.offset - from) / 8, relocation.symbol.name);
  }
  return programs;
}

function dataMap(name: string, bytes: Uint8Array): MapSpec {
  const frozen = name.startsWith(".rodata");
  return {
    name,
    type: MAP_TYPE.array,
    keySize: 4,
    valueSize: bytes.length,
    maxEntries: 1,
    flags: frozen ? MAP_FLAG.readOnlyForPrograms : 0,
    content: bytes,
    frozen,
    programs: new Map(),
  };
}

function broken(map: string, state: string): AppError {
  return new AppError("INPUT_BPF_OBJECT", `Cannot read map "${map}" of BPF object: ${state}`);
}

const STT_OBJECT = 1;
const SHT_PROGBITS = 1;
const SHT_NOBITS = 8;
const DATA_SECTION = /^\.(rodata|data|bss)(\.|$)/;
const KNOWN_NUMBERS: ReadonlySet<string> = new Set([
  "type",
  "max_entries",
  "map_flags",
  "key_size",
  "value_size",
  "numa_node",
  "pinning",
  "map_extra",
]);
