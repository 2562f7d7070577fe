import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeText, encodeText } from "../../src/lib/text.ts";

/** One case of a conformance file; what its keys mean stands in the file's `about`. */
export type Case = Readonly<Record<string, unknown>>;

export interface CaseFile {
  readonly about: string;
  readonly cases: readonly Case[];
  /** Types of the mock fields `t.*`, where a file uses them. */
  readonly mockTypes: Readonly<Record<string, string>>;
}

/** A case's verdict: true when our answer is the real engine's, else what we answered. */
export type Verdict = true | string;

/** Decides the cases of one kind of file. */
export type Judge = (file: CaseFile, folder: string) => (one: Case) => Verdict;

/**
 * Reads `NAME.json` of a folder; undefined when the folder does not have it. Throws what JSON.parse
 * throws.
 */
export function readCaseFile(folder: string, name: string): CaseFile | undefined {
  const path = join(folder, `${name}.json`);
  if (!existsSync(path)) return undefined;
  const {
    about = "",
    cases = [],
    mock_types: mockTypes = {},
  } = JSON.parse(readFileSync(path, "utf8")) as {
    about?: string;
    cases?: Case[];
    mock_types?: Record<string, string>;
  };
  return { about, cases, mockTypes };
}

/** A text of a case: written out, or as `{hex}` where it is no UTF-8; "" for anything else. */
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || !("hex" in value)) return "";
  const bytes = bytesOf(value);
  return decodeText(bytes, 0, bytes.length);
}

/** The bytes of a text of a case. */
export function bytesOf(value: unknown): Uint8Array {
  if (typeof value === "object" && value !== null && "hex" in value)
    return Uint8Array.from(Buffer.from(String(value.hex), "hex"));
  return encodeText(text(value));
}
