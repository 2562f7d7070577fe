import { EVENT_TYPE_BY_NAME } from "./schema.ts";

/** The events that open files, in the order of the filter's rows (probe/filter.h). */
export const OPEN_CODES: readonly number[] = ["open", "openat", "openat2", "creat"].map((name) => EVENT_TYPE_BY_NAME.get(name)?.code ?? 0);

/** Kinds of opens, a bit each. */
export const OPEN_KIND = { read: 1, write: 2, file: 4, directory: 8, done: 16, failed: 32 } as const;
const KINDS = 64;

/** One way in which an open can be what a rule asks for: all of its parts hold. */
export interface OpenClause {
  /** Bits by place in OPEN_CODES. */
  readonly rows: number;
  /** Bits of OPEN_KIND that the open must have. */
  readonly kinds: number;
  /** The path begins with one of these, or is not in its shortest form, so that this cannot be told; undefined for any path. */
  readonly prefixes: readonly string[] | undefined;
}

/** Paths that the kernel does not look at further: with `//`, `/./`, `..`, and hidden files with them. */
export const ODD_PATH = /\/[/.]|\.\./;

/** Any open at all. */
export const ANY_OPEN: OpenClause = { rows: (1 << OPEN_CODES.length) - 1, kinds: 0, prefixes: undefined };

/** What the kernel is given. */
export interface OpenFilter {
  /** Clauses, a bit each, that ask for no path. */
  readonly anyPath: number;
  /** For each row and each set of kinds the clauses that are fulfilled but for the path. */
  readonly clauses: Uint32Array;
  /** The clauses that a path with this beginning fulfils; the longest beginning that is here counts. */
  readonly prefixes: ReadonlyMap<string, number>;
}

/** Clauses that the kernel takes; where rules need more, all opens are sent. */
const MAX_CLAUSES = 32;

/** Bytes of a beginning that are compared; a longer one lets more through. */
export const MAX_PREFIX_BYTES = 64;
/** Beginnings that the kernel takes. */
const MAX_PREFIXES = 4096;

/** The filter for rules that ask for these opens; undefined when it would be too large, and everything must be sent. */
export function openFilterOf(clauses: readonly OpenClause[]): OpenFilter | undefined {
  const merged = mergeClauses(clauses);
  if (merged.length > MAX_CLAUSES) return undefined;
  const own = new Map<string, number>();
  const table = new Uint32Array(OPEN_CODES.length * KINDS);
  let anyPath = 0;
  for (const [index, { rows, kinds, prefixes }] of merged.entries()) {
    const bit = (1 << index) >>> 0;
    if (prefixes === undefined) anyPath = (anyPath | bit) >>> 0;
    for (const prefix of (prefixes ?? []).map((whole) => whole.slice(0, MAX_PREFIX_BYTES))) own.set(prefix, ((own.get(prefix) ?? 0) | bit) >>> 0);
    for (let place = 0; place < table.length; place += 1) {
      const isAsked = ((rows >> Math.floor(place / KINDS)) & 1) === 1 && (place % KINDS & kinds) === kinds;
      if (isAsked) table[place] = ((table[place] ?? 0) | bit) >>> 0;
    }
  }
  if (own.size > MAX_PREFIXES) return undefined;
  const prefixes = new Map<string, number>();
  // The kernel finds the longest beginning alone, so each has what the shorter ones have.
  for (const prefix of own.keys()) {
    let bits = 0;
    for (const [other, value] of own) if (prefix.startsWith(other)) bits = (bits | value) >>> 0;
    prefixes.set(prefix, bits);
  }
  return { anyPath, clauses: table, prefixes };
}

/** The same clauses, fewer where one takes another in, or two differ in their paths alone. */
export function mergeClauses(clauses: readonly OpenClause[]): OpenClause[] {
  const byShape = new Map<string, OpenClause>();
  for (const clause of clauses) {
    if (clause.rows === 0) continue;
    const shape = `${clause.kinds} ${clause.prefixes === undefined} ${clause.rows}`;
    const before = byShape.get(shape);
    byShape.set(shape, before?.prefixes === undefined || clause.prefixes === undefined ? (before ?? clause) : { ...before, prefixes: [...new Set([...before.prefixes, ...clause.prefixes])] });
  }
  const all = [...byShape.values()];
  return all.filter((clause) => !all.some((other) => other !== clause && takesIn(other, clause)));
}

/** Different shapes never take each other in both ways. */
function takesIn(wide: OpenClause, narrow: OpenClause): boolean {
  return wide.prefixes === undefined && (wide.rows & narrow.rows) === narrow.rows && (wide.kinds & narrow.kinds) === wide.kinds;
}

/** An open as the kernel sees it when it decides. */
export interface OpenCall {
  readonly code: number;
  /** The flags of the call in scap's numbering; of no meaning for creat and openat2. */
  readonly flags: number;
  readonly result: number;
  /** As it was passed; undefined when it cannot be read. */
  readonly path: string | undefined;
}

/** Longest path, NUL included, that the kernel looks through. */
const PATH_LOOK = 256;

/** Whether the open leaves the kernel: what `is_open_wanted` of probe/filter.h says. */
export function passesOpenFilter(filter: OpenFilter, { code, flags, result, path }: OpenCall): boolean {
  const row = OPEN_CODES.indexOf(code);
  if (row < 0) return true;
  const wanted = filter.clauses[row * KINDS + kindsOf(row, flags, result)] ?? 0;
  if (wanted === 0) return false;
  if ((wanted & filter.anyPath) !== 0) return true;
  if (path === undefined || !path.startsWith("/") || Buffer.byteLength(path) + 1 >= PATH_LOOK || ODD_PATH.test(path)) return true;
  let longest = "";
  for (const prefix of filter.prefixes.keys()) if (path.startsWith(prefix) && prefix.length > longest.length) longest = prefix;
  return (wanted & (filter.prefixes.get(longest) ?? 0)) !== 0;
}

const [ROW_OPENAT2, ROW_CREAT] = [2, 3];
const SCAP_O_DIRECTORY = 0x400;

function kindsOf(row: number, flags: number, result: number): number {
  const { read, write, file, directory, done, failed } = OPEN_KIND;
  const end = result >= 0 ? done : failed;
  if (row === ROW_CREAT || row === ROW_OPENAT2) return end | read | write | file | directory;
  return end | (flags & (read | write)) | ((flags & SCAP_O_DIRECTORY) === 0 ? file : directory);
}
