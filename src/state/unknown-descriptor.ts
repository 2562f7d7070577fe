import type { Event } from "../events/event.ts";
import { type Descriptor, NO_DESCRIPTOR } from "./descriptor.ts";

/** fd.typechar of what a call would have made, by the call. */
const KINDS: Readonly<Record<string, string>> = {
  openat: "f",
  openat2: "f",
  socket: "4",
  accept: "4",
  accept4: "4",
  pipe: "p",
  pipe2: "p",
  eventfd: "e",
  eventfd2: "e",
  signalfd: "s",
  signalfd4: "s",
  timerfd_create: "t",
  inotify_init: "i",
  inotify_init1: "i",
};

/**
 * A descriptor that an event is about and nothing told of: its number is all that is known, and the
 * kind that the call makes.
 */
export function unknownDescriptor(
  event: Event,
  number: number,
  { name = "", rawName = "" } = {},
): Descriptor {
  const isShared = number === -1 && name === "";
  const known = isShared ? SHARED.get(event.code) : undefined;
  if (known !== undefined) return known;
  const made: Descriptor = {
    ...NO_DESCRIPTOR,
    number,
    kind: unknownKind(event),
    name,
    rawName,
    isUnknown: true,
  };
  if (isShared) SHARED.set(event.code, made);
  return made;
}

/** fd.typechar of what the call would have made. */
export function unknownKind(event: Event): string {
  return KINDS[event.type?.name ?? ""] ?? "o";
}

/** Hot: an event that makes a descriptor begins with this one. */
const SHARED = new Map<number, Descriptor>();
