const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Text from `start` up to the first NUL or `end`. Kernel strings are bytes: what is not UTF-8 becomes U+FFFD.
 * Hot: short ASCII, nearly all there is, takes no detour through TextDecoder.
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
  if (high >= 0x80 || stop - start > 64) return decoder.decode(bytes.subarray(start, stop));
  let text = "";
  for (let at = start; at < stop; at += 1) text += String.fromCharCode(bytes[at] as number);
  return text;
}
