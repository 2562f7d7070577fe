const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Of a text this short the call costs more than the characters. */
const SHORT = 8;

const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/**
 * Byte b of what is no UTF-8 stands in a text as the lone surrogate U+DC00 + b: no byte is lost,
 * and equal bytes are equal texts.
 */
const BYTE = 0xdc00;

/**
 * Text from `start` up to the first NUL or `end`. Kernel strings are bytes: each byte that is not
 * part of UTF-8 becomes a lone surrogate (U+DC80 … U+DCFF), which `encodeText` turns back and
 * `printable` prints as U+FFFD. Hot: ASCII, nearly all there is, takes no detour through
 * TextDecoder.
 */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  let stop = start;
  let high = 0;
  while (stop < end) {
    const byte = bytes[stop] as number;
    if (byte === 0) break;
    high |= byte;
    stop += 1;
  }
  if (high >= 0x80) {
    const text = decoder.decode(bytes.subarray(start, stop));
    return text.includes("\ufffd") ? decodeBroken(bytes.subarray(start, stop)) : text;
  }
  // Four times as fast as adding characters, and the text is flat: whoever searches it need not
  // flatten it first.
  if (stop - start > SHORT) return latin1Slice.call(bytes, start, stop);
  let text = "";
  for (let at = start; at < stop; at += 1) text += String.fromCharCode(bytes[at] as number);
  return text;
}

/** The bytes of a text that `decodeText` made, or of any other. */
export function encodeText(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes: number[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= BYTE + 0x80 && code <= BYTE + 0xff) bytes.push(code - BYTE);
    else bytes.push(...encoder.encode(char));
  }
  return Uint8Array.from(bytes);
}

/** One character a byte: for whoever compares bytes with the means for texts. */
export function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A text that may be written out: what was no UTF-8 is U+FFFD. */
export function printable(text: string): string {
  return text.toWellFormed();
}

function decodeBroken(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    text +=
      length === 0
        ? String.fromCharCode(BYTE + (bytes[at] as number))
        : decoder.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

/** Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] as number;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let index = 2; index < length; index += 1)
    if (((bytes[at + index] as number) & 0xc0) !== 0x80) return 0;
  return length;
}
