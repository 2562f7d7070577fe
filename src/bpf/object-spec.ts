import type { Btf } from "./btf.ts";
import type { CoreRelocation, FunctionInfo, LineInfo } from "./btf-ext.ts";

/** How a program hangs on the kernel: `tracepoint` names where. */
export interface ProgramAttach {
  /**
   * `tp_btf`: typed tracepoint arguments; `raw_tp`: raw ones; `raw_tp.w`: raw and writable;
   * `tracepoint`: the record that perf and ftrace see; `kprobe`: the registers at a function's start,
   * by a perf event; `kprobe.multi`: the same by ftrace, which costs less.
   */
  readonly kind: "tp_btf" | "raw_tp" | "raw_tp.w" | "tracepoint" | "kprobe" | "kprobe.multi";
  /** Of a kprobe: the function. */
  readonly tracepoint: string;
  /** Of a `tracepoint`: the subsystem that its record is listed under. */
  readonly group?: string;
}

/** At the start of a function of the kernel, by whichever means. */
export function isKprobe({ kind }: ProgramAttach): boolean {
  return kind === "kprobe" || kind === "kprobe.multi";
}

/** A place in a function's code that needs what only the loader knows. */
export interface Reference {
  /** Index of the instruction within its function. */
  readonly index: number;
  readonly to:
    | { readonly kind: "map"; readonly map: string }
    | { readonly kind: "value"; readonly map: string; readonly offset: number }
    | { readonly kind: "function"; readonly section: number; readonly offset: number }
    /** A function of the kernel's own (kfunc), called or asked for by its address. */
    | { readonly kind: "kernel"; readonly name: string };
}

/** One function as it lies in its section; a program when it has a section of its own name. */
export interface FunctionSpec {
  readonly name: string;
  readonly section: number;
  readonly sectionName: string;
  /** Where it starts in its section, in bytes. */
  readonly offset: number;
  /** Its instructions as compiled. Never written to. */
  readonly code: Uint8Array;
  readonly references: readonly Reference[];
  /** Offsets of these three count from the function's start, in bytes. */
  readonly coreRelocations: readonly CoreRelocation[];
  readonly lines: () => readonly LineInfo[];
  readonly info: FunctionInfo | undefined;
}

/** A function that the kernel can run, found by its section's name (`SEC("tp_btf/sys_enter")`). */
export interface ProgramSpec extends FunctionSpec {
  readonly attach: ProgramAttach;
  /** False when the section's name starts with "?": loaded only when it is asked for. */
  readonly autoload: boolean;
}

/** A map as the object declares it; sizes in bytes (bpf(2), BPF_MAP_CREATE). */
export interface MapSpec {
  readonly name: string;
  /** `enum bpf_map_type` */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Initial content of a data section's map. */
  readonly content: Uint8Array | undefined;
  /** True when programs may only read it and its content is fixed before they load. */
  readonly frozen: boolean;
  /** Programs by index that a tail call map starts with. */
  readonly programs: ReadonlyMap<number, string>;
}

/** What an object file says, the same on every host; nothing of it has asked a kernel. */
export interface ObjectSpec {
  readonly license: string;
  readonly btf: Btf;
  readonly maps: ReadonlyMap<string, MapSpec>;
  readonly programs: readonly ProgramSpec[];
  /** All functions, programs included, in the order of the file. */
  readonly functions: readonly FunctionSpec[];
}

/** `enum bpf_map_type` (include/uapi/linux/bpf.h), the types that Saker uses. */
export const MAP_TYPE = {
  hash: 1,
  array: 2,
  progArray: 3,
  percpuHash: 5,
  percpuArray: 6,
  lruHash: 9,
  lruPercpuHash: 10,
  lpmTrie: 11,
  ringbuf: 27,
} as const;

/** Map flags (include/uapi/linux/bpf.h). */
export const MAP_FLAG = { readOnlyForPrograms: 1 << 7, mmapable: 1 << 10 } as const;
