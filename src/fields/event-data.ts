import { EVENT_TYPES } from "../events/schema.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Extract, Field } from "./field.ts";

const { plain } = fieldsOf("evt");

/** Kinds of descriptors (fd.typechar). */
const [FILES, IP_SOCKETS] = ["f", "46"];

/** Number of the parameter that is the data, by event code. */
const DATA_PARAMS: readonly number[] = EVENT_TYPES.map(
  (type) =>
    type?.params.findIndex(
      (param) => param.name === "data" && (param.type === "BYTEBUF" || param.type === "DYN"),
    ) ?? -1,
);

/** Of a call whose data is one value, such as ptrace. */
const NO_DATA = new Uint8Array(0);

/**
 * `evt.buffer`, `evt.buflen…` and times between events: what an event carries, and when it came.
 */
export const EVENT_DATA_FIELDS: readonly Field[] = [
  plain(
    "evt.buffer",
    "BYTEBUF",
    "Data read or written, as far as the event carries it",
    (scene) => {
      const index = DATA_PARAMS[scene.event.code] ?? -1;
      if (index < 0 || index >= scene.event.count) return undefined;
      return scene.event.type?.params[index]?.type === "DYN" ? NO_DATA : scene.event.slice(index);
    },
  ),
  plain(
    "evt.buflen",
    "UINT64",
    "Result of a call on a descriptor, where it succeeded: bytes, for reads and writes",
    moved(),
  ),
  plain("evt.buflen.in", "UINT64", "Bytes read", moved("io_read")),
  plain("evt.buflen.out", "UINT64", "Bytes written", moved("io_write")),
  plain("evt.buflen.file", "UINT64", "The same as evt.buflen, of files alone", moved("io", FILES)),
  plain("evt.buflen.file.in", "UINT64", "Bytes read from a file", moved("io_read", FILES)),
  plain("evt.buflen.file.out", "UINT64", "Bytes written to a file", moved("io_write", FILES)),
  plain(
    "evt.buflen.net",
    "UINT64",
    "The same as evt.buflen, of IP sockets alone",
    moved("io", IP_SOCKETS),
  ),
  plain(
    "evt.buflen.net.in",
    "UINT64",
    "Bytes received over an IP socket",
    moved("io_read", IP_SOCKETS),
  ),
  plain(
    "evt.buflen.net.out",
    "UINT64",
    "Bytes sent over an IP socket",
    moved("io_write", IP_SOCKETS),
  ),
  plain("evt.reltime", "RELTIME", "Nanoseconds since the first event of the source", sinceFirst),
  plain("evt.reltime.s", "RELTIME", "Whole seconds of evt.reltime", secondsOf(sinceFirst)),
  plain(
    "evt.reltime.ns",
    "RELTIME",
    "Nanoseconds of evt.reltime beyond the whole seconds",
    restOf(sinceFirst),
  ),
  plain(
    "evt.deltatime",
    "RELTIME",
    "Nanoseconds since the event before; missing when that one happened later and only came earlier",
    sincePrevious,
  ),
  plain("evt.deltatime.s", "RELTIME", "Whole seconds of evt.deltatime", secondsOf(sincePrevious)),
  plain(
    "evt.deltatime.ns",
    "RELTIME",
    "Nanoseconds of evt.deltatime beyond the whole seconds",
    restOf(sincePrevious),
  ),
  plain(
    "evt.count.procinfo",
    "UINT32",
    "1 for a record of a process's use of processors, 0 for others",
    (scene) => (isProcessRecord(scene) && scene.process?.pid === scene.event.tid ? 1 : 0),
  ),
  plain(
    "evt.count.threadinfo",
    "UINT32",
    "1 for a record of a thread's use of processors, 0 for others",
    (scene) => (isProcessRecord(scene) ? 1 : 0),
  ),
];

/**
 * Result of a call that moves data or changes a descriptor; undefined for other calls, for other
 * kinds of descriptors, and for errors.
 */
function moved(category: "io" | "io_read" | "io_write" = "io", kinds?: string): Extract {
  return (scene) => {
    const type = scene.event.type;
    if (type === undefined || !type.category.startsWith(category)) return undefined;
    const kind = scene.descriptor?.isUnknown === true ? undefined : scene.descriptor?.kind;
    if (kind === undefined || (kinds !== undefined && !kinds.includes(kind))) return undefined;
    const result = scene.event.int(0);
    return result === undefined || result < 0 ? undefined : result;
  };
}

function sinceFirst(scene: Scene): bigint | undefined {
  return scene.times === undefined
    ? undefined
    : notNegative(scene.event.timestamp - scene.times.first);
}

function sincePrevious(scene: Scene): bigint | undefined {
  return scene.times === undefined
    ? undefined
    : notNegative(scene.event.timestamp - scene.times.previous);
}

/** Processors hand over their events side by side: one that comes later may be the older one. */
function notNegative(duration: bigint): bigint | undefined {
  return duration < 0n ? undefined : duration;
}

const SECOND = 1_000_000_000n;

function secondsOf(duration: (scene: Scene) => bigint | undefined): Extract {
  return (scene) => {
    const value = duration(scene);
    return value === undefined ? undefined : Number(value / SECOND);
  };
}

function restOf(duration: (scene: Scene) => bigint | undefined): Extract {
  return (scene) => {
    const value = duration(scene);
    return value === undefined ? undefined : Number(value % SECOND);
  };
}

function isProcessRecord(scene: Scene): boolean {
  return scene.event.type?.name === "procinfo";
}
