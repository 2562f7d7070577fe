import { AppError } from "../lib/errors.ts";
import { decodeText } from "../lib/text.ts";
import { EXEC_FLAGS } from "../events/flag-names.ts";
import type { SocketEnd } from "../events/socket-address.ts";
import {
  DESCRIPTOR_ENTRY_TYPES as TYPES,
  type DescriptorEntry,
  type DescriptorEntryType,
  type GroupEntry,
  type InterfaceEntry,
  type MachineEntry,
  type ThreadEntry,
  type UserEntry,
} from "../state/host-entries.ts";
import { ACCOUNT_TYPES, INTERFACE_TYPES, MACHINE } from "./scap-format.ts";

// The blocks before the first event: the body of each becomes entries. Every function throws
// `INPUT_CAPTURE` when the entries do not fit the body.

/** A place in a block's body, or in one entry of it. Reading beyond the end throws. */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  at = 0;
  end: number;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.end = bytes.length;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** A signed number of 8 bytes: an id or a size, which are below 2^53. */
  int(): number {
    return Number(this.#view.getBigInt64(this.#take(8), true));
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  /** A text of `length` bytes, up to its NUL. */
  textOf(length: number): string {
    const at = this.#take(length);
    return decodeText(this.#bytes, at, at + length);
  }

  /** `{ u16 length, text }` */
  text(): string {
    return this.textOf(this.u16());
  }

  /** `{ u16 length, texts, each with its NUL }` */
  texts(): string[] {
    const length = this.u16();
    const start = this.#take(length);
    const texts: string[] = [];
    // One NUL alone is no text, as in the real engine.
    if (length === 1 && this.#bytes[start] === 0) return texts;
    for (let at = start; at < start + length;) {
      const stop = this.#bytes.indexOf(0, at);
      const end = stop < 0 || stop > start + length ? start + length : stop;
      texts.push(decodeText(this.#bytes, at, end));
      at = end + 1;
    }
    return texts;
  }

  /**
   * Reads one entry that begins with its length, `own` of it included or not; what later versions
   * added behind is passed over.
   */
  entry<T>(lengthCountsItself: boolean, read: (cursor: this) => T): T {
    const start = this.at;
    const length = this.u32() + (lengthCountsItself ? 0 : 4);
    const outer = this.end;
    if (length < 4 || start + length > outer) throw this.#misfit();
    this.end = start + length;
    const value = read(this);
    this.at = this.end;
    this.end = outer;
    return value;
  }

  #take(length: number): number {
    const at = this.at;
    if (at + length > this.end) throw this.#misfit();
    this.at = at + length;
    return at;
  }

  #misfit(): AppError {
    return new AppError("INPUT_CAPTURE", `${this.#what}: an entry is longer than what holds it`);
  }
}

/** Entries of a list; what is shorter than 4 bytes at its end is padding. */
function entriesOf<T>(cursor: Cursor, read: () => T): T[] {
  const entries: T[] = [];
  while (cursor.left >= 4) entries.push(read());
  return entries;
}

/** The machine that the capture was made on. */
export function readMachine(body: Uint8Array): MachineEntry {
  const cursor = new Cursor(body, "machine information");
  const machine = {
    cpus: cursor.u32(),
    memoryBytes: cursor.u64(),
    maxPid: cursor.u64(),
    hostname: cursor.textOf(MACHINE.hostnameLength),
  };
  return { ...machine, bootTime: cursor.left >= 8 ? cursor.u64() : 0n };
}

/** The process list, of any version. */
export function readThreads(body: Uint8Array, version: number): ThreadEntry[] {
  const cursor = new Cursor(body, "process list");
  const read = (): ThreadEntry => readThread(cursor, version);
  return entriesOf(cursor, version < 9 ? read : () => cursor.entry(true, read));
}

/**
 * What stood at the end of version 9's entries before two values were put in between: login id,
 * writable, three capability sets.
 */
const SHORT_TAIL = 29;

function readThread(cursor: Cursor, version: number): ThreadEntry {
  const since = <T>(first: number, read: () => T, before: T): T =>
    version >= first ? read() : before;
  const ids = { tid: cursor.int(), pid: cursor.int(), ptid: cursor.int() };
  const sid = since(6, () => cursor.int(), -1);
  const vpgid = since(8, () => cursor.int(), -1);
  const [comm, exe] = [cursor.text(), cursor.text()];
  const exepath = since(7, () => cursor.text(), "");
  const [args, cwd] = [cursor.texts(), cursor.text()];
  const limits = {
    fdlimit: cursor.int(),
    flags: cursor.u32(),
    uid: cursor.u32(),
    gid: cursor.u32(),
  };
  const memory =
    version < 2
      ? NO_MEMORY
      : {
          vmSize: cursor.u32(),
          vmRss: cursor.u32(),
          vmSwap: cursor.u32(),
          pfMajor: cursor.int(),
          pfMinor: cursor.int(),
        };
  const env = since(3, () => cursor.texts(), []);
  const [vtid, vpid] = version < 4 ? [ids.tid, ids.pid] : [cursor.int(), cursor.int()];
  const cgroups = since(4, () => cursor.texts(), []);
  const root = since(5, () => cursor.text(), "");
  return {
    ...ids,
    sid,
    vpgid,
    comm,
    exe,
    exepath,
    args,
    cwd,
    ...limits,
    ...memory,
    env,
    vtid,
    vpid,
    cgroups,
    root,
    cloneTime: 0n,
    ...readTail(cursor, version),
  };
}

const NO_MEMORY = { vmSize: 0, vmRss: 0, vmSwap: 0, pfMajor: 0, pfMinor: 0 };

type Tail = Pick<
  ThreadEntry,
  | "pidNamespaceStart"
  | "tty"
  | "loginuid"
  | "exeFlags"
  | "capInheritable"
  | "capPermitted"
  | "capEffective"
  | "exeInode"
  | "exeCtime"
  | "exeMtime"
  | "pgid"
>;

/** What was added to version 9 bit by bit: each value is there when the entry is long enough. */
function readTail(cursor: Cursor, version: number): Tail {
  const has = (length: number): boolean => version >= 9 && cursor.left >= length;
  const isShort = cursor.left <= SHORT_TAIL;
  const pidNamespaceStart = !isShort && has(8) ? cursor.u64() : 0n;
  const tty = !isShort && has(4) ? cursor.u32() : 0;
  const loginuid = has(4) ? cursor.u32() : 0xffff_ffff;
  const flag = (bit: number): number => (has(1) && cursor.u8() !== 0 ? bit : 0);
  const big = (): bigint => (has(8) ? cursor.u64() : 0n);
  const isWritable = flag(EXEC_FLAGS.EXE_WRITABLE);
  const [capInheritable, capPermitted, capEffective] = [big(), big(), big()];
  const isUpper = flag(EXEC_FLAGS.EXE_UPPER_LAYER);
  const [exeInode, exeCtime, exeMtime] = [Number(big()), big(), big()];
  const exeFlags =
    isWritable | isUpper | flag(EXEC_FLAGS.EXE_FROM_MEMFD) | flag(EXEC_FLAGS.EXE_LOWER_LAYER);
  const pgid = has(8) ? cursor.int() : -1;
  return {
    pidNamespaceStart,
    tty,
    loginuid,
    capInheritable,
    capPermitted,
    capEffective,
    exeInode,
    exeCtime,
    exeMtime,
    exeFlags,
    pgid,
  };
}

/** The descriptors of one thread. */
export function readDescriptors(
  body: Uint8Array,
  version: number,
): { readonly tid: number; readonly descriptors: DescriptorEntry[] } {
  const cursor = new Cursor(body, "descriptor list");
  const tid = cursor.int();
  const read = (): DescriptorEntry => readDescriptor(cursor, version);
  return {
    tid,
    descriptors: entriesOf(cursor, version < 2 ? read : () => cursor.entry(true, read)),
  };
}

function readDescriptor(cursor: Cursor, version: number): DescriptorEntry {
  const [number, inode, type] = [cursor.int(), Number(cursor.u64()), cursor.u8()];
  const entry = {
    number,
    inode,
    type: type as DescriptorEntryType,
    name: "",
    openFlags: 0,
    device: 0,
    protocol: 0,
    source: undefined,
    destination: undefined,
  };
  switch (type) {
    case TYPES.IPV4_SOCK:
      return { ...entry, ...readEnds(cursor, 4) };
    case TYPES.IPV6_SOCK:
      return { ...entry, ...readEnds(cursor, 16) };
    case TYPES.IPV4_SERVSOCK:
      return { ...entry, source: readEnd(cursor, 4), protocol: cursor.u8() };
    case TYPES.IPV6_SERVSOCK:
      return { ...entry, source: readEnd(cursor, 16), protocol: cursor.u8() };
    case TYPES.UNIX_SOCK:
      // Addresses of both ends in the kernel, which tell nothing here, and the path.
      cursor.bytes(16);
      return { ...entry, name: cursor.text() };
    case TYPES.FILE_V2:
      return {
        ...entry,
        openFlags: cursor.u32(),
        name: cursor.text(),
        device: version >= 2 && cursor.left >= 4 ? cursor.u32() : 0,
      };
    case TYPES.UNKNOWN:
      return entry;
    default:
      // A type of a later engine: what follows is unknown, too.
      return type <= TYPES.PIDFD
        ? { ...entry, name: cursor.text() }
        : { ...entry, type: TYPES.UNSUPPORTED, name: `unknown-type:[${type}]` };
  }
}

function readEnd(cursor: Cursor, size: number): SocketEnd {
  return { address: cursor.bytes(size), port: cursor.u16() };
}

function readEnds(
  cursor: Cursor,
  size: number,
): Pick<DescriptorEntry, "source" | "destination" | "protocol"> {
  const [from, to] = [cursor.bytes(size), cursor.bytes(size)];
  return {
    source: { address: from, port: cursor.u16() },
    destination: { address: to, port: cursor.u16() },
    protocol: cursor.u8(),
  };
}

/** The addresses of the host's interfaces. */
export function readInterfaces(body: Uint8Array, version: number): InterfaceEntry[] {
  const cursor = new Cursor(body, "interface list");
  const read = (): InterfaceEntry => readInterface(cursor);
  return entriesOf(cursor, version < 2 ? read : () => cursor.entry(false, read));
}

function readInterface(cursor: Cursor): InterfaceEntry {
  const [type, nameLength] = [cursor.u16(), cursor.u16()];
  const size = SIZE_OF_INTERFACE[type];
  if (size === undefined)
    throw new AppError("INPUT_CAPTURE", `interface list: there is no interface of type ${type}`);
  const [address, netmask] = [cursor.bytes(size), cursor.bytes(size)];
  cursor.bytes(size);
  if (type === INTERFACE_TYPES.IPV4 || type === INTERFACE_TYPES.IPV6) cursor.u64();
  return { name: cursor.textOf(nameLength), address, netmask };
}

const SIZE_OF_INTERFACE: Readonly<Record<number, number>> = {
  [INTERFACE_TYPES.IPV4]: 4,
  [INTERFACE_TYPES.IPV6]: 16,
  [INTERFACE_TYPES.IPV4_NOLINKSPEED]: 4,
  [INTERFACE_TYPES.IPV6_NOLINKSPEED]: 16,
};

/** The users and groups of the host. */
export function readAccounts(
  body: Uint8Array,
  version: number,
): { readonly users: UserEntry[]; readonly groups: GroupEntry[] } {
  const cursor = new Cursor(body, "user list");
  const [users, groups]: [UserEntry[], GroupEntry[]] = [[], []];
  const read = (): void => {
    if (cursor.u8() === ACCOUNT_TYPES.USER)
      users.push({
        uid: cursor.u32(),
        gid: cursor.u32(),
        name: cursor.text(),
        home: cursor.text(),
        shell: cursor.text(),
      });
    else groups.push({ gid: cursor.u32(), name: cursor.text() });
  };
  while (cursor.left >= 4) {
    if (version < 2) read();
    else cursor.entry(true, read);
  }
  return { users, groups };
}
