/**
 * The text of a YAML file, in the encoding that its first bytes show (YAML 1.2 §5.2): UTF-8, or
 * UTF-16 or UTF-32 in either order, with or without a byte-order mark, which stays. Windows'
 * editors and PowerShell write UTF-16. Bytes that are no character become U+FFFD.
 */
export function yamlText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  if (encoding !== "utf-32le" && encoding !== "utf-32be")
    return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let offset = 0; offset + 4 <= bytes.length; offset += 4)
    text += character(view.getUint32(offset, encoding === "utf-32le"));
  return text;
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "utf-32le" | "utf-32be";

/** A YAML text begins with a byte-order mark or a character of ASCII, so the zeros tell. */
function encodingOf([a, b, c, d]: Uint8Array): Encoding {
  if (a === 0 && b === 0 && c !== undefined) return "utf-32be";
  if (c === 0 && d === 0 && (b === 0 || (a === 0xff && b === 0xfe))) return "utf-32le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0 && b !== undefined) return "utf-16be";
  return b === 0 ? "utf-16le" : "utf-8";
}

function character(code: number): string {
  const isCharacter = code <= 0x10_ffff && (code < 0xd800 || code > 0xdfff);
  return String.fromCodePoint(isCharacter ? code : 0xfffd);
}
