// How events of earlier schemas become today's. The tables say what changed; that a parameter comes
// from the event itself or from its enter event is found by its name, so a conversion has no list
// of parameters. Source: libs userspace/libscap/engine/savefile/converter (facts).
import { decodeText } from "../lib/text.ts";
import { ALL_EVENT_TYPES } from "./all-event-types.ts";
import type { Event } from "./event.ts";
import { EVENT_TYPE_BY_NAME, type EventType, type Param, type ParamType } from "./schema.ts";

/** What is done with an event of one code and one number of parameters. */
export type Conversion =
  /** An enter event: kept until its exit asks for its parameters, and shown to rules or not. */
  | { readonly kind: "store"; readonly isShown: boolean }
  /** An enter event that is shown as it is. */
  | { readonly kind: "show" }
  /** The next version of the event, its parameters in order. */
  | { readonly kind: "rewrite"; readonly to: EventType; readonly params: readonly Origin[] };

/**
 * Where a parameter comes from: the event, else the enter event (where each has it by its name),
 * else `absent`.
 */
export interface Origin {
  /** Index in the event, -1 when it has no such parameter. */
  readonly event: number;
  /** Index in the enter event, -1 when it has no such parameter. */
  readonly enter: number;
  /**
   * Bytes that the parameter may have: a wider one is cut, as a number that got narrower must be.
   */
  readonly most: number;
  /** What stands when neither has it: nothing, or the type's zero. */
  readonly absent: Uint8Array;
  /** Makes it of the event's other parameters. */
  readonly build?: (event: Event) => Uint8Array;
}

/**
 * The code for which an event with fewer parameters needs conversion: none (0), all (Infinity), or
 * those that lack some of today's.
 */
export const CONVERTED_BELOW: readonly number[] = ALL_EVENT_TYPES.map(({ code, flags, params }) => {
  if (flags.includes("UNUSED") || flags.includes("OLD_VERSION")) return Infinity;
  if (!flags.includes("CONVERTER_MANAGED")) return 0;
  return isEnter(code) ? Infinity : params.length;
});

/** True for codes that no version of today's takes up: their events are dropped. */
export function isDropped(code: number): boolean {
  const type = ALL_EVENT_TYPES[code];
  return (
    type !== undefined &&
    CONVERTED_BELOW[code] === Infinity &&
    !type.flags.includes("CONVERTER_MANAGED")
  );
}

/** Undefined when no version of the event had so many parameters. */
export function conversionOf(code: number, count: number): Conversion | undefined {
  return CONVERSIONS[code]?.[count];
}

/** What stands for a parameter that nothing told: nothing, or the zero of its type. */
type Absent = "empty" | "zero";

/**
 * The numbers of parameters that an event had before today's, the oldest first; each grows to the
 * next.
 */
type Counts = readonly number[];

const GREW_WITH_ZEROS: Readonly<Record<string, Counts>> = {
  close: [1],
  read: [2],
  write: [2],
  socket: [1],
  bind: [2],
  connect: [2, 3],
  listen: [1],
  send: [2],
  sendto: [2],
  recv: [2],
  recvfrom: [3],
  shutdown: [1],
  socketpair: [5],
  sendmsg: [2],
  recvmsg: [4, 5],
  eventfd: [1],
  futex: [1],
  fstat: [1],
  epoll_wait: [1],
  poll: [2],
  lseek: [1],
  llseek: [1],
  pread: [2],
  pwrite: [2],
  readv: [3],
  writev: [2],
  preadv: [3],
  pwritev: [2],
  signalfd: [1],
  kill: [1],
  tkill: [1],
  tgkill: [1],
  nanosleep: [1],
  timerfd_create: [1],
  inotify_init: [1],
  getrlimit: [3],
  setrlimit: [3],
  fcntl: [1, 3],
  mmap: [4],
  mmap2: [4],
  munmap: [4],
  splice: [1],
  ioctl: [1],
  sendfile: [2],
  quotactl: [14],
  getdents: [1],
  getdents64: [1],
  flock: [1],
  semop: [8],
  semctl: [1],
  ppoll: [2],
  mount: [4],
  semget: [1],
  access: [2],
  unshare: [1],
  seccomp: [1],
  mprotect: [1],
  copy_file_range: [3],
  epoll_create: [1],
  epoll_create1: [1],
  accept4: [5],
  umount2: [2],
  eventfd2: [2],
  signalfd4: [2],
};

const GREW_WITH_EMPTIES: Readonly<Record<string, Counts>> = {
  syscall: [1],
  open: [4, 5],
  sendmmsg: [0],
  recvmmsg: [0],
  creat: [3, 4, 5],
  fchdir: [1],
  prlimit: [5],
  brk: [4],
  ptrace: [0, 3],
  setresuid: [1],
  setresgid: [1],
  setuid: [1],
  setgid: [1],
  clone: [20],
  fork: [20],
  vfork: [20],
  clone3: [20],
  setns: [1],
  mkdir: [2],
  execve: [18, 19, 20, 23, 26, 27, 28, 29, 30],
  execveat: [19, 20, 23, 26, 27, 28, 29],
  setpgid: [1],
  openat: [5, 6],
  openat2: [6],
};

/**
 * The parameters that events of execve, fork and vfork had, all from the exit, when they got their
 * present codes.
 */
const STEPWISE_FROM = 17;

/**
 * Parameters that are zero where the rest of their event is empty: a message has a result, come
 * what may.
 */
const NEVER_EMPTY: Readonly<Record<string, string>> = { sendmmsg: "res", recvmmsg: "res" };

/** Enter events that grew: code, its earlier count. */
const ENTERS_GREW: readonly (readonly [code: number, count: number, absent: Absent])[] = [
  [2, 0, "empty"], // open
  [22, 1, "zero"], // connect
  [58, 0, "empty"], // creat
  [298, 1, "zero"], // seccomp
  [306, 0, "empty"], // openat
  [326, 0, "empty"], // openat2
];

/**
 * Enter events that are shown, for the paths and addresses that a caller may change before the
 * exit: open, creat, openat, openat2, execveat.
 */
const SHOWN_ENTERS: ReadonlySet<number> = new Set([2, 58, 306, 326, 330]);

/** Those of connect and execve are kept, too. */
const SHOWN_AND_STORED_ENTERS: ReadonlySet<number> = new Set([22, 292]);

/**
 * Event types that another took the place of: code, the next version's, what new parameters are,
 * those that were renamed (new: old).
 */
const REPLACED: readonly (readonly [
  code: number,
  next: number,
  absent: Absent,
  renamed?: Readonly<Record<string, string>>,
])[] = [
  [11, 159, "empty", { vm_size: "size" }], // brk
  [12, 154, "empty"],
  [154, 172, "empty"],
  [172, 214, "empty"],
  [214, 230, "empty"], // enter of execve
  [230, 282, "empty"],
  [282, 288, "empty"],
  [288, 292, "empty"],
  [13, 155, "empty"],
  [155, 173, "empty"],
  [173, 215, "empty"],
  [215, 231, "empty"], // execve
  [231, 283, "empty"],
  [283, 289, "empty"],
  [289, 293, "empty"],
  [15, 157, "empty"],
  [157, 217, "empty"],
  [217, 223, "empty"], // clone
  [183, 219, "empty"],
  [219, 225, "empty"], // fork
  [185, 221, "empty"],
  [221, 227, "empty"], // vfork
  [16, 186, "empty"], // procexit
  [27, 247, "zero"], // accept
  [57, 389, "zero"],
  [249, 389, "zero"], // accept4
  [85, 83, "empty"], // select
  [91, 171, "empty"], // ioctl
  [99, 277, "empty"], // mkdir
  [101, 279, "empty"], // rmdir
  [103, 307, "empty"], // openat
  [105, 309, "empty"],
  [107, 311, "empty"], // link, linkat
  [109, 301, "empty"],
  [111, 303, "empty"], // unlink, unlinkat
  [125, 367, "empty", { oldfd: "fd" }], // dup
  [146, 152, "empty"], // switch
  [228, 272, "empty"],
  [272, 324, "empty"], // container
  [259, 387, "empty"], // umount
  [297, 369, "empty", { fd: "res_or_fd" }], // bpf
];

/** Bytes of the numbers whose type does not end in their bits. */
const WIDTHS: Readonly<Partial<Record<ParamType, number>>> = {
  ABSTIME: 8,
  ERRNO: 8,
  FD: 8,
  GID: 4,
  MODE: 4,
  PID: 8,
  PORT: 2,
  RELTIME: 8,
  SIGSET: 4,
  SIGTYPE: 1,
  SYSCALLID: 2,
  UID: 4,
};

/** The first form of `container`, whose texts became one of JSON. */
const CONTAINER = 228;

const EMPTY = new Uint8Array(0);
const UTF8 = new TextEncoder();

/** By code, by the number of parameters. */
const CONVERSIONS: readonly (readonly (Conversion | undefined)[] | undefined)[] = allConversions();

function allConversions(): readonly (Conversion | undefined)[][] {
  const table: (Conversion | undefined)[][] = [];
  const put = (code: number, count: number, conversion: Conversion): void =>
    void ((table[code] ??= [])[count] = conversion);
  for (const { code, flags, params } of ALL_EVENT_TYPES) {
    if (!isEnter(code) || !flags.includes("CONVERTER_MANAGED")) continue;
    put(
      code,
      params.length,
      SHOWN_ENTERS.has(code)
        ? { kind: "show" }
        : { kind: "store", isShown: SHOWN_AND_STORED_ENTERS.has(code) },
    );
  }
  for (const [grown, absent] of [
    [GREW_WITH_ZEROS, "zero"],
    [GREW_WITH_EMPTIES, "empty"],
  ] as const) {
    for (const [name, counts] of Object.entries(grown)) {
      const type = EVENT_TYPE_BY_NAME.get(name);
      if (type !== undefined)
        for (const [index, count] of counts.entries())
          put(type.code, count, growth(type, count, counts[index + 1], absent));
    }
  }
  for (const [code, count, absent] of ENTERS_GREW)
    put(code, count, growth(typeOf(code), count, undefined, absent));
  for (const [code, next, absent, renamed] of REPLACED) {
    // Where the next version grew, too, and nothing comes from an enter event, this leads to its
    // oldest, as the real engine's steps do.
    const oldest =
      typeOf(code).params.length < STEPWISE_FROM
        ? undefined
        : GREW_WITH_EMPTIES[typeOf(next).name]?.[0];
    const origins = typeOf(next)
      .params.slice(0, oldest)
      .map((param) => originOf(param, typeOf(code), renamed?.[param.name] ?? param.name, absent));
    put(code, typeOf(code).params.length, { kind: "rewrite", to: typeOf(next), params: origins });
  }
  return table;
}

/** The event with the parameters that it has, and more up to `next` or all of today's. */
function growth(
  type: EventType,
  count: number,
  next: number | undefined,
  absent: Absent,
): Conversion {
  const before = { ...type, params: type.params.slice(0, count) };
  const params = type.params
    .slice(0, next)
    .map((param) =>
      originOf(param, before, param.name, NEVER_EMPTY[type.name] === param.name ? "zero" : absent),
    );
  return { kind: "rewrite", to: type, params };
}

function originOf(param: Param, before: EventType, name: string, absent: Absent): Origin {
  const isCalled = (candidate: Param): boolean => candidate.name === name;
  const enter = isEnter(before.code) ? undefined : ALL_EVENT_TYPES[before.code - 1];
  const event = before.params.findIndex(isCalled);
  return {
    event,
    enter:
      event >= 0 || enter?.flags.includes("UNUSED") === true
        ? -1
        : (enter?.params.findIndex(isCalled) ?? -1),
    most: before.params[event]?.type === param.type ? Infinity : (widthOf(param.type) ?? Infinity),
    absent: absent === "zero" ? zeroOf(param.type) : EMPTY,
    ...(before.code === CONTAINER && param.name === "json" ? { build: containerJson } : {}),
  };
}

function containerJson(event: Event): Uint8Array {
  const text = (index: number): string =>
    decodeText(event.bytes, event.offset(index), event.offset(index) + event.length(index));
  return UTF8.encode(
    `${JSON.stringify({ id: text(0), type: event.uint(1) ?? 0, name: text(2), image: text(3) })}\0`,
  );
}

function zeroOf(type: ParamType): Uint8Array {
  // An address of no family; an account that is none.
  if (type === "SOCKADDR") return new Uint8Array(1);
  return new Uint8Array(widthOf(type) ?? 0).fill(type === "UID" || type === "GID" ? 0xff : 0);
}

/** Bytes of a number; undefined for a type of any length. */
function widthOf(type: ParamType): number | undefined {
  const bits = /^(?:U?INT|FLAGS|ENUMFLAGS|FD|PID)(\d+)$/.exec(type)?.[1];
  return bits === undefined ? WIDTHS[type] : Number(bits) / 8;
}

function typeOf(code: number): EventType {
  const type = ALL_EVENT_TYPES[code];
  if (type === undefined)
    throw new TypeError(`Cannot convert event ${code}: it is not in the schema`);
  return type;
}

/** Odd codes are exits. */
function isEnter(code: number): boolean {
  return code % 2 === 0;
}
