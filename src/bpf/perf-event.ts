import { BpfAttributes } from "./_bpf-call.ts";
import { check, libc } from "../libc/libc.ts";

/** What perf_event_open(2) is to open; `config` and its extensions mean what the kind says. */
export interface PerfEvent {
  /** `enum perf_type_id`, or the number that sysfs has for a further kind. */
  readonly type: number;
  readonly config: bigint;
  /** A text that the first extension points to. */
  readonly name?: string;
}

/**
 * Opens an event on all processors, for all processes; the descriptor is the caller's. Throws
 * `KERNEL_<ERRNO>`.
 */
export function openPerfEvent({ type, config, name }: PerfEvent, doing: string): number {
  const attributes = new BpfAttributes(ATTRIBUTES_BYTES).u32(0, type).u32(4, ATTRIBUTES_BYTES);
  new DataView(attributes.bytes.buffer).setBigUint64(8, config, true);
  if (name !== undefined) attributes.pointer(56, Buffer.from(`${name}\0`, "latin1"));
  const [anyProcess, firstCpu, noGroup] = [-1, 0, -1];
  return check(
    Number(
      libc.syscall(
        process.arch === "arm64" ? 241 : 298,
        "void *",
        attributes.bytes,
        "int",
        anyProcess,
        "int",
        firstCpu,
        "int",
        noGroup,
        "uint64_t",
        PERF_FLAG_FD_CLOEXEC,
      ),
    ),
    doing,
  );
}

/** include/uapi/linux/perf_event.h: up to both extensions of `config` (PERF_ATTR_SIZE_VER1). */
const ATTRIBUTES_BYTES = 72;
const PERF_FLAG_FD_CLOEXEC = 8;
