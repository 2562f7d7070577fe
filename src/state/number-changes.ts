import { OPEN_FLAGS } from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import type { Descriptor } from "./descriptor.ts";
import { OpenedFile } from "./opened-file.ts";
import type { Thread } from "./thread.ts";
import type { ThreadTable } from "./thread-table.ts";

// Calls that give a descriptor another number, or take numbers away.

function copyOf(descriptor: Descriptor, number: number, closedOnExec: boolean): Descriptor {
  return descriptor instanceof OpenedFile
    ? descriptor.duplicate(number, closedOnExec)
    : { ...descriptor, number, closedOnExec };
}

function setClosedOnExec({ group }: Thread, number: number, isClosed: boolean): void {
  const found = group.descriptors.get(number);
  // A copy: a process of the same parent may have the same object.
  if (found !== undefined) group.descriptors.set(number, copyOf(found, number, isClosed));
}

/** dup and its like: the new number stands for the same thing. */
export function applyDup(table: ThreadTable, thread: Thread, event: Event): void {
  duplicate(table, thread, { number: event.int(0) ?? -1, isClosed: false });
}

export function applyDup3(table: ThreadTable, thread: Thread, event: Event): void {
  const isClosed = ((event.uint(3) ?? 0) & OPEN_FLAGS.O_CLOEXEC) !== 0;
  duplicate(table, thread, { number: event.int(0) ?? -1, isClosed });
}

function duplicate(
  table: ThreadTable,
  thread: Thread,
  { number, isClosed }: { readonly number: number; readonly isClosed: boolean },
): void {
  const old = table.descriptor;
  if (number < 0 || old === undefined || old.isUnknown === true) return;
  table.open(thread, copyOf(old, number, isClosed));
}

/** In scap's numbering. */
const [F_DUPFD, F_DUPFD_CLOEXEC, F_SETFD] = [1, 26, 3];
const FD_CLOEXEC = 1;

export function applyFcntl(table: ThreadTable, thread: Thread, event: Event): void {
  const [result, command] = [event.int(0) ?? -1, event.uint(2)];
  if (command === F_DUPFD || command === F_DUPFD_CLOEXEC)
    duplicate(table, thread, { number: result, isClosed: command === F_DUPFD_CLOEXEC });
  const number = table.descriptor?.number ?? -1;
  if (command === F_SETFD && result >= 0 && number >= 0)
    setClosedOnExec(thread, number, ((event.uint(3) ?? 0) & FD_CLOEXEC) !== 0);
}

export function applyPidfdGetfd(table: ThreadTable, thread: Thread, event: Event): void {
  const [number, pidfd, target] = [event.int(0) ?? -1, event.int(1) ?? -1, event.int(2) ?? -1];
  const owner = table.find(thread.group.descriptors.get(pidfd)?.inode ?? -1);
  const found = owner?.group.descriptors.get(target);
  if (number < 0 || found === undefined) return;
  table.open(thread, copyOf(found, number, true));
}

export function applyClose(table: ThreadTable, _thread: Thread, event: Event): void {
  const { descriptor } = table;
  if (
    (event.int(0) ?? -1) >= 0 &&
    descriptor?.number !== undefined &&
    descriptor.isUnknown !== true
  )
    table.close(descriptor.number);
}

const CLOSE_RANGE_CLOEXEC = 4;

export function applyCloseRange(_table: ThreadTable, thread: Thread, event: Event): void {
  const [first, last, flags] = [event.uint(1) ?? 0, event.uint(2) ?? 0, event.uint(3) ?? 0];
  if ((event.int(0) ?? -1) < 0) return;
  const isLater = (flags & CLOSE_RANGE_CLOEXEC) !== 0;
  for (const number of thread.group.descriptors.keys()) {
    if (number < first || number > last) continue;
    if (isLater) setClosedOnExec(thread, number, true);
    else thread.group.descriptors.delete(number);
  }
}
