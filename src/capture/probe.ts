import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BpfMap } from "../bpf/bpf-map.ts";
import type { Btf } from "../bpf/btf.ts";
import { readKernelBtf } from "../bpf/kernel-btf.ts";
import { loadObject, type LoadedObject } from "../bpf/load-object.ts";
import { parseObject } from "../bpf/parse-object.ts";
import { RingBuffer, type OnRecord } from "../bpf/ring-buffer.ts";
import { AppError } from "../lib/errors.ts";
import { epochOffsetNs } from "./_epoch-offset.ts";

export interface ProbeOptions {
  /** Where the compiled probe lies; by default the package's own `probe/`. */
  readonly objectDirectory?: string;
  /** Size of the ring between kernel and us: a power of two, a whole number of pages. Default 8 MiB. */
  readonly ringBytes?: number;
  /** Process whose events are never sent: our own, lest each alert written raises an event. */
  readonly ownPid: number;
}

/** What the probe counted since it was opened, over all CPUs. */
export interface ProbeCounters {
  /** Calls that the enabled events asked for. */
  readonly seen: number;
  readonly sent: number;
  /** Lost, by reason: the ring had no room; an interrupt met the CPU's scratch in use. */
  readonly dropped: { readonly ringFull: number; readonly scratchBusy: number };
  /** Sent, but with a parameter cut at its limit. */
  readonly truncated: number;
  /** Records that are not scap events (`NOTICE` of events/record.ts); not counted in `sent`. */
  readonly notices: number;
}

/** Which of the two builds of the probe the kernel took; `tp_btf` is the faster. */
export type ProbeVariant = "tp_btf" | "raw_tp";

/**
 * Loads and attaches the probe; notices flow at once, events once they are enabled.
 * Throws `KERNEL_<ERRNO>` (no privilege, or a kernel too old), `KERNEL_NO_BTF`, `KERNEL_ARCHITECTURE`, `INPUT_NO_PROBE`, `CONFIG_RING_SIZE`.
 */
export function openProbe(options: ProbeOptions): ProbeSource {
  const { objectDirectory = PACKAGE_PROBE, ringBytes = DEFAULT_RING_BYTES, ownPid } = options;
  if (!Number.isInteger(Math.log2(ringBytes)) || ringBytes < SMALLEST_RING_BYTES || ringBytes > LARGEST_RING_BYTES) {
    throw new AppError("CONFIG_RING_SIZE", `Cannot use a ring of ${ringBytes} bytes: it must be a power of two from 64 KiB to 1 GiB`);
  }
  const { object, variant } = loadEither(objectDirectory, ringBytes);
  let source: ProbeSource | undefined;
  try {
    source = new ProbeSource({ object, variant, ownPid });
    object.attach();
    return source;
  } catch (thrown) {
    source?.close();
    object.close();
    throw thrown;
  }
}

/** The live kernel as a source of records. */
export class ProbeSource {
  readonly variant: ProbeVariant;
  readonly #object: LoadedObject;
  readonly #ring: RingBuffer;
  readonly #counters: BpfMap;
  readonly #settings: BpfMap;
  readonly #ownPid: number;
  readonly #epochOffset = epochOffsetNs();
  #last: ProbeCounters | undefined;

  constructor({ object, variant, ownPid }: { object: LoadedObject; variant: ProbeVariant; ownPid: number }) {
    this.variant = variant;
    this.#object = object;
    this.#ownPid = ownPid;
    this.#settings = object.map("settings");
    this.#counters = object.map("counters");
    this.setEnabled(new Set());
    this.#ring = new RingBuffer(object.map("events"));
  }

  /** Hands over records (layout: events/record.ts) until `close`; what `onRecord` throws is an unhandled rejection. */
  start(onRecord: OnRecord): void {
    void this.#ring.run(onRecord);
  }

  /** Sends events of these scap codes only; takes effect at once. */
  setEnabled(codes: ReadonlySet<number>): void {
    const bytes = new Uint8Array(SETTINGS.size);
    const view = new DataView(bytes.buffer);
    view.setBigInt64(SETTINGS.epochOffset, this.#epochOffset, true);
    view.setUint32(SETTINGS.ownPid, this.#ownPid, true);
    for (const code of codes) if (code < SETTINGS.codes) bytes[SETTINGS.enabled + code] = 1;
    this.#settings.update(FIRST_KEY, bytes);
  }

  /** Still answers after `close`, with the last numbers. */
  counters(): ProbeCounters {
    if (this.#last !== undefined) return this.#last;
    const sums = COUNTERS.map(() => 0);
    for (const value of this.#counters.perCpuLookup(FIRST_KEY) ?? []) {
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
      for (const index of sums.keys()) sums[index] = (sums[index] ?? 0) + Number(view.getBigUint64(index * 8, true));
    }
    const [seen = 0, sent = 0, ringFull = 0, scratchBusy = 0, truncated = 0, notices = 0] = sums;
    return { seen, sent, dropped: { ringFull, scratchBusy }, truncated, notices };
  }

  /** Detaches the probe and ends the flow at once; what is still in the ring is lost. Safe to call twice. */
  close(): void {
    this.#last ??= this.counters();
    this.#ring.close();
    this.#object.close();
  }
}

/** The tp_btf build, and where the kernel does not take it (before 5.11, or without BPF trampolines) the raw_tp one. */
function loadEither(directory: string, ringBytes: number): { object: LoadedObject; variant: ProbeVariant } {
  const kernelBtf = readKernelBtf();
  try {
    return { object: load(join(directory, `saker.${architecture()}.bpf.o`), kernelBtf, ringBytes), variant: "tp_btf" };
  } catch (first) {
    if (!(first instanceof AppError) || !first.code.startsWith("KERNEL_") || first.code === "KERNEL_ARCHITECTURE") throw first;
    return { object: load(join(directory, `saker-rawtp.${architecture()}.bpf.o`), kernelBtf, ringBytes), variant: "raw_tp" };
  }
}

function load(path: string, kernelBtf: Btf, ringBytes: number): LoadedObject {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new AppError("INPUT_NO_PROBE", `Cannot read probe "${path}": there is no such file`, {
      hint: "install the package again; in a checkout run probe/build",
      cause,
    });
  }
  return loadObject(parseObject(bytes), { kernelBtf, mapOverrides: { events: { maxEntries: ringBytes } } });
}

function architecture(): string {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new AppError("KERNEL_ARCHITECTURE", `Cannot load a probe on "${process.arch}": there is one for x64 and arm64 only`);
}

/** `struct settings` of probe/record.h; `codes` is the length of its table of scap event codes. */
export const SETTINGS = { epochOffset: 0, ownPid: 8, flags: 12, enabled: 16, codes: 512, size: 528 } as const;

/** The members of `struct counters` of probe/record.h, in order, a u64 each. */
export const COUNTERS = ["seen", "sent", "dropped_ring_full", "dropped_scratch_busy", "truncated", "notices"] as const;

const PACKAGE_PROBE = fileURLToPath(new URL("../../probe/", import.meta.url));
const FIRST_KEY = new Uint8Array(4);
const DEFAULT_RING_BYTES = 8 * 1024 * 1024;
/** One page where pages are largest (arm64). */
const SMALLEST_RING_BYTES = 64 * 1024;
const LARGEST_RING_BYTES = 1024 * 1024 * 1024;
