import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addNote } from "./add-note.ts";

const NOTE = { name: "NODE_SEA_BLOB", bytes: new Uint8Array([1, 2, 3, 4, 5]) };
const [PT_LOAD, PT_NOTE, PT_PHDR, PT_GNU_STACK] = [1, 4, 6, 0x6474e551];

/** An ELF header and its segments: type, place in memory, size there. */
function program(
  segments: readonly (readonly [type: number, address: number, size: number])[],
  type = 2,
) {
  const bytes = new Uint8Array(64 + 56 * segments.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x7f454c46);
  view.setUint8(4, 2);
  view.setUint16(16, type, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(56, segments.length, true);
  for (const [index, [kind, address, size]] of segments.entries()) {
    view.setUint32(64 + 56 * index, kind, true);
    view.setBigUint64(64 + 56 * index + 16, BigInt(address), true);
    view.setBigUint64(64 + 56 * index + 40, BigInt(size), true);
  }
  return bytes;
}

function segmentsOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = 64 + 56 * index;
    const [offset, address, , size] = [8, 16, 24, 32].map((place) =>
      Number(view.getBigUint64(at + place, true)),
    );
    return { type: view.getUint32(at, true), offset, address, size };
  });
}

describe("addNote()", () => {
  const before = [
    [PT_PHDR, 0x40_0040, 0x100],
    [PT_LOAD, 0x40_0000, 0x1000],
    [PT_LOAD, 0x41_0000, 0x2345],
    [PT_NOTE, 0x40_0200, 0x44],
    [PT_GNU_STACK, 0, 0],
  ] as const;

  it("appends a segment that is mapped behind the others, and names it as a note", () => {
    const made = addNote(program(before), NOTE);
    const place = { offset: 0x1_0000, address: 0x42_0000, size: 36 };
    const segments = segmentsOf(made);
    assert.deepEqual(
      segments.map(({ type }) => type),
      [PT_LOAD, PT_LOAD, PT_LOAD, PT_GNU_STACK, PT_NOTE],
    );
    assert.deepEqual(segments[2], { ...place, type: PT_LOAD });
    assert.deepEqual(segments[4], { ...place, type: PT_NOTE });
    assert.equal(made.length, place.offset + place.size);
  });

  it("writes the note as elf(5) has it: lengths, name, contents, each to a multiple of four", () => {
    const note = addNote(program(before), NOTE).subarray(0x1_0000);
    assert.deepEqual([...note.subarray(0, 12)], [14, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(new TextDecoder().decode(note.subarray(12, 28)), "NODE_SEA_BLOB\0\0\0");
    assert.deepEqual([...note.subarray(28)], [1, 2, 3, 4, 5, 0, 0, 0]);
  });

  it("refuses what is no such program", () => {
    assert.throws(() => addNote(program(before, 3), NOTE), /not at a fixed address/);
    assert.throws(() => addNote(program(before.slice(1, 3)), NOTE), /has no room/);
    assert.throws(() => addNote(new Uint8Array(64), NOTE), /no ELF program/);
  });
});
