/**
 * Builds bytes from front to back in a buffer that grows. Big-endian unless the name ends in `LE`.
 */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u24(value: number): this {
    const at = this.#grow(3);
    this.#view.setUint8(at, value >>> 16);
    this.#view.setUint16(at + 1, value & 0xffff);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u16LE(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32LE(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64LE(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Writes what `body` writes, behind its length in `width` bytes (1, 2 or 3, big-endian). */
  vector(width: 1 | 2 | 3, body: (writer: ByteWriter) => void): this {
    const at = this.#grow(width);
    body(this);
    const length = this.#length - at - width;
    for (let index = 0; index < width; index += 1) {
      this.#bytes[at + index] = (length >>> (8 * (width - 1 - index))) & 0xff;
    }
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Room for `size` more bytes; before any use of `#bytes` or `#view`, which it may replace. */
  #grow(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const wider = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      wider.set(this.#bytes);
      this.#bytes = wider;
      this.#view = new DataView(wider.buffer);
    }
    return at;
  }
}
