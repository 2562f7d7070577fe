/** What is put into a program: the name by which the program finds it, and its bytes. */
export interface Note {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * A program (ELF, 64 bits, at a fixed address) with a note more: appended in a segment of its own
 * that is mapped with the rest, where dl_iterate_phdr(3) finds it. Its table of segments stays where
 * it is and as long as it is, for old kernels look for it there: two that are of no use at run time give
 * way, the build's notes and the table's own entry. Throws for a program of another kind.
 */
export function addNote(program: Uint8Array, note: Note): Uint8Array {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  if (view.getUint32(0) !== ELF_64_BITS[0] || program[4] !== ELF_64_BITS[1])
    throw new Error("Cannot add a note: this is no ELF program of 64 bits");
  if (view.getUint16(16, true) !== ET_EXEC)
    throw new Error("Cannot add a note: the program is not at a fixed address (ET_EXEC)");
  const segments = readSegments(view);
  const end = Math.max(...segments.filter(({ type }) => type === PT_LOAD).map(endOf));
  const offset = upTo(program.length, LARGEST_PAGE);
  const bytes = noteBytes(note);
  const place = {
    flags: PF_R,
    offset,
    address: upTo(end, LARGEST_PAGE),
    fileSize: bytes.length,
    memorySize: bytes.length,
  };
  const kept = segments.filter(({ type }) => type !== PT_PHDR && type !== PT_NOTE);
  // Those that are mapped are in the order of their addresses.
  const behind = kept.findLastIndex(({ type }) => type === PT_LOAD) + 1;
  const added = [
    ...kept.slice(0, behind),
    { ...place, type: PT_LOAD, alignment: LARGEST_PAGE },
    ...kept.slice(behind),
    { ...place, type: PT_NOTE, alignment: 4 },
  ];
  if (added.length > segments.length)
    throw new Error("Cannot add a note: the program's table of segments has no room");
  const made = new Uint8Array(offset + bytes.length);
  made.set(program);
  made.set(bytes, offset);
  writeSegments(new DataView(made.buffer), added);
  return made;
}

/** A program header, elf(5); sizes and places in bytes. */
interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

function readSegments(view: DataView): readonly Segment[] {
  const table = Number(view.getBigUint64(E_PHOFF, true));
  return Array.from({ length: view.getUint16(E_PHNUM, true) }, (_, index) => {
    const at = table + index * PHDR_SIZE;
    const word = (place: number): number => Number(view.getBigUint64(at + place, true));
    return {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: word(8),
      address: word(16),
      fileSize: word(32),
      memorySize: word(40),
      alignment: word(48),
    };
  });
}

function writeSegments(view: DataView, segments: readonly Segment[]): void {
  const table = Number(view.getBigUint64(E_PHOFF, true));
  for (const [index, segment] of segments.entries()) {
    const at = table + index * PHDR_SIZE;
    view.setUint32(at, segment.type, true);
    view.setUint32(at + 4, segment.flags, true);
    const { offset, address, fileSize, memorySize, alignment } = segment;
    for (const [place, value] of [
      offset,
      address,
      address,
      fileSize,
      memorySize,
      alignment,
    ].entries())
      view.setBigUint64(at + 8 + place * 8, BigInt(value), true);
  }
  view.setUint16(E_PHNUM, segments.length, true);
}

/** Name and contents, each up to a multiple of four; a type says nothing here. */
function noteBytes({ name, bytes }: Note): Uint8Array {
  const text = new TextEncoder().encode(`${name}\0`);
  const made = new Uint8Array(12 + upTo(text.length, 4) + upTo(bytes.length, 4));
  const view = new DataView(made.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, bytes.length, true);
  made.set(text, 12);
  made.set(bytes, 12 + upTo(text.length, 4));
  return made;
}

function endOf({ address, memorySize }: Segment): number {
  return address + memorySize;
}

function upTo(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Magic number and class. */
const ELF_64_BITS = [0x7f454c46, 2] as const;
const ET_EXEC = 2;
const E_PHOFF = 32;
const E_PHNUM = 56;
const PHDR_SIZE = 56;
const PT_LOAD = 1;
const PT_NOTE = 4;
const PT_PHDR = 6;
const PF_R = 4;
/** Of arm64. */
const LARGEST_PAGE = 0x10000;
