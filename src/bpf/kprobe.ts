import { readFileSync } from "node:fs";
import { check, libc } from "../libc/libc.ts";
import { BTF_KIND, type Btf } from "./btf.ts";
import { openPerfEvent } from "./perf-event.ts";

/** Whether this kernel takes programs at the start of its functions. */
export function hasKprobes(): boolean {
  return kprobeType() !== undefined;
}

/** Whether these can hang on ftrace: Linux 5.18 and later, where it was built with fprobes. */
export function hasMultiKprobes(kernelBtf: Btf): boolean {
  return kernelBtf.find("bpf_kprobe_multi_link", BTF_KIND.struct) !== undefined;
}

/**
 * Hangs a program on the start of a function of the kernel; it hangs there as long as the
 * descriptor, the caller's, is open. Throws `KERNEL_<ERRNO>`: `KERNEL_ENOENT` where there is no such
 * function, or kprobes are missing.
 */
export function openKprobe(name: string, program: number): number {
  const doing = `attach a BPF program to kernel function "${name}"`;
  const event = openPerfEvent({ type: kprobeType() ?? NO_TYPE, config: 0n, name }, doing);
  try {
    for (const [command, value] of [
      [PERF_EVENT_IOC_SET_BPF, program],
      [PERF_EVENT_IOC_ENABLE, 0],
    ] as const) {
      const number = process.arch === "arm64" ? 29 : 16;
      const result = libc.syscall(number, "int", event, "uint64_t", command, "int64_t", value);
      check(Number(result), doing);
    }
    return event;
  } catch (thrown) {
    libc.close(event);
    throw thrown;
  }
}

/** The number of this kind of perf events. */
function kprobeType(): number | undefined {
  try {
    return Number(readFileSync("/sys/bus/event_source/devices/kprobe/type", "latin1"));
  } catch {
    return undefined;
  }
}

/** No kind of perf event has it: the kernel says ENOENT. */
const NO_TYPE = 0xffff_ffff;
/** include/uapi/linux/perf_event.h */
const PERF_EVENT_IOC_SET_BPF = 0x4004_2408;
const PERF_EVENT_IOC_ENABLE = 0x2400;
