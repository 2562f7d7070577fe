import { AppError, type ErrorCode } from "./errors.ts";

/**
 * Reads untrusted bytes from front to back; every read is bounds-checked.
 * Throws an `AppError` with the reader's code that names the value which was missing.
 * Big-endian unless the name ends in `LE`. `take` returns a view of the same memory, not a copy.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #code: ErrorCode;
  #offset = 0;

  constructor(bytes: Uint8Array, code: ErrorCode) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#code = code;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(name: string): number {
    return this.#view.getUint8(this.#advance(1, name));
  }

  u16(name: string): number {
    return this.#view.getUint16(this.#advance(2, name));
  }

  u24(name: string): number {
    const at = this.#advance(3, name);
    return this.#view.getUint8(at) * 0x10000 + this.#view.getUint16(at + 1);
  }

  u32(name: string): number {
    return this.#view.getUint32(this.#advance(4, name));
  }

  u16LE(name: string): number {
    return this.#view.getUint16(this.#advance(2, name), true);
  }

  u32LE(name: string): number {
    return this.#view.getUint32(this.#advance(4, name), true);
  }

  i64LE(name: string): bigint {
    return this.#view.getBigInt64(this.#advance(8, name), true);
  }

  u64LE(name: string): bigint {
    return this.#view.getBigUint64(this.#advance(8, name), true);
  }

  take(length: number, name: string): Uint8Array {
    const at = this.#advance(length, name);
    return this.#bytes.subarray(at, at + length);
  }

  rest(): Uint8Array {
    return this.take(this.left, "rest");
  }

  /** A reader over the next `length` bytes alone. */
  sub(length: number, name: string): ByteReader {
    return new ByteReader(this.take(length, name), this.#code);
  }

  /** INVARIANT of every structure read whole: nothing follows it. */
  end(name: string): void {
    if (this.left > 0)
      throw new AppError(this.#code, `Cannot read ${name}: ${this.left} bytes follow its end`);
  }

  #advance(length: number, name: string): number {
    const at = this.#offset;
    if (length < 0 || length > this.#bytes.length - at) {
      throw new AppError(
        this.#code,
        `Cannot read ${name}: needs ${length} bytes at offset ${at}, ${this.#bytes.length - at} left`,
      );
    }
    this.#offset = at + length;
    return at;
  }
}
