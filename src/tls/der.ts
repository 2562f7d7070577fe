import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";

/**
 * Tags of ASN.1 as DER writes them (X.690 §8). Context-specific ones are 0x80 + n, constructed 0xa0
 * + n.
 */
export const TAG = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  oid: 6,
  enumerated: 10,
  utf8String: 12,
  printableString: 19,
  t61String: 20,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
  visibleString: 26,
  universalString: 28,
  bmpString: 30,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * One element: its tag, what is inside, and the whole of it as it stands. Views of the same memory.
 */
export interface DerElement {
  readonly tag: number;
  readonly body: Uint8Array;
  readonly whole: Uint8Array;
}

/**
 * Reads DER elements one after the other. Throws `PEER_CERTIFICATE` with the name of what was
 * wanted.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes, "PEER_CERTIFICATE");
  }

  get left(): number {
    return this.#reader.left;
  }

  /** The next element's tag; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#reader.offset];
  }

  /** The next element, of any kind or of the given one. */
  next(name: string, tag?: number): DerElement {
    const from = this.#reader.offset;
    const found = this.#reader.u8(`${name}'s tag`);
    if (tag !== undefined && found !== tag) throw wrong(name, `tag ${found} where ${tag} belongs`);
    const first = this.#reader.u8(`${name}'s length`);
    let length = first;
    if (first >= 0x80) {
      if (first === 0x80 || first > 0x84) throw wrong(name, "its length is not DER");
      length = 0;
      for (let left = first & 0x7f; left > 0; left -= 1)
        length = length * 256 + this.#reader.u8(`${name}'s length`);
    }
    const body = this.#reader.take(length, name);
    return { tag: found, body, whole: this.#bytes.subarray(from, this.#reader.offset) };
  }

  /** The elements inside the next one. */
  inside(name: string, tag?: number): DerReader {
    return new DerReader(this.next(name, tag).body);
  }

  /** The next element when it has this tag. */
  optional(tag: number, name: string): DerElement | undefined {
    return this.tag === tag ? this.next(name) : undefined;
  }

  /** Passes over the rest, one element at a time. */
  *rest(name: string): Generator<DerElement> {
    while (this.left > 0) yield this.next(name);
  }
}

/** `1.2.840.113549.1.1.11` */
export function oidText(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join(".");
}

/**
 * A UTCTime or GeneralizedTime as ISO 8601 in UTC (RFC 5280 §4.1.2.5). Throws `PEER_CERTIFICATE`
 * for one that is no time.
 */
export function timeText({ tag, body }: DerElement): string {
  const text = latin1(body);
  const match = (
    tag === TAG.utcTime
      ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?Z$/
      : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.\d+)?Z$/
  ).exec(text);
  const [, year = "", month, day, hour, minute, second = "00"] = match ?? [];
  // Two digits from 50 on are of the century before.
  const century = year.length === 4 ? "" : Number(year) >= 50 ? "19" : "20";
  const written = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const ms = Date.parse(`${written}Z`);
  // Days that the month does not have would be days of the next.
  if (match === null || Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(written))
    throw wrong("time", `"${text.slice(0, 20)}" is none`);
  return new Date(ms).toISOString();
}

/** Whether a time is written as RFC 5280 §4.1.2.5 wants it: with seconds, and no parts of them. */
export function isStrictTime({ tag, body }: DerElement): boolean {
  return (tag === TAG.utcTime ? /^\d{12}Z$/ : /^\d{14}Z$/).test(latin1(body));
}

/** A string of any of ASN.1's kinds; what is no text of its kind keeps its bytes as Latin-1. */
export function stringText({ tag, body }: DerElement): string {
  if (tag === TAG.bmpString || tag === TAG.universalString) {
    const width = tag === TAG.bmpString ? 2 : 4;
    const codes = Array.from({ length: Math.floor(body.length / width) }, (_, index) =>
      body
        .subarray(index * width, (index + 1) * width)
        .reduce((code, byte) => code * 256 + byte, 0),
    );
    return codes.map((code) => (code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd")).join("");
  }
  if (tag !== TAG.utf8String) return latin1(body);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return latin1(body);
  }
}

/** Bytes as text, each a character of its own. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Bytes as lower-case hex, two digits each, with nothing between them. */
export function hexText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function wrong(name: string, state: string): AppError {
  return new AppError("PEER_CERTIFICATE", `Cannot read ${name}: ${state}`);
}
