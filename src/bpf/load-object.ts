import { readFileSync } from "node:fs";
import { AppError } from "../lib/errors.ts";
import { libc } from "../libc/libc.ts";
import { withSignalsBlocked } from "../libc/signals.ts";
import { BPF_COMMAND, BpfAttributes, kernelError, tryBpf } from "./_bpf-call.ts";
import { btfForKernel, functionRecords, lineRecords } from "./_program-btf.ts";
import { BpfMap, createMap } from "./bpf-map.ts";
import { BTF_KIND, type Btf } from "./btf.ts";
import { Instructions, PSEUDO } from "./instructions.ts";
import { ATTACH_TYPE, type AttachableProgram, Attachments } from "./attachments.ts";
import type { MapSpec, ObjectSpec, ProgramAttach, ProgramSpec } from "./object-spec.ts";
import { relocate, type RelocatedProgram } from "./relocate.ts";
import { VerifierLog } from "./verifier-log.ts";

/** How an object is loaded: for which kernel, which programs, with which maps. */
export interface LoadOptions {
  readonly kernelBtf: Btf;
  /** Which programs to load; by default those whose section does not start with "?". */
  readonly select?: (program: ProgramSpec) => boolean;
  /** False: programs do without the functions that the kernel offers them (kfuncs). */
  readonly kernelFunctions?: boolean;
  /** Other sizes than the object states. */
  readonly mapOverrides?: Readonly<Record<string, { readonly maxEntries: number }>>;
}

/** Maps and programs in the kernel; they vanish with `close` or with the process. */
export interface LoadedObject {
  /** Throws `BUG_NO_MAP` for a name that the object does not define. */
  readonly map: (name: string) => BpfMap;
  /** As they were right after loading. */
  readonly programs: readonly AttachableProgram[];
  /**
   * Lets those programs hang on their places that are wanted, by default all, as `Attachments.use`
   * has it; those that a tail call map starts with are only jumped to.
   */
  readonly attach: (isWanted?: (attach: ProgramAttach) => boolean) => readonly string[];
  /** Takes all programs off, for good; they stay loaded, and the maps as they are. */
  readonly detach: () => void;
  /**
   * How often the kernel left a program out, because the one before it on that processor was not
   * done (`recursion_misses`).
   */
  readonly missed: () => number;
  /** Everything as descriptors that the next program of this process finds open (execve(2)). */
  readonly handOver: () => InheritedObject;
  readonly close: () => void;
}

/** A loaded and attached object as its descriptors, to be had again by `adoptObject`. JSON. */
export interface InheritedObject {
  readonly maps: readonly {
    readonly spec: Omit<MapSpec, "content" | "programs">;
    readonly fd: number;
  }[];
  readonly programs: readonly AttachableProgram[];
}

/** What `handOver` gave, in the program that was started in place of the one that loaded it. */
export function adoptObject({ maps, programs }: InheritedObject): LoadedObject {
  const adopted = new Map(
    maps.map(({ spec, fd }) => [
      spec.name,
      new BpfMap({ ...spec, content: undefined, programs: new Map() }, fd),
    ]),
  );
  const object = objectOf(adopted, new Attachments(programs));
  for (const fd of descriptorsOf({ maps, programs })) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  return object;
}

/** All that an inherited object keeps open. */
export function descriptorsOf({ maps, programs }: InheritedObject): readonly number[] {
  return [
    ...maps.map(({ fd }) => fd),
    ...programs.flatMap(({ fd, link }) => (link === undefined ? [fd] : [fd, link])),
  ];
}

function objectOf(maps: Map<string, BpfMap>, attachments: Attachments): LoadedObject {
  return {
    map: (name) => mapOf(maps, name),
    programs: attachments.programs,
    attach: (isWanted) => attachments.use(isWanted),
    detach: () => attachments.detach(),
    // What is only jumped to is never left out by itself.
    missed: () =>
      missesOf(
        attachments.programs.flatMap(({ attach, fd }) => (attach === undefined ? [] : [fd])),
      ),
    handOver: () => {
      const inherited = inheritable(maps, attachments.programs);
      for (const fd of descriptorsOf(inherited)) libc.fcntl(fd, F_SETFD, 0);
      return inherited;
    },
    close: () => {
      attachments.close();
      for (const map of maps.values()) map.close();
      maps.clear();
    },
  };
}

function inheritable(
  maps: ReadonlyMap<string, BpfMap>,
  programs: readonly AttachableProgram[],
): InheritedObject {
  const all = [...maps.values()].map(
    ({ spec: { name, type, keySize, valueSize, maxEntries, flags, frozen }, fd }) => ({
      spec: { name, type, keySize, valueSize, maxEntries, flags, frozen },
      fd,
    }),
  );
  return { maps: all, programs };
}

function missesOf(programs: readonly number[]): number {
  return programs.reduce(
    (sum, fd) =>
      sum +
      Number(
        /^recursion_misses:\s*(\d+)$/m.exec(
          readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"),
        )?.[1] ?? 0,
      ),
    0,
  );
}

function mapOf(maps: ReadonlyMap<string, BpfMap>, name: string): BpfMap {
  const found = maps.get(name);
  if (found === undefined)
    throw new AppError("BUG_NO_MAP", `Cannot use BPF map "${name}": the object does not define it`);
  return found;
}

/**
 * Relocates an object for the running kernel, creates its maps and loads its programs; nothing runs
 * before `attach`. Throws `KERNEL_<ERRNO>`; a program that the verifier refuses has a `VerifierLog`
 * as the error's cause. Nothing stays loaded then.
 */
export function loadObject(
  spec: ObjectSpec,
  { kernelBtf, mapOverrides = {}, ...chosen }: LoadOptions,
): LoadedObject {
  const relocated = relocate(spec, kernelBtf, { select: ({ autoload }) => autoload, ...chosen });
  raiseMemlock();
  const maps = new Map<string, BpfMap>();
  const loaded: { readonly program: RelocatedProgram; readonly fd: number }[] = [];
  const map = (name: string): BpfMap => mapOf(maps, name);
  try {
    for (const mapSpec of spec.maps.values())
      maps.set(mapSpec.name, createMap(overridden(mapSpec, mapOverrides)));
    const btfFd = relocated.length === 0 ? undefined : loadBtf(spec.btf);
    try {
      for (const program of relocated)
        loaded.push({ program, fd: loadProgram(program, { spec, kernelBtf, map, btfFd }) });
    } finally {
      if (btfFd !== undefined) libc.close(btfFd);
    }
    const jumpedTo = new Set<string>();
    for (const mapSpec of spec.maps.values())
      fillPrograms(mapSpec, map(mapSpec.name), { loaded, jumpedTo });
    const attachable = loaded.map(
      ({
        program: {
          spec: { name, attach },
        },
        fd,
      }) => ({ name, attach: jumpedTo.has(name) ? undefined : attach, fd, link: undefined }),
    );
    return objectOf(maps, new Attachments(attachable));
  } catch (thrown) {
    for (const { fd } of loaded) libc.close(fd);
    for (const one of maps.values()) one.close();
    throw thrown;
  }
}

interface ProgramContext {
  readonly spec: ObjectSpec;
  readonly kernelBtf: Btf;
  readonly map: (name: string) => BpfMap;
  readonly btfFd: number | undefined;
}

function loadProgram(program: RelocatedProgram, context: ProgramContext): number {
  const code = resolveMaps(program, context.map);
  const attributes = programAttributes(program, code, context);
  const quiet = tryLoad(attributes);
  if ("result" in quiet) return quiet.result;
  // Once more, for the reason. The kernel writes the log only when asked, and asking slows it down.
  const log = new Uint8Array(LOG_BYTES);
  if (context.btfFd !== undefined) addLines(attributes, program);
  const loud = tryLoad(attributes.u32(24, 1).u32(28, log.length).pointer(32, log));
  if ("result" in loud) return loud.result;
  const text = Buffer.from(log.buffer, 0, Math.max(0, log.indexOf(0))).toString("latin1");
  const doing = `load BPF program "${program.spec.name}"`;
  if (loud.errno === "EAGAIN") throw kernelError(loud.errno, doing);
  if (text.trim() === "") throw kernelError(quiet.errno, doing);
  const cause = new VerifierLog(text);
  throw new AppError(
    `KERNEL_${quiet.errno}`,
    `Cannot ${doing}: the kernel's verifier refuses it: ${cause.message.split("\n").at(-1) ?? ""}`,
    { hint: cause.message, cause },
  );
}

/**
 * The verifier gives up with EAGAIN when a signal or other work waits for this thread, and is to be
 * asked again.
 */
function tryLoad(attributes: BpfAttributes): ReturnType<typeof tryBpf> {
  return withSignalsBlocked(() => {
    let loaded = tryBpf(BPF_COMMAND.progLoad, attributes);
    for (let again = 0; again < MAX_RETRIES; again += 1) {
      if (!("errno" in loaded) || loaded.errno !== "EAGAIN") break;
      loaded = tryBpf(BPF_COMMAND.progLoad, attributes);
    }
    return loaded;
  });
}

/** `union bpf_attr` of BPF_PROG_LOAD; offsets from include/uapi/linux/bpf.h. */
function programAttributes(
  program: RelocatedProgram,
  code: Uint8Array,
  { spec, kernelBtf, btfFd }: ProgramContext,
): BpfAttributes {
  const { kind } = program.spec.attach;
  const attributes = new BpfAttributes(128)
    .u32(0, PROGRAM_TYPE[kind])
    .u32(4, code.length / 8)
    .pointer(8, code)
    .pointer(16, Buffer.from(`${spec.license}\0`, "latin1"))
    .name(48, program.spec.name);
  if (kind === "tp_btf")
    attributes.u32(68, ATTACH_TYPE.rawTracepoint).u32(108, tracepointType(kernelBtf, program.spec));
  if (kind === "kprobe.multi") attributes.u32(68, ATTACH_TYPE.kprobeMulti);
  const functions = functionRecords(program);
  if (btfFd === undefined || functions === undefined) return attributes;
  return attributes
    .u32(72, btfFd)
    .u32(76, 8)
    .pointer(80, functions)
    .u32(88, functions.length / 8);
}

/** The source of each instruction, for the log: behind the functions, and not without. */
function addLines(attributes: BpfAttributes, program: RelocatedProgram): void {
  const lines = functionRecords(program) && lineRecords(program);
  if (lines === undefined) return;
  attributes
    .u32(92, 16)
    .pointer(96, lines)
    .u32(104, lines.length / 16);
}

function resolveMaps(program: RelocatedProgram, map: (name: string) => BpfMap): Uint8Array {
  const code = new Instructions(program.code.slice());
  for (const { index, to } of program.mapReferences) {
    code.setSource(index, to.kind === "map" ? PSEUDO.mapFd : PSEUDO.mapValue);
    code.setImmediate(index, map(to.map).fd);
    code.setImmediate(index + 1, to.kind === "map" ? 0 : to.offset);
  }
  return code.bytes;
}

/** A typed tracepoint is known by the type of its probe function, `btf_trace_NAME`. */
function tracepointType(kernelBtf: Btf, { name, attach }: ProgramSpec): number {
  const id = kernelBtf.find(`btf_trace_${attach.tracepoint}`, BTF_KIND.typedef);
  if (id !== undefined) return id;
  throw new AppError(
    "KERNEL_NO_TRACEPOINT",
    `Cannot load BPF program "${name}": this kernel has no tracepoint "${attach.tracepoint}"`,
  );
}

interface Filling {
  readonly loaded: readonly { readonly program: RelocatedProgram; readonly fd: number }[];
  readonly jumpedTo: Set<string>;
}

/** Puts programs into a tail call map; those that were not loaded leave their place empty. */
function fillPrograms({ programs }: MapSpec, map: BpfMap, { loaded, jumpedTo }: Filling): void {
  for (const [index, name] of programs) {
    const fd = loaded.find(({ program }) => program.spec.name === name)?.fd;
    if (fd === undefined) continue;
    jumpedTo.add(name);
    map.update(
      new Uint8Array(Uint32Array.of(index).buffer),
      new Uint8Array(Uint32Array.of(fd).buffer),
    );
  }
}

function overridden(spec: MapSpec, overrides: NonNullable<LoadOptions["mapOverrides"]>): MapSpec {
  const override = overrides[spec.name];
  return override === undefined ? spec : { ...spec, maxEntries: override.maxEntries };
}

/** Types help with errors only: without them the programs load all the same. */
function loadBtf(btf: Btf): number | undefined {
  const bytes = btfForKernel(btf);
  const outcome = tryBpf(
    BPF_COMMAND.btfLoad,
    new BpfAttributes(32).pointer(0, bytes).u32(16, bytes.length),
  );
  return "result" in outcome ? outcome.result : undefined;
}

/**
 * Before 5.11 maps count as locked memory. Failing is no error: later kernels do not ask, and
 * containers may not.
 */
function raiseMemlock(): void {
  libc.setrlimit(RLIMIT_MEMLOCK, new Uint8Array(16).fill(0xff));
}

/** include/uapi/linux/fcntl.h */
const [F_SETFD, FD_CLOEXEC] = [2, 1];
const RLIMIT_MEMLOCK = 8;
/** Most of it stays untouched, and so costs nothing. */
const LOG_BYTES = 16 * 1024 * 1024;
const MAX_RETRIES = 10;
/** `enum bpf_prog_type` */
const PROGRAM_TYPE = {
  tp_btf: 26,
  raw_tp: 17,
  "raw_tp.w": 24,
  tracepoint: 5,
  kprobe: 2,
  "kprobe.multi": 2,
} as const;
