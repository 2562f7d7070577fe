import { eventType } from "./schema.ts";

const codesOf = (...names: readonly string[]): readonly number[] =>
  names.map((name) => eventType(name).code);

/** The calls that open files. */
export const OPEN_CODES = codesOf("open", "openat", "openat2", "creat");

/** The calls on sockets. */
export const SOCKET_CODES = codesOf(
  "socket",
  "bind",
  "listen",
  "connect",
  "accept",
  "accept4",
  "sendto",
  "sendmsg",
  "recvfrom",
  "recvmsg",
);

/** The calls that give a descriptor one more number. */
export const DUP_CODES = codesOf("dup", "dup2", "dup3");

/**
 * Further calls that may stay in the kernel. None of those that tell what a process is: its state
 * needs them, whatever rules ask.
 */
const PLAIN_CODES = codesOf(
  "fcntl",
  "unlink",
  "unlinkat",
  "rename",
  "renameat",
  "renameat2",
  "symlink",
  "symlinkat",
  "link",
  "linkat",
  "mkdir",
  "mkdirat",
  "rmdir",
  "chmod",
  "fchmod",
  "fchmodat",
  "chown",
  "lchown",
  "fchown",
  "fchownat",
  "ptrace",
  "mount",
  "umount",
  "umount2",
  "memfd_create",
  "kill",
  "tkill",
  "tgkill",
  "setns",
  "unshare",
  "bpf",
  "init_module",
  "finit_module",
  "userfaultfd",
  "close",
  "mknod",
  "mknodat",
  "mprotect",
  "mmap",
  "munmap",
  "ioctl",
  "seccomp",
  "splice",
  "copy_file_range",
  "delete_module",
  "prctl",
  "syscall",
  "read",
  "write",
  "pread",
  "pwrite",
  "readv",
  "writev",
  "preadv",
  "pwritev",
  "send",
  "recv",
  "sendfile",
  "sendmmsg",
  "recvmmsg",
  "getsockname",
  "getpeername",
  "socketpair",
  "setsockopt",
  "getsockopt",
  "pipe",
  "pipe2",
  "eventfd",
  "futex",
  "stat",
  "lstat",
  "fstat",
  "newfstatat",
  "access",
  "poll",
  "ppoll",
  "select",
  "epoll_wait",
  "lseek",
  "getcwd",
  "getdents",
  "getdents64",
  "nanosleep",
  "brk",
  "getuid",
  "geteuid",
  "getgid",
  "getegid",
  "keyctl",
);

/**
 * Calls that programs make by thousands: sent where a rule names them, and left out of recordings,
 * which want everything else.
 */
export const FREQUENT_CODES: ReadonlySet<number> = new Set(
  codesOf(
    ...`
    close mmap mmap2 munmap mprotect ioctl io_uring_enter syscall read write pread pwrite readv writev preadv pwritev send recv
    sendfile futex stat lstat fstat stat64 lstat64 fstat64 newfstatat access poll ppoll select epoll_wait lseek llseek getcwd
    getdents getdents64 nanosleep brk getuid geteuid getgid getegid getresuid getresgid getsockname getpeername setsockopt
    getsockopt getrlimit semop
    `
      .trim()
      .split(/\s+/),
  ),
);

/** The events that the filter knows, by row. */
export const FILTERED_CODES: readonly number[] = [
  ...OPEN_CODES,
  ...SOCKET_CODES,
  ...DUP_CODES,
  ...PLAIN_CODES,
];
const ROW_OF = new Map(FILTERED_CODES.map((code, row) => [code, row]));

/**
 * Kinds of calls, a bit each. The first four depend on the event: `read` to `directory` of an open,
 * `ip` to `tcp` of a call on a socket, `ip` to `other` and `noSocket` of a dup; a call of which
 * this cannot be told, and all calls of other events, have all four.
 */
export const CALL_KIND = {
  read: 1,
  write: 2,
  file: 4,
  directory: 8,
  ip: 1,
  unix: 2,
  other: 4,
  /** Beside `ip`; of no new socket. */
  tcp: 8,
  noSocket: 8,
  done: 16,
  failed: 32,
  /** For want of permission (EPERM, EACCES); beside `failed`. */
  denied: 64,
} as const;
const ALL_SPECIFIC = 15;

/** Who calls, a bit each: in a container or on the host, as root or another user. */
export const CALLER = { contained: 1, host: 2, root: 4, other: 8 } as const;

/** Rows, and values of the two sets of bits, that the kernel's tables have (probe/filter.h). */
export const FILTER_TABLE = { rows: 128, kinds: 128, callers: 16 } as const;

/** One way in which a call can be what a rule asks for: all of its parts hold. */
export interface CallClause {
  /** Bits by place in FILTERED_CODES. */
  readonly rows: bigint;
  /** Bits of CALL_KIND that the call must have. */
  readonly kinds: number;
  /** Bits of CALLER that the call must have. */
  readonly callers: number;
  /**
   * Of an open: the path begins with one of these, or is not in its shortest form, so that this
   * cannot be told; undefined for any path.
   */
  readonly prefixes: readonly string[] | undefined;
  /** Of an open: the last part of the path is one of these; undefined for any. */
  readonly names: readonly string[] | undefined;
}

/** The rows of these events. */
export function rowsOf(codes: readonly number[]): bigint {
  return codes.reduce(
    (rows, code) => (ROW_OF.has(code) ? rows | (1n << BigInt(ROW_OF.get(code) ?? 0)) : rows),
    0n,
  );
}

/** The rows of all events whose calls can be filtered. */
export const ALL_ROWS = rowsOf(FILTERED_CODES);

/** Any call at all. */
export const ANY_CALL: CallClause = {
  rows: ALL_ROWS,
  kinds: 0,
  callers: 0,
  prefixes: undefined,
  names: undefined,
};

/**
 * Paths that the kernel does not look at further: `.`, and those with `//`, `/./` or `..`, and with
 * them hidden files and folders whose name ends in a dot.
 */
export const ODD_PATH = /[/.]{2}|^\.$/;

/**
 * What the kernel is given. A clause that asks for the same callers and no path as another shares
 * its bit.
 */
export interface CallFilter {
  /** Bits that ask for no beginning of a path. */
  readonly anyPath: number;
  /** Bits that ask for no last part of a path. */
  readonly anyName: number;
  /** For each set of callers the bits that it fulfils. */
  readonly callers: Uint32Array;
  /** For each row and each set of kinds the bits that are fulfilled but for callers and path. */
  readonly clauses: Uint32Array;
  /**
   * The bits that a path with this beginning fulfils; the longest beginning that is here counts.
   */
  readonly prefixes: ReadonlyMap<string, number>;
  /** The bits that a path with this last part fulfils. */
  readonly names: ReadonlyMap<string, number>;
}

/** Bits that the kernel takes; where rules need more, all calls are sent. */
const MAX_BITS = 32;

/** Bytes of a beginning that are compared; a longer one lets more through. */
export const MAX_PREFIX_BYTES = 64;
/** Beginnings, and last parts, that the kernel takes; for each beginning it has a folder's, too. */
const MAX_PREFIXES = 4096;
/** Last parts of paths that the kernel takes. */
export const MAX_NAMES = 4096;

/**
 * The filter for rules that ask for these calls; undefined when it would be too large, and
 * everything must be sent.
 */
export function callFilterOf(clauses: readonly CallClause[]): CallFilter | undefined {
  const bits = bitsOf(mergeClauses(clauses));
  if (bits.length > MAX_BITS) return undefined;
  const filter = {
    callers: new Uint32Array(FILTER_TABLE.callers),
    clauses: new Uint32Array(FILTER_TABLE.rows * FILTER_TABLE.kinds),
    names: new Map<string, number>(),
  };
  const own = new Map<string, number>();
  let [anyPath, anyName] = [0, 0];
  for (const [index, group] of bits.entries()) {
    const bit = (1 << index) >>> 0;
    for (const { rows, kinds, callers, prefixes, names } of group) {
      if (prefixes === undefined) anyPath = (anyPath | bit) >>> 0;
      if (names === undefined) anyName = (anyName | bit) >>> 0;
      for (const prefix of (prefixes ?? []).map((whole) => whole.slice(0, MAX_PREFIX_BYTES)))
        own.set(prefix, ((own.get(prefix) ?? 0) | bit) >>> 0);
      for (const name of names ?? [])
        filter.names.set(name, ((filter.names.get(name) ?? 0) | bit) >>> 0);
      for (let who = 0; who < filter.callers.length; who += 1)
        if ((who & callers) === callers)
          filter.callers[who] = ((filter.callers[who] ?? 0) | bit) >>> 0;
      fill(filter.clauses, { rows, kinds, bit });
    }
  }
  if (own.size > MAX_PREFIXES || filter.names.size > MAX_NAMES) return undefined;
  return { ...filter, anyPath, anyName, prefixes: withShorter(own) };
}

function fill(
  table: Uint32Array,
  { rows, kinds, bit }: { rows: bigint; kinds: number; bit: number },
): void {
  for (let row = 0; row < FILTERED_CODES.length; row += 1) {
    if (((rows >> BigInt(row)) & 1n) === 0n) continue;
    for (let kind = 0; kind < FILTER_TABLE.kinds; kind += 1) {
      const place = row * FILTER_TABLE.kinds + kind;
      if ((kind & kinds) === kinds) table[place] = ((table[place] ?? 0) | bit) >>> 0;
    }
  }
}

/** The kernel finds the longest beginning alone, so each has what the shorter ones have. */
function withShorter(own: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const prefixes = new Map<string, number>();
  for (const prefix of own.keys()) {
    let bits = 0;
    for (const [other, value] of own) if (prefix.startsWith(other)) bits = (bits | value) >>> 0;
    prefixes.set(prefix, bits);
  }
  return prefixes;
}

/**
 * Clauses that can share a bit stand together: those without paths differ in their rows and kinds
 * alone, which the table tells apart.
 */
function bitsOf(clauses: readonly CallClause[]): readonly (readonly CallClause[])[] {
  const shared = new Map<number, CallClause[]>();
  const single: CallClause[][] = [];
  for (const clause of clauses) {
    if (clause.prefixes !== undefined || clause.names !== undefined) single.push([clause]);
    else shared.set(clause.callers, [...(shared.get(clause.callers) ?? []), clause]);
  }
  return [...shared.values(), ...single];
}

/** The same clauses, fewer where one takes another in, or two differ in their paths alone. */
export function mergeClauses(clauses: readonly CallClause[]): CallClause[] {
  const byShape = new Map<string, CallClause>();
  for (const clause of clauses) {
    if (clause.rows === 0n) continue;
    const shape = `${clause.kinds} ${clause.callers} ${clause.prefixes === undefined} ${clause.names === undefined} ${isAnyPath(clause) ? "" : clause.rows}`;
    const before = byShape.get(shape);
    byShape.set(shape, before === undefined ? clause : union(before, clause));
  }
  const all = [...byShape.values()];
  return all.filter((clause) => !all.some((other) => other !== clause && takesIn(other, clause)));
}

function isAnyPath({ prefixes, names }: CallClause): boolean {
  return prefixes === undefined && names === undefined;
}

/** Of two that are alike but for their rows, if they ask for no path, or but for their paths. */
function union(one: CallClause, other: CallClause): CallClause {
  const both = (
    left: readonly string[] | undefined,
    right: readonly string[] | undefined,
  ): readonly string[] | undefined =>
    left === undefined || right === undefined ? undefined : [...new Set([...left, ...right])];
  return {
    ...one,
    rows: one.rows | other.rows,
    prefixes: both(one.prefixes, other.prefixes),
    names: both(one.names, other.names),
  };
}

/** Different shapes never take each other in both ways. */
function takesIn(wide: CallClause, narrow: CallClause): boolean {
  return (
    isAnyPath(wide) &&
    (wide.rows & narrow.rows) === narrow.rows &&
    (wide.kinds & narrow.kinds) === wide.kinds &&
    (wide.callers & narrow.callers) === wide.callers
  );
}

/** A call as the kernel sees it when it decides. */
export interface Call {
  readonly code: number;
  readonly result: number;
  /** Of an open: its flags in scap's numbering; of no meaning for creat and openat2. */
  readonly flags?: number;
  /** Of an open: as it was passed; undefined when it cannot be read. */
  readonly path?: string | undefined;
  /** Of an open that was done: the file's own path; undefined when it lies in no tree. */
  readonly resolved?: string | undefined;
  /**
   * Of a call on a socket or a dup: the address family; undefined when the descriptor is no socket.
   */
  readonly family?: number | undefined;
  /** Of an IP socket that is there: its protocol (IPPROTO_*). */
  readonly protocol?: number | undefined;
  /**
   * Bits of CALLER; the first two together when it is not known. Both pairs where it is left out.
   */
  readonly callers?: number;
}

/** Longest path, NUL included, that the kernel looks through. */
const PATH_LOOK = 256;

/** Whether the call leaves the kernel: what `is_call_wanted` of probe/filter.h says. */
export function passesCallFilter(filter: CallFilter, call: Call): boolean {
  const row = ROW_OF.get(call.code);
  if (row === undefined) return true;
  const wanted =
    (filter.clauses[row * FILTER_TABLE.kinds + kindsOf(call)] ?? 0) &
    (filter.callers[call.callers ?? 15] ?? 0);
  if (wanted === 0) return false;
  if ((wanted & filter.anyPath & filter.anyName) !== 0) return true;
  if ((wanted & bitsOfPath(filter, call.path)) !== 0) return true;
  const isAsked = OPEN_CODES.includes(call.code) && call.result >= 0 && call.resolved !== undefined;
  return isAsked && (wanted & bitsOfFile(filter, call.resolved ?? "")) !== 0;
}

function bitsOfPath(filter: CallFilter, path: string | undefined): number {
  if (
    path === undefined ||
    path === "" ||
    Buffer.byteLength(path) + 1 >= PATH_LOOK ||
    ODD_PATH.test(path)
  )
    return -1;
  return bitsOfFile(filter, path);
}

/** Of a path that has no odd parts. */
function bitsOfFile(filter: CallFilter, path: string): number {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const byName = filter.anyName | (name === "" ? -1 : (filter.names.get(name) ?? 0));
  if (!path.startsWith("/")) return byName;
  return byName & (filter.anyPath | bitsOfBeginning(filter, path));
}

function bitsOfBeginning({ prefixes }: CallFilter, path: string): number {
  let longest = "";
  for (const prefix of prefixes.keys())
    if (path.startsWith(prefix) && prefix.length > longest.length) longest = prefix;
  return prefixes.get(longest) ?? 0;
}

/**
 * Folders, with the `/` behind them, that a file right inside of which may begin with one of the
 * filter's beginnings, and the bits of these: what the kernel remembers of a folder.
 */
export function folderEntries(filter: CallFilter): ReadonlyMap<string, number> {
  const folders = new Map<string, number>();
  for (const [prefix, bits] of filter.prefixes) {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    // Beginnings are compared as far as they go, and a folder's entry has its mark behind it.
    if (folder === "" || folder.length >= MAX_PREFIX_BYTES) continue;
    const own = folders.get(folder) ?? bitsOfBeginning(filter, folder);
    folders.set(folder, (own | bits) >>> 0);
  }
  return folders;
}

const [OPEN, OPENAT] = OPEN_CODES;
const SCAP_O_DIRECTORY = 0x400;
const [AF_UNIX, AF_INET, AF_INET6] = [1, 2, 10];

const IPPROTO_TCP = 6;
const SOCKET = eventType("socket").code;

function kindsOf({ code, result, flags = 0, family, protocol }: Call): number {
  const { read, write, file, directory, ip, unix, other, tcp, noSocket } = CALL_KIND;
  const end = endingOf(result);
  const isDup = DUP_CODES.includes(code);
  if (code === OPEN || code === OPENAT)
    return end | (flags & (read | write)) | ((flags & SCAP_O_DIRECTORY) === 0 ? file : directory);
  if (!isDup && !SOCKET_CODES.includes(code)) return end | ALL_SPECIFIC;
  if (family === undefined) return end | (isDup ? noSocket : ALL_SPECIFIC);
  if (family !== AF_INET && family !== AF_INET6) return end | (family === AF_UNIX ? unix : other);
  return end | (protocol === IPPROTO_TCP && !isDup && code !== SOCKET ? ip | tcp : ip);
}

const [EPERM, EACCES] = [1, 13];

function endingOf(result: number): number {
  const { done, failed, denied } = CALL_KIND;
  if (result >= 0) return done;
  return result === -EPERM || result === -EACCES ? failed | denied : failed;
}

/** Of a path's last part, eight bytes at a time, as probe/filter.h computes it. */
export function nameHash(name: string): number {
  const text = new TextEncoder().encode(name);
  const bytes = new Uint8Array(Math.ceil(text.length / 8) * 8);
  bytes.set(text);
  const view = new DataView(bytes.buffer);
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < bytes.length; at += 8) {
    hash = BigInt.asUintN(64, (hash ^ view.getBigUint64(at, true)) * 0x9e3779b97f4a7c15n);
    hash ^= hash >> 32n;
  }
  return Number(BigInt.asUintN(32, hash));
}
