import { decodeText } from "../lib/text.ts";
import { AppError } from "../lib/errors.ts";

/** One regular file of an archive, by its path there. */
export interface TarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;
const MAX_ENTRIES = 1000;

/**
 * The regular files of a tar archive (POSIX.1-2017 pax, ustar; GNU long names). Archives of rules
 * need nothing else, so links, devices, absolute names, `..` and names that stand twice are
 * refused. Throws `INPUT_ARCHIVE`.
 */
export function readTar(bytes: Uint8Array): readonly TarFile[] {
  const files = new Map<string, Uint8Array>();
  let longName: string | undefined;
  let entries = 0;
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    entries += 1;
    if (entries > MAX_ENTRIES) throw archiveError(`it has more than ${MAX_ENTRIES} entries`);
    requireChecksum(header);
    const size = octal(header, 124, 12);
    const start = at + BLOCK;
    if (start + size > bytes.length) throw archiveError("it is cut off");
    const data = bytes.subarray(start, start + size);
    const type = String.fromCharCode(header[156] ?? 0);
    const name = longName ?? nameOf(header);
    longName = undefined;
    if (type === "x") longName = paxPath(data);
    else if (type === "L") longName = decodeText(data, 0, data.length);
    else if (type === "0" || type === "\0") addFile(files, name, data);
    else if (type !== "5" && type !== "g")
      throw archiveError(`"${name}" is neither a file nor a folder`);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return [...files].map(([name, data]) => ({ name, bytes: data }));
}

function addFile(files: Map<string, Uint8Array>, name: string, data: Uint8Array): void {
  const parts = name.replace(/^(?:\.\/)+/, "").split("/");
  if (
    name.startsWith("/") ||
    parts.some((part) => part === ".." || part === "" || part === ".") ||
    /[\0\\]/.test(name)
  )
    throw archiveError(`the name "${name}" leads out of its folder`);
  const plain = parts.join("/");
  if (files.has(plain)) throw archiveError(`"${plain}" stands in it twice`);
  files.set(plain, data);
}

function nameOf(header: Uint8Array): string {
  const name = decodeText(header, 0, 100);
  const isUstar = decodeText(header, 257, 262) === "ustar";
  const prefix = isUstar ? decodeText(header, 345, 500) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** `length key=value\n` records; the path alone matters here. */
function paxPath(data: Uint8Array): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < data.length;) {
    const blank = data.indexOf(0x20, at);
    const length = Number(decodeText(data, at, blank < 0 ? at : blank));
    if (!Number.isInteger(length) || length <= 0 || at + length > data.length)
      throw archiveError("a pax header is malformed");
    const record = decodeText(data, blank + 1, at + length - 1);
    if (record.startsWith("path=")) found = record.slice("path=".length);
    at += length;
  }
  return found;
}

function octal(header: Uint8Array, at: number, length: number): number {
  const text = decodeText(header, at, at + length).trim();
  if (!/^[0-7]*$/.test(text)) throw archiveError("a number in a header is malformed");
  return text === "" ? 0 : Number.parseInt(text, 8);
}

function requireChecksum(header: Uint8Array): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  if (sum !== octal(header, 148, 8)) throw archiveError("the checksum of a header is wrong");
}

function archiveError(state: string): AppError {
  return new AppError("INPUT_ARCHIVE", `Cannot unpack the artifact: ${state}`);
}
