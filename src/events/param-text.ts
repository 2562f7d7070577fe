import { ipText } from "../lib/ip-text.ts";
import { errnoName } from "./errno-names.ts";
import type { Event } from "./event.ts";
import type { NameTable } from "./flag-names.ts";
import type { Param } from "./schema.ts";
import { readSockaddr, readTuple, type SocketEnd } from "./socket-address.ts";

/** What numbers in parameters stand for, as far as it is known. */
export interface ParamNames {
  /** Kind and name of a descriptor, such as `<f>/etc/passwd`. */
  descriptor(fd: number): string | undefined;
  process(pid: number): string | undefined;
  user(uid: number): string | undefined;
  group(gid: number): string | undefined;
  /** The absolute form of a relative path of this event. */
  absolute(path: string): string | undefined;
  /** `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` of an epoch time in nanoseconds. */
  dateTime(epochNs: bigint): string;
}

/** A parameter as text: the value itself, and what it stands for where that is known (flag names, a user, an errno). */
export interface ParamText {
  readonly value: string;
  readonly meaning: string | undefined;
}

/** The text of one parameter, as Falco prints it. */
export function paramText(event: Event, index: number, names: ParamNames): ParamText {
  const param = event.type?.params[index];
  if (param === undefined) return { value: "", meaning: undefined };
  return TEXT[param.type]?.(event, index, { param, names }) ?? numberText(event, index, { param, names });
}

/** `name=value(meaning)` of all parameters, separated by blanks: Falco's evt.args. */
export function allParamsText(event: Event, names: ParamNames): string {
  const params = event.type?.params ?? [];
  const texts = params.slice(0, event.count).map((param, index) => {
    const { value, meaning } = paramText(event, index, names);
    return meaning === undefined ? `${param.name}=${value}` : `${param.name}=${value}(${meaning})`;
  });
  return texts.join(" ");
}

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
    const pid = event.int(index) ?? 0;
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
    const signal = event.uint(index) ?? 0;
    return { value: String(signal), meaning: SIGNALS[signal] };
  },
  SOCKADDR: (event, index) => {
    const address = readSockaddr(event, index);
    return plain(address === undefined ? "NULL" : (address.path ?? endText(address.destination)));
  },
  SOCKTUPLE: (event, index) => {
    const tuple = readTuple(event, index);
    if (tuple === undefined) return plain("NULL");
    return plain(tuple.path ?? `${endText(tuple.source)}->${endText(tuple.destination)}`);
  },
  RELTIME: (event, index) => {
    const ns = event.uint(index) ?? 0;
    return { value: String(ns), meaning: `${ns / 1e9}s` };
  },
  ABSTIME: (event, index, { names }) => plain(names.dateTime(event.bigUint(index) ?? 0n)),
};

/** fcntl.h: a relative path starts at the current directory. */
const AT_FDCWD = -100;

function charbufText(event: Event, index: number): ParamText {
  return plain(event.text(index) ?? "<NA>");
}

function pathText(event: Event, index: number, { names }: TextContext): ParamText {
  const path = event.text(index);
  if (path === undefined) return plain("<NA>");
  return { value: path, meaning: path === "" || path.startsWith("/") ? undefined : names.absolute(path) };
}

function bytebufText(event: Event, index: number): ParamText {
  if (!event.has(index)) return plain("NULL");
  return plain(String.fromCharCode(...event.slice(index).subarray(0, MAX_BYTES).map((byte) => (byte >= 0x20 && byte < 0x7f ? byte : 0x2e))));
}

/** Of a byte buffer, Falco prints what its snap length kept; ours keeps arguments whole, so this is their limit. */
const MAX_BYTES = 4096;

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

/** The names of the bits in `value`, in the table's order, joined by `|`; a wider flag takes its bits from narrower ones. Hot: a host uses few combinations. */
export function flagNames(value: number, table: NameTable): string | undefined {
  let known = KNOWN_FLAGS.get(table);
  if (known === undefined || known.size >= MAX_COMBINATIONS) KNOWN_FLAGS.set(table, (known = new Map()));
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

function accountText(event: Event, index: number, nameOf: (id: number) => string | undefined): ParamText {
  const id = event.uint(index);
  if (id === undefined) return plain("<NA>");
  return { value: id === 0xffff_ffff ? "-1" : String(id), meaning: nameOf(id) ?? "<NA>" };
}

function endText(end: SocketEnd | undefined): string {
  return end === undefined ? "" : `${ipText(end.address)}:${end.port}`;
}

function plain(value: string): ParamText {
  return { value, meaning: undefined };
}

/** Signals by number (asm-generic/signal.h). */
const SIGNALS: readonly (string | undefined)[] = [
  undefined, "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
  "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
  "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
];
