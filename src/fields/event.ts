import { MODE_BITS, OPEN_FLAGS } from "../events/flag-names.ts";
import { allParamsText } from "../events/param-text.ts";
import { EVENT_TYPE_BY_NAME, type EventType, eventType } from "../events/schema.ts";
import { syscallName } from "../events/system-calls.ts";
import { errnoName } from "../events/errno-names.ts";
import { clockText, dateTimeText, isoOffsetText } from "../lib/time-text.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import {
  argumentText,
  argumentType,
  isPathArgument,
  rawArgument,
  rawEmpty,
  rawFormat,
  rawType,
} from "./_event-arguments.ts";
import { isSyscall, resultOf } from "./_event-result.ts";
import type { Field } from "./field.ts";
import { absolutePath } from "./fs-path.ts";
import { SceneNames } from "./scene-names.ts";

const { plain, keyed, absent } = fieldsOf("evt");

/** The environment among the parameters of execve and execveat. */
const ENVIRONMENT = ["env", "15"];

/** `evt.*`: the event itself. */
export const EVENT_FIELDS: readonly Field[] = [
  plain("evt.num", "UINT64", "Number of the event, the first is 1", (scene) => scene.event.num),
  plain("evt.time", "CHARBUF", "Local time, HH:MM:SS.nnnnnnnnn", (scene) =>
    clockText(scene.event.timestamp, localOffset(scene)),
  ),
  plain("evt.time.s", "CHARBUF", "Local time, HH:MM:SS", (scene) =>
    clockText(scene.event.timestamp, localOffset(scene)).slice(0, 8),
  ),
  plain("evt.time.iso8601", "CHARBUF", "UTC time after ISO 8601, with nanoseconds", (scene) =>
    isoOffsetText(scene.event.timestamp),
  ),
  plain("evt.datetime", "CHARBUF", "Local date and time with nanoseconds", (scene) =>
    dateTimeText(scene.event.timestamp, localOffset(scene)),
  ),
  plain("evt.datetime.s", "CHARBUF", "Local date and time in seconds", (scene) =>
    dateTimeText(scene.event.timestamp, localOffset(scene)).slice(0, 19),
  ),
  plain("evt.rawtime", "ABSTIME", "Epoch nanoseconds", (scene) => scene.event.timestamp),
  plain("evt.rawtime.s", "ABSTIME", "Epoch seconds", (scene) =>
    Number(scene.event.timestamp / 1_000_000_000n),
  ),
  plain("evt.rawtime.ns", "ABSTIME", "Nanoseconds within the second", (scene) =>
    Number(scene.event.timestamp % 1_000_000_000n),
  ),
  plain("evt.source", "CHARBUF", "Where events come from: syscall", sourceName),
  plain("evt.hostname", "CHARBUF", "Name of the host", (scene) => scene.hostname),
  plain("evt.is_async", "BOOL", "True for events that no system call made", (scene) =>
    isAsync(scene),
  ),
  plain("evt.dir", "CHARBUF", "Always <: today's events are exits", () => "<", {
    deprecated: true,
  }),
  plain("evt.type", "CHARBUF", "Name of the event, that is of the system call", (scene) =>
    typeName(scene),
  ),
  keyed(
    "evt.type.is",
    "UINT32",
    "1 when the event has the given name, else 0",
    { kind: "key", required: true, dotted: true },
    (argument) => {
      const type = argument === undefined ? undefined : EVENT_TYPE_BY_NAME.get(argument);
      return type === undefined
        ? undefined
        : (scene) => (scene.event.type?.name === type.name ? 1 : 0);
    },
  ),
  plain("syscall.type", "CHARBUF", "Name of the system call; missing for other events", (scene) =>
    isSyscall(scene) ? typeName(scene) : undefined,
  ),
  plain("evt.category", "CHARBUF", "file, net, process, ipc, …", shownCategory),
  plain("evt.args", "CHARBUF", "All parameters as name=value", argumentsText, {
    environment: "event",
  }),
  plain("evt.info", "CHARBUF", "The same as evt.args", argumentsText, { environment: "event" }),
  keyed(
    "evt.arg",
    "CHARBUF",
    "One parameter as text, by name (evt.arg.flags) or number (evt.arg[0])",
    {
      kind: "index|key",
      required: true,
      dotted: true,
      typeOf: argumentType,
      environmentArguments: ENVIRONMENT,
      path: isPathArgument,
    },
    (argument) => (argument === undefined ? undefined : argumentText(argument)),
  ),
  keyed(
    "evt.rawarg",
    "DYN",
    "One parameter as the number or text that it is",
    {
      kind: "key",
      required: true,
      dotted: true,
      noRightSide: true,
      noTransformer: true,
      typeOf: rawType,
      formatIn: rawFormat,
      emptyIn: rawEmpty,
      environmentArguments: ENVIRONMENT,
    },
    (argument) => (argument === undefined ? undefined : rawArgument(argument)),
  ),
  keyed(
    "evt.abspath",
    "CHARBUF",
    "Absolute path that the call is about; .src and .dst where it has two",
    { kind: "key", required: true, optional: true, dotted: true, path: true },
    (argument) => {
      const side = argument === undefined ? "src" : argument;
      return side === "src" || side === "dst" ? (scene) => absolutePath(scene, side) : undefined;
    },
  ),
  plain("evt.res", "CHARBUF", "SUCCESS, or the name of the error", (scene) => {
    const result = resultOf(scene);
    if (result === undefined) return undefined;
    return result >= 0 ? "SUCCESS" : (errnoName(-result) ?? String(result));
  }),
  plain("evt.rawres", "INT64", "Result as a number", resultOf),
  plain("evt.failed", "BOOL", "True when the call failed", (scene) => {
    const result = resultOf(scene);
    return result === undefined ? undefined : result < 0;
  }),
  plain(
    "evt.is_io",
    "BOOL",
    "True for reads and writes",
    (scene) => isRead(scene) || isWrite(scene),
  ),
  plain("evt.is_io_read", "BOOL", "True for reads", isRead),
  plain("evt.is_io_write", "BOOL", "True for writes", isWrite),
  plain(
    "evt.is_wait",
    "BOOL",
    "True for calls that wait",
    (scene) => scene.event.type?.flags.includes("WAITS") ?? false,
  ),
  plain(
    "evt.is_open_read",
    "BOOL",
    "True when a file was opened for reading",
    (scene) => ((openFlags(scene) ?? 0) & OPEN_FLAGS.O_RDONLY) !== 0,
  ),
  plain(
    "evt.is_open_write",
    "BOOL",
    "True when a file was opened for writing",
    (scene) => ((openFlags(scene) ?? 0) & OPEN_FLAGS.O_WRONLY) !== 0,
  ),
  plain("evt.is_open_create", "BOOL", "True when the open made the file", (scene) =>
    isOpenCreate(scene),
  ),
  plain("evt.is_open_exec", "BOOL", "True when a file was created that may be executed", (scene) =>
    isOpenExec(scene),
  ),
  plain("evt.io_dir", "CHARBUF", "read or write; missing for what is neither", (scene) =>
    isWrite(scene) ? "write" : isRead(scene) ? "read" : undefined,
  ),
  plain(
    "evt.is_syslog",
    "BOOL",
    "True for a write to /dev/log",
    (scene) => isWrite(scene) && scene.descriptor?.name.endsWith("/dev/log") === true,
  ),
  plain(
    "evt.asynctype",
    "CHARBUF",
    "Kind of an event that no system call made; missing for others",
    asyncType,
  ),
  plain("evt.count", "UINT32", "Always 1", () => 1),
  plain(
    "evt.count.exit",
    "UINT32",
    "1 for the exit of a system call; missing for other events",
    (scene) => (isSyscall(scene) ? 1 : undefined),
  ),
  ...(["file", "net", "memory", "other"] as const).map((kind) =>
    plain(
      `evt.count.error.${kind}`,
      "UINT32",
      `1 when a call failed that is about ${kind === "other" ? "anything else" : kind}`,
      (scene) => ((resultOf(scene) ?? 0) < 0 && errorKind(scene) === kind ? 1 : 0),
    ),
  ),
  plain(
    "evt.outputtime",
    "CHARBUF",
    "Time of the event in the form that outputs have",
    (scene) => clockText(scene.event.timestamp, localOffset(scene)),
    { printOnly: true },
  ),
  plain("evt.count.error", "UINT32", "1 when the call failed", (scene) =>
    (resultOf(scene) ?? 0) < 0 ? 1 : 0,
  ),
  plain("evt.cpu", "INT16", "Processor on which the event happened, in captures", (scene) =>
    scene.event.cpu < 0 ? undefined : scene.event.cpu,
  ),
  ...["evt.latency", "evt.latency.s", "evt.latency.ns", "evt.wait_latency"].map((name) =>
    absent(name, "RELTIME", "Time between enter and exit: without enter events there is none", {
      deprecated: true,
    }),
  ),
  absent("evt.latency.quantized", "UINT64", "The same, as a step of a logarithmic scale", {
    deprecated: true,
  }),
  absent("evt.latency.human", "CHARBUF", "The same, in words", { deprecated: true }),
  absent("evt.pluginname", "CHARBUF", "Plugin that the event is from: system calls have none"),
  absent("evt.plugininfo", "CHARBUF", "What that plugin says of the event"),
  absent(
    "evt.around",
    "UINT64",
    "True for events at most so many milliseconds away from a moment",
    {
      argument: { kind: "index", required: true },
      filterOnly: true,
      noRightSide: true,
      noTransformer: true,
    },
  ),
  absent("evt.infra.docker.name", "CHARBUF", "What happened, for events of the Docker daemon"),
  ...["id", "name", "image"].map((part) =>
    absent(
      `evt.infra.docker.container.${part}`,
      "CHARBUF",
      `The container's ${part}, for events of the Docker daemon`,
    ),
  ),
];

const GENERIC = eventType("syscall").code;
const ASYNC = eventType("asyncevent").code;
const PLUGIN = eventType("pluginevent").code;

function localOffset(scene: Scene): number {
  return scene.utcOffsetMinutes(Number(scene.event.timestamp / 1_000_000n));
}

/**
 * A system call without an event type of its own comes as the generic event, which tells its
 * number.
 */
function typeName({ event }: Scene): string | undefined {
  if (event.code === ASYNC) return event.text(1);
  return (event.code === GENERIC ? syscallName(event.uint(0) ?? 0) : undefined) ?? event.type?.name;
}

/** Plugins' events have no source that is known here. */
function sourceName({ event }: Scene): string | undefined {
  const isOfPlugin = (event.code === ASYNC || event.code === PLUGIN) && event.uint(0) !== 0;
  return isOfPlugin ? undefined : "syscall";
}

function categoryOf(type: EventType | undefined): string | undefined {
  if (type === undefined) return undefined;
  if (type.category === "io_other") return "file";
  if (type.category !== "io_read" && type.category !== "io_write") return type.category;
  return type.params.some((param) => param.type === "SOCKTUPLE") ? "net" : "file";
}

/** Data goes where its descriptor leads, which is not known of every one. */
function shownCategory(scene: Scene): string | undefined {
  const { type } = scene.event;
  const { descriptor } = scene;
  if (
    type?.category.startsWith("io_") === true &&
    descriptor === undefined &&
    scene.thread !== undefined
  )
    return "unknown";
  if (descriptor !== undefined && type?.category.startsWith("io_") === true)
    return descriptor.isUnknown === true ? "unknown" : (IO_CATEGORIES[descriptor.kind] ?? "other");
  const category = categoryOf(type);
  return category === "ipc" ? "IPC" : category;
}

const IO_CATEGORIES: Readonly<Record<string, string>> = {
  f: "file",
  d: "file",
  "4": "net",
  "6": "net",
  p: "ipc",
  u: "ipc",
};

/** What the engine and its plugins tell, not a system call. */
function isAsync({ event: { type } }: Scene): boolean {
  return type?.source === "metaevent";
}

function asyncType(scene: Scene): string | undefined {
  return isAsync(scene) ? typeName(scene) : undefined;
}

/**
 * What a call that failed was about: memory, a file or a connection, by its category and its
 * descriptor.
 */
function errorKind(scene: Scene): "file" | "net" | "memory" | "other" {
  const category = categoryOf(scene.event.type);
  if (category === "memory" || category === "file" || category === "net") return category;
  const kind = scene.descriptor?.kind;
  return kind === "f" || kind === "d"
    ? "file"
    : kind === "4" || kind === "6" || kind === "u"
      ? "net"
      : "other";
}

function isRead(scene: Scene): boolean {
  return scene.event.type?.flags.includes("READS_FROM_FD") ?? false;
}

function isWrite(scene: Scene): boolean {
  return scene.event.type?.flags.includes("WRITES_TO_FD") ?? false;
}

function argumentsText(scene: Scene): string {
  return allParamsText(scene.event, new SceneNames(scene));
}

/** Parameter numbers of an open call's flags, mode and result in one table. */
const OPEN_CALLS: Readonly<Record<string, { readonly flags: number; readonly mode: number }>> = {
  open: { flags: 2, mode: 3 },
  openat: { flags: 3, mode: 4 },
  openat2: { flags: 3, mode: 4 },
};

function openFlags(scene: Scene): number | undefined {
  const name = scene.event.type?.name ?? "";
  const call = OPEN_CALLS[name];
  if (call !== undefined) return scene.event.uint(call.flags);
  return name === "open_by_handle_at" ? scene.event.uint(2) : undefined;
}

function isOpenCreate(scene: Scene): boolean {
  return scene.event.type?.name === "creat"
    ? (scene.event.int(0) ?? -1) >= 0
    : ((openFlags(scene) ?? 0) & OPEN_FLAGS.O_F_CREATED) !== 0;
}

function isOpenExec(scene: Scene): boolean {
  const name = scene.event.type?.name ?? "";
  if ((scene.event.int(0) ?? -1) < 0) return false;
  const execute = MODE_BITS.S_IXUSR | MODE_BITS.S_IXGRP | MODE_BITS.S_IXOTH;
  if (name === "creat") return ((scene.event.uint(2) ?? 0) & execute) !== 0;
  const call = OPEN_CALLS[name];
  const creates = OPEN_FLAGS.O_CREAT | OPEN_FLAGS.O_TMPFILE;
  return (
    call !== undefined &&
    ((openFlags(scene) ?? 0) & creates) !== 0 &&
    ((scene.event.uint(call.mode) ?? 0) & execute) !== 0
  );
}
