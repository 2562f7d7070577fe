import { ipText } from "../lib/ip-text.ts";
import { decodeText } from "../lib/text.ts";
import { errnoName } from "./errno-names.ts";
import type { Event } from "./event.ts";
import type { NameTable } from "./flag-names.ts";
import { eventType, type Param } from "./schema.ts";
import { syscallName } from "./system-calls.ts";
import { readSockaddr, readTuple, type SocketEnd } from "./socket-address.ts";

/** What numbers in parameters stand for, as far as it is known. */
export interface ParamNames {
  /** Kind and name of a descriptor, such as `<f>/etc/passwd`. */
  descriptor(fd: number): string | undefined;
  process(pid: number): string | undefined;
  user(uid: number): string | undefined;
  group(gid: number): string | undefined;
  /**
   * The absolute form of a relative path of this event, which starts from descriptor `dirfd` where
   * it has one.
   */
  absolute(path: string, dirfd: number | undefined): string | undefined;
  /** `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` of an epoch time in nanoseconds. */
  dateTime(epochNs: bigint): string;
}

/**
 * A parameter as text: the value itself, and what it stands for where that is known (flag names, a
 * user, an errno).
 */
export interface ParamText {
  readonly value: string;
  readonly meaning: string | undefined;
}

/** The text of one parameter, as Falco prints it. */
export function paramText(event: Event, index: number, names: ParamNames): ParamText {
  const param = event.type?.params[index];
  if (param === undefined) return { value: "", meaning: undefined };
  return (
    TEXT[param.type]?.(event, index, { param, names }) ?? numberText(event, index, { param, names })
  );
}

/** `name=value(meaning)` of all parameters, separated by blanks: Falco's evt.args. */
export function allParamsText(event: Event, names: ParamNames): string {
  const params = event.type?.params ?? [];
  // The generic event of a system call shows none.
  if (event.code === GENERIC) return "";
  const texts = params.slice(0, event.count).map((param, index) => {
    const { value, meaning } = paramText(event, index, names);
    // A process without a name, such as 0, has no meaning.
    return meaning === undefined || meaning === ""
      ? `${param.name}=${value}`
      : `${param.name}=${value}(${meaning})`;
  });
  return texts.join(" ");
}

const GENERIC = eventType("syscall").code;

interface TextContext {
  readonly param: Param;
  readonly names: ParamNames;
}

type TextOf = (event: Event, index: number, context: TextContext) => ParamText;

const TEXT: Readonly<Partial<Record<Param["type"], TextOf>>> = {
  CHARBUF: charbufText,
  FSPATH: pathText,
  FSRELPATH: pathText,
  BYTEBUF: bytebufText,
  ERRNO: signedText,
  PID: (event, index, { names }) => {
    const pid = event.int(index);
    if (pid === undefined) return plain("<NA>");
    return { value: String(pid), meaning: names.process(pid) };
  },
  FD: (event, index, { names }) => {
    const fd = event.int(index) ?? 0;
    if (fd === AT_FDCWD) return { value: String(fd), meaning: "AT_FDCWD" };
    return { value: String(fd), meaning: fd < 0 ? errnoName(-fd) : names.descriptor(fd) };
  },
  UID: (event, index, { names }) => accountText(event, index, (id) => names.user(id)),
  GID: (event, index, { names }) => accountText(event, index, (id) => names.group(id)),
  SIGTYPE: (event, index) => {
    const signal = event.uint(index);
    if (signal === undefined) return plain("<NA>");
    return { value: String(signal), meaning: SIGNALS[signal] };
  },
  SOCKADDR: (event, index) => {
    const address = readSockaddr(event, index);
    return plain(address === undefined ? "<NA>" : (address.path ?? endText(address.destination)));
  },
  SOCKTUPLE: (event, index) => {
    const tuple = readTuple(event, index);
    if (tuple === undefined) return plain("NULL");
    if (tuple.path !== undefined)
      return plain(tuple.pointers === undefined ? tuple.path : `${tuple.pointers} ${tuple.path}`);
    return plain(`${endText(tuple.source)}->${endText(tuple.destination)}`);
  },
  RELTIME: (event, index) => {
    const ns = event.uint(index) ?? 0;
    return { value: String(ns), meaning: `${shortNumber(ns / 1e9)}s` };
  },
  ABSTIME: (event, index, { names }) =>
    plain(event.has(index) ? names.dateTime(event.bigUint(index) ?? 0n) : "<NA>"),
  FDLIST: fdlistText,
  DYN: dynText,
  SYSCALLID: (event, index) =>
    plain(syscallName(event.uint(index) ?? 0) ?? String(event.uint(index) ?? 0)),
  SIGSET: (event, index) => {
    const set = event.uint(index) ?? 0;
    return plain(
      SIGNALS.filter(
        (name, signal) => name !== undefined && ((set >>> (signal - 1)) & 1) === 1,
      ).join(" "),
    );
  },
};

/** fcntl.h: a relative path starts at the current directory. */
const AT_FDCWD = -100;

function charbufText(event: Event, index: number): ParamText {
  return plain(event.text(index) ?? "<NA>");
}

function pathText(event: Event, index: number, { names }: TextContext): ParamText {
  const path = event.text(index);
  if (path === undefined) return plain("<NA>");
  return {
    value: path,
    meaning:
      path === "" || path === "<NA>" || path.startsWith("/")
        ? undefined
        : names.absolute(path, dirfdOf(event, index)),
  };
}

/**
 * The descriptor that a path parameter starts from, which stands before it; undefined where the
 * path starts from the current directory.
 */
export function dirfdOf(event: Event, index: number): number | undefined {
  const params = event.type?.params;
  return params?.[index]?.type === "FSRELPATH" && params[index - 1]?.type === "FD"
    ? event.int(index - 1)
    : undefined;
}

function bytebufText(event: Event, index: number): ParamText {
  if (!event.has(index)) return plain("NULL");
  return plain(
    String.fromCharCode(
      ...event
        .slice(index)
        .subarray(0, MAX_BYTES)
        .map((byte) => (byte >= 0x20 && byte < 0x7f ? byte : 0x2e)),
    ),
  );
}

/**
 * Of a byte buffer, Falco prints what its snap length kept; ours keeps arguments whole, so this is
 * their limit.
 */
const MAX_BYTES = 4096;

/** A byte that tells which of its call's kinds the value is, and the value. */
/** The one event whose DYN parameters may be texts, which this variant says. */
const KEYCTL = eventType("keyctl").code;
const KEY_TEXT = 1;

function dynText(event: Event, index: number, { param }: TextContext): ParamText {
  const [at, length] = [event.offset(index) + 1, event.length(index) - 1];
  if (length < 0) return plain("<NA>");
  if (event.code === KEYCTL && event.bytes[at - 1] === KEY_TEXT)
    return plain(decodeText(event.bytes, at, at + Math.max(0, length - 1)));
  const value =
    length === 8
      ? event.view.getBigInt64(at, true)
      : length === 4
        ? event.view.getUint32(at, true)
        : length === 1
          ? (event.bytes[at] ?? 0)
          : undefined;
  if (value === undefined) return plain("NULL");
  return plain(
    param.format === "HEX"
      ? BigInt.asUintN(64, BigInt(value)).toString(16).toUpperCase()
      : String(value),
  );
}

/**
 * `number:kind flags`, flags in hexadecimal digits, for each descriptor; `?` for a kind that
 * nothing told.
 */
function fdlistText(event: Event, index: number, { names }: TextContext): ParamText {
  const entries = readDescriptorList(event, index).map(
    ({ number, flags }) => `${number}:${names.descriptor(number)?.[1] ?? "?"}${flags.toString(16)}`,
  );
  return plain(event.has(index) ? entries.join(" ") : "<NA>");
}

/**
 * An FDLIST parameter: u16 count, then as many entries of an i64 number and i16 flags. What does
 * not fit any more is left out.
 */
export function readDescriptorList(
  event: Event,
  index: number,
): { readonly number: number; readonly flags: number }[] {
  const [start, length] = [event.offset(index), event.length(index)];
  if (length < 2) return [];
  const count = Math.min(event.view.getUint16(start, true), Math.floor((length - 2) / LIST_ENTRY));
  return Array.from({ length: count }, (_, entry) => {
    const at = start + 2 + entry * LIST_ENTRY;
    return {
      number: Number(event.view.getBigInt64(at, true)),
      flags: event.view.getUint16(at + 8, true),
    };
  });
}

const LIST_ENTRY = 10;

function signedText(event: Event, index: number): ParamText {
  const value = event.int(index);
  if (value === undefined) return plain("<NA>");
  return { value: String(value), meaning: value < 0 ? errnoName(-value) : undefined };
}

function numberText(event: Event, index: number, { param }: TextContext): ParamText {
  const isSigned = param.type.startsWith("INT");
  const value = isSigned ? event.int(index) : event.uint(index);
  if (value === undefined) return plain("<NA>");
  const meaning = param.names === undefined ? undefined : namesText(value, param);
  const isNamed = param.names !== undefined && param.type !== "MODE";
  return { value: isNamed ? String(value) : formatNumber(value, param), meaning };
}

function formatNumber(value: number, param: Param): string {
  if (param.format === "HEX") return value.toString(16).toUpperCase();
  if (param.format === "OCT") return value === 0 ? "0" : `0${value.toString(8)}`;
  return String(value);
}

function namesText(value: number, param: Param): string | undefined {
  const table = param.names ?? {};
  return param.type.startsWith("ENUM") ? enumName(value, table) : flagNames(value, table);
}

/**
 * The names of the bits in `value`, in the table's order, joined by `|`; a wider flag takes its
 * bits from narrower ones. Hot: a host uses few combinations.
 */
export function flagNames(value: number, table: NameTable): string | undefined {
  let known = KNOWN_FLAGS.get(table);
  if (known === undefined || known.size >= MAX_COMBINATIONS)
    KNOWN_FLAGS.set(table, (known = new Map()));
  let names = known.get(value);
  if (names === undefined) {
    names = spellFlags(value, table) ?? "";
    known.set(value, names);
  }
  return names === "" ? undefined : names;
}

const KNOWN_FLAGS = new Map<NameTable, Map<number, string>>();
const MAX_COMBINATIONS = 1000;

function spellFlags(value: number, table: NameTable): string | undefined {
  let left = value;
  const found: string[] = [];
  for (const [name, bits] of Object.entries(table)) {
    const isThere = bits === 0 ? value === 0 : (left & bits) === bits;
    if (!isThere) continue;
    found.push(name);
    left &= ~bits;
  }
  return found.length === 0 ? undefined : found.join("|");
}

function enumName(value: number, table: NameTable): string | undefined {
  const found = Object.keys(table).filter((name) => table[name] === value);
  return found.length === 0 ? undefined : found.join("|");
}

function accountText(
  event: Event,
  index: number,
  nameOf: (id: number) => string | undefined,
): ParamText {
  const id = event.uint(index);
  if (id === undefined) return plain("<NA>");
  return { value: String(id | 0), meaning: id === 0xffff_ffff ? "<NONE>" : (nameOf(id) ?? "<NA>") };
}

/** Six digits, as C++ streams print a double. */
function shortNumber(value: number): string {
  const text = String(Number(value.toPrecision(6)));
  if (value === 0 || value >= 1e-4) return text;
  const [digits = "", exponent = ""] = Number(value.toPrecision(6)).toExponential().split("e");
  return `${digits}e-${exponent.slice(1).padStart(2, "0")}`;
}

function endText(end: SocketEnd | undefined): string {
  return end === undefined ? "" : `${ipText(end.address)}:${end.port}`;
}

function plain(value: string): ParamText {
  return { value, meaning: undefined };
}

/** Signals by number (asm-generic/signal.h). */
const SIGNALS: readonly (string | undefined)[] = [
  undefined,
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGKILL",
  "SIGUSR1",
  "SIGSEGV",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
];
