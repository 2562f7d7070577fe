/**
 * BPF instructions as bytes, 8 each: opcode, registers, i16 offset, i32 immediate
 * (Documentation/bpf/standardization/instruction-set.rst).
 * A 64-bit immediate load takes two slots.
 */
export class Instructions {
  readonly bytes: Uint8Array;
  /** Number of 8-byte slots. */
  readonly count: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.count = Math.floor(bytes.length / 8);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  code(index: number): number {
    return this.#view.getUint8(index * 8);
  }

  setCode(index: number, code: number): void {
    this.#view.setUint8(index * 8, code);
  }

  source(index: number): number {
    return this.#view.getUint8(index * 8 + 1) >>> 4;
  }

  setSource(index: number, register: number): void {
    const registers = this.#view.getUint8(index * 8 + 1);
    this.#view.setUint8(index * 8 + 1, (registers & 0xf) | (register << 4));
  }

  offset(index: number): number {
    return this.#view.getInt16(index * 8 + 2, true);
  }

  setOffset(index: number, offset: number): void {
    this.#view.setInt16(index * 8 + 2, offset, true);
  }

  immediate(index: number): number {
    return this.#view.getInt32(index * 8 + 4, true);
  }

  setImmediate(index: number, value: number): void {
    this.#view.setInt32(index * 8 + 4, value, true);
  }

  /** True for the first slot of a 64-bit immediate load. */
  isWideLoad(index: number): boolean {
    return this.code(index) === OPCODE.loadImmediate64 && index + 1 < this.count;
  }

  /** True for a call of another function of the program. */
  isLocalCall(index: number): boolean {
    return this.code(index) === OPCODE.call && this.source(index) === PSEUDO.call;
  }

  /** True for the load of a function's address (a callback). */
  isFunctionAddress(index: number): boolean {
    return this.isWideLoad(index) && this.source(index) === PSEUDO.function;
  }

  /** Replaces an instruction by a call that the verifier refuses wherever it can be reached. */
  poison(index: number): void {
    this.setCode(index, OPCODE.call);
    this.#view.setUint8(index * 8 + 1, 0);
    this.setOffset(index, 0);
    this.setImmediate(index, POISON);
  }
}

/** Opcodes of eBPF that are written, not only read (RFC 9669). */
export const OPCODE = { call: 0x85, loadImmediate64: 0x18 } as const;

/** The low three bits of an opcode. */
export const INSTRUCTION_CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, alu64: 7 } as const;

/**
 * Values of the source register that give an immediate another meaning (include/uapi/linux/bpf.h,
 * BPF_PSEUDO_*).
 */
export const PSEUDO = {
  mapFd: 1,
  mapValue: 2,
  call: 1,
  kernelCall: 2,
  kernelAddress: 3,
  function: 4,
} as const;

/**
 * The helper number that stands for a failed relocation; the same as libbpf's, so that its log
 * readers know it: "bad relo".
 */
export const POISON = 0xbad2310;
