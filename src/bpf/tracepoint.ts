import { readFileSync } from "node:fs";
import { AppError } from "../lib/errors.ts";
import { libc } from "../libc/libc.ts";
import { openPerfEvent } from "./perf-event.ts";

/**
 * Opens a tracepoint as a perf event (perf_event_open(2)), on all processors; the descriptor is the
 * caller's. Throws `KERNEL_NO_TRACEPOINT` when this kernel has none of that name, `KERNEL_<ERRNO>`.
 */
export function openTracepoint(group: string, name: string): number {
  const config = BigInt(tracepointId(group, name));
  return openPerfEvent(
    { type: PERF_TYPE_TRACEPOINT, config },
    `open tracepoint "${group}/${name}"`,
  );
}

/** The number that tracefs lists a tracepoint under. */
function tracepointId(group: string, name: string): number {
  const path = `events/${group}/${name}/id`;
  for (const root of TRACEFS) {
    const id = idAt(`${root}/${path}`);
    if (id !== undefined) return id;
  }
  const mount = mountTracefs();
  try {
    const id = mount < 0 ? undefined : idAt(`/proc/self/fd/${mount}/${path}`);
    if (id !== undefined) return id;
  } finally {
    if (mount >= 0) libc.close(mount);
  }
  throw new AppError(
    "KERNEL_NO_TRACEPOINT",
    `Cannot attach to tracepoint "${group}/${name}": tracefs does not list it`,
  );
}

function idAt(path: string): number | undefined {
  try {
    const id = Number(readFileSync(path, "latin1"));
    return Number.isInteger(id) && id > 0 ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Tracefs mounted nowhere, as a descriptor that nobody else sees; negative where that cannot be. */
function mountTracefs(): number {
  const context = Number(
    libc.syscall(numberOf("fsopen"), "str", "tracefs", "unsigned int", FSOPEN_CLOEXEC),
  );
  if (context < 0) return -1;
  try {
    const made = libc.syscall(
      numberOf("fsconfig"),
      "int",
      context,
      "unsigned int",
      FSCONFIG_CMD_CREATE,
      "void *",
      null,
      "void *",
      null,
      "int",
      0,
    );
    if (Number(made) < 0) return -1;
    const number = numberOf("fsmount");
    return Number(
      libc.syscall(number, "int", context, "unsigned int", FSMOUNT_CLOEXEC, "unsigned int", 0),
    );
  } finally {
    libc.close(context);
  }
}

function numberOf(name: keyof typeof SYSCALLS): number {
  return SYSCALLS[name][process.arch === "arm64" ? 1 : 0];
}

/** Numbers on x64 and arm64. */
const SYSCALLS = { fsopen: [430, 430], fsconfig: [431, 431], fsmount: [432, 432] } as const;

/** Where it is mounted on most systems. */
const TRACEFS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
/** include/uapi/linux/perf_event.h */
const PERF_TYPE_TRACEPOINT = 2;
/** include/uapi/linux/mount.h */
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;
