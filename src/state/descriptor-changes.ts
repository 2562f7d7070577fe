import {
  CREAT_CREAT_FLAGS,
  EPOLL_CREATE1_FLAGS,
  MEMFD_CREATE_FLAGS,
  OPEN_FLAGS,
} from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import { NO_DESCRIPTOR } from "./descriptor.ts";
import { OpenedFile } from "./opened-file.ts";
import {
  applyClose,
  applyCloseRange,
  applyDup,
  applyDup3,
  applyFcntl,
  applyPidfdGetfd,
} from "./number-changes.ts";
import { UNREADABLE } from "./path.ts";
import {
  applyAccept,
  applyBind,
  applyConnect,
  applyMessage,
  applySocket,
  applyTransfer,
} from "./socket-changes.ts";
import type { Thread } from "./thread.ts";
import type { Change, ThreadTable } from "./thread-table.ts";
import { unknownKind } from "./unknown-descriptor.ts";

/** Parameter numbers of the open calls, and of their enter events. */
interface OpenParams {
  readonly dirfd?: number;
  readonly path: number;
  readonly flags: number;
  readonly device: number;
  readonly inode: number;
  /**
   * The bits in `flags` that tell the layer of an overlay file system, where they are not those of
   * OPEN_FLAGS.
   */
  readonly layers?: { readonly upper: number; readonly lower: number };
  /** The path is the kernel's whole one, from the root. */
  readonly isWhole?: true;
  readonly entered?: { readonly dirfd?: number; readonly path: number; readonly flags?: number };
}

/** Flags that only the exit knows: created, upper and lower layer, … */
const EXIT_FLAGS = ~(OPEN_FLAGS.O_F_CREATED - 1);

/**
 * An open call. The path is the enter event's where there is one: a caller may have changed its
 * memory since.
 */
function opensFile(params: OpenParams): Change {
  return (table, thread, event) => {
    const number = event.int(0) ?? -1;
    let path = event.text(params.path) ?? UNREADABLE;
    let dirfd = params.dirfd === undefined ? undefined : event.int(params.dirfd);
    let flags = event.uint(params.flags) ?? 0;
    const { entered } = params;
    const enter = entered === undefined ? undefined : table.enterOf(thread, event);
    const enteredPath = entered === undefined ? undefined : enter?.text(entered.path);
    if (
      entered !== undefined &&
      enter !== undefined &&
      enteredPath !== undefined &&
      enteredPath !== UNREADABLE
    ) {
      path = enteredPath;
      if (entered.dirfd !== undefined) dirfd = enter.int(entered.dirfd) ?? dirfd;
      if (entered.flags !== undefined)
        flags = (flags & EXIT_FLAGS) | (enter.uint(entered.flags) ?? 0);
    }
    const base =
      path.startsWith("/") || params.isWhole === true ? "" : table.directoryOf(thread, dirfd);
    const hasFailed = number < 0;
    const opened = new OpenedFile({
      base,
      path,
      number: hasFailed ? -1 : number,
      isUnknown: hasFailed ? true : undefined,
      closedOnExec: (flags & OPEN_FLAGS.O_CLOEXEC) !== 0,
      kind: hasFailed ? unknownKind(event) : (flags & OPEN_FLAGS.O_DIRECTORY) === 0 ? "f" : "d",
      device: event.uint(params.device) ?? 0,
      inode: event.uint(params.inode) ?? 0,
      upperLayer: (flags & (params.layers?.upper ?? OPEN_FLAGS.FD_UPPER_LAYER)) !== 0,
      lowerLayer: (flags & (params.layers?.lower ?? OPEN_FLAGS.FD_LOWER_LAYER)) !== 0,
    });
    if (hasFailed) table.descriptor = opened;
    else table.open(thread, opened);
  };
}

/**
 * Calls whose result is a descriptor without a path; `flags` says where the bits stand that tell
 * whether the next program gets it.
 */
function makes(
  kind: string,
  flags?: { readonly param: number; readonly closedOnExec?: number },
): Change {
  return (table, thread, event) => {
    const number = event.int(0) ?? -1;
    if (number < 0) return;
    const bits = flags === undefined ? 0 : (event.uint(flags.param) ?? 0);
    const closedOnExec = (bits & (flags?.closedOnExec ?? OPEN_FLAGS.O_CLOEXEC)) !== 0;
    table.open(thread, { ...NO_DESCRIPTOR, number, kind, closedOnExec });
  };
}

function makesPipe(table: ThreadTable, thread: Thread, event: Event): void {
  if ((event.int(0) ?? -1) < 0) return;
  const closedOnExec = ((event.uint(4) ?? 0) & OPEN_FLAGS.O_CLOEXEC) !== 0;
  const made = { ...NO_DESCRIPTOR, kind: "p", inode: event.uint(3) ?? 0, closedOnExec };
  table.open(thread, { ...made, number: event.int(1) });
  table.open(thread, { ...made, number: event.int(2) });
}

function makesSocketPair(table: ThreadTable, thread: Thread, event: Event): void {
  const [first, second] = [event.int(1) ?? -1, event.int(2) ?? -1];
  if ((event.int(0) ?? -1) < 0 || first === second) return;
  const made = { ...NO_DESCRIPTOR, kind: "u" };
  table.open(thread, { ...made, number: second });
  table.open(thread, { ...made, number: first });
}

function applyPidfdOpen(table: ThreadTable, thread: Thread, event: Event): void {
  const number = event.int(0) ?? -1;
  if (number >= 0)
    table.open(thread, { ...NO_DESCRIPTOR, number, kind: "P", inode: event.int(1) ?? 0 });
}

/**
 * memory that has a name: the descriptor is there even when the call failed, as in the real engine.
 */
function applyMemfdCreate(table: ThreadTable, thread: Thread, event: Event): void {
  const [number, name] = [event.int(0) ?? -1, event.text(1) ?? ""];
  const closedOnExec = ((event.uint(2) ?? 0) & MEMFD_CREATE_FLAGS.MFD_CLOEXEC) !== 0;
  const made = { ...NO_DESCRIPTOR, kind: "m", name, nameChanged: name !== "", closedOnExec };
  table.open(thread, { ...made, number });
}

const CREAT_LAYERS = {
  upper: CREAT_CREAT_FLAGS.FD_UPPER_LAYER_CREAT,
  lower: CREAT_CREAT_FLAGS.FD_LOWER_LAYER_CREAT,
};

/** What events do to descriptors, by their names in the schema. */
export const DESCRIPTOR_CHANGES: Readonly<Record<string, Change>> = {
  open: opensFile({ path: 1, flags: 2, device: 4, inode: 5, entered: { path: 0, flags: 1 } }),
  openat: opensFile({
    dirfd: 1,
    path: 2,
    flags: 3,
    device: 5,
    inode: 6,
    entered: { dirfd: 0, path: 1, flags: 2 },
  }),
  openat2: opensFile({
    dirfd: 1,
    path: 2,
    flags: 3,
    device: 6,
    inode: 7,
    entered: { dirfd: 0, path: 1, flags: 2 },
  }),
  creat: opensFile({
    path: 1,
    flags: 5,
    device: 3,
    inode: 4,
    layers: CREAT_LAYERS,
    entered: { path: 0 },
  }),
  open_by_handle_at: opensFile({ path: 3, flags: 2, device: 4, inode: 5, isWhole: true }),
  pipe: makesPipe,
  pipe2: makesPipe,
  socketpair: makesSocketPair,
  eventfd: makes("e"),
  eventfd2: makes("e", { param: 1 }),
  epoll_create: makes("l"),
  epoll_create1: makes("l", { param: 1, closedOnExec: EPOLL_CREATE1_FLAGS.EPOLL_CLOEXEC }),
  timerfd_create: makes("t"),
  signalfd: makes("s"),
  signalfd4: makes("s", { param: 1 }),
  inotify_init: makes("i"),
  inotify_init1: makes("i", { param: 1 }),
  bpf: makes("b"),
  userfaultfd: makes("U"),
  io_uring_setup: makes("r"),
  memfd_create: applyMemfdCreate,
  pidfd_open: applyPidfdOpen,
  pidfd_getfd: applyPidfdGetfd,
  dup: applyDup,
  dup2: applyDup,
  dup3: applyDup3,
  fcntl: applyFcntl,
  close: applyClose,
  close_range: applyCloseRange,
  socket: applySocket,
  bind: applyBind,
  connect: applyConnect,
  accept: applyAccept,
  accept4: applyAccept,
  read: applyTransfer,
  write: applyTransfer,
  readv: applyTransfer,
  writev: applyTransfer,
  pread: applyTransfer,
  pwrite: applyTransfer,
  preadv: applyTransfer,
  pwritev: applyTransfer,
  send: applyMessage(4, true),
  sendto: applyMessage(4, true),
  sendmsg: applyMessage(4, true),
  sendmmsg: applyMessage(4, true),
  recv: applyMessage(4, false),
  recvfrom: applyMessage(2, false),
  recvmsg: applyMessage(3, false),
  recvmmsg: applyMessage(4, false),
};
