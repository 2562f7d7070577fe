import { join } from "node:path";
import { BTF_KIND, type Btf } from "../bpf/btf.ts";
import { readKernelBtf } from "../bpf/kernel-btf.ts";
import { hasKprobes, hasMultiKprobes } from "../bpf/kprobe.ts";
import { loadObject, type LoadedObject, type LoadOptions } from "../bpf/load-object.ts";
import {
  isKprobe,
  type ObjectSpec,
  type ProgramAttach,
  type ProgramSpec,
} from "../bpf/object-spec.ts";
import { parseObject } from "../bpf/parse-object.ts";
import { AppError } from "../lib/errors.ts";
import { readShipped } from "../shipped/shipped-files.ts";
import { withLockdown } from "./lockdown.ts";
import { probeArchitecture } from "./probe-sight.ts";

/** Which build of the probe the kernel took; `tp_btf` is the fastest. */
export type ProbeVariant = "tp_btf" | "raw_tp" | "classic";

/** What not every kernel lets the probe see: requests of io_uring, where the paths of calls lead. */
type Extra = "io_uring" | "paths";

/** Which of these are tried together, from the best on: the verifier may refuse one of either. */
const EXTRAS: readonly ReadonlySet<Extra>[] = [
  new Set<Extra>(["io_uring", "paths"]),
  new Set<Extra>(["io_uring"]),
  new Set<Extra>(["paths"]),
  new Set<Extra>(),
];

/** From the cheapest on. */
const KPROBES = ["kprobe.multi", "kprobe"] as const;

/** From the best on. */
const VARIANTS: readonly ProbeVariant[] = ["tp_btf", "raw_tp"];

/** A probe that was loaded, not attached yet, and what the kernel lets it see. */
export interface LoadedProbe {
  readonly object: LoadedObject;
  readonly variant: ProbeVariant;
  readonly seesIoUring: boolean;
  readonly seesPaths: boolean;
}

/** How large the probe's rings are, in bytes, and which build is wanted; by default the best. */
interface LoadProbeOptions {
  readonly ringBytes: number;
  readonly stateRingBytes: number;
  readonly only: ProbeVariant | undefined;
}

/**
 * The tp_btf build, and where the kernel does not take it (before 5.11, or without BPF trampolines)
 * the raw_tp one; the classic one first where the others would be skipped.
 */
export function loadProbe(
  directory: string,
  { ringBytes, stateRingBytes, only }: LoadProbeOptions,
): LoadedProbe {
  const kernelBtf = readKernelBtf();
  const hasRequests = kernelBtf.find("io_cmd_data", BTF_KIND.struct) !== undefined;
  const best = arePreempted(kernelBtf) ? (["classic", ...VARIANTS] as const) : VARIANTS;
  const variants = only === undefined ? best : [only];
  const takesKprobes = hasKprobes();
  let problem: unknown;
  for (const { variant, extras, kernelFunctions } of variants.flatMap(waysOf)) {
    const path = join(directory, `${OBJECT[variant]}.${probeArchitecture()}.bpf.o`);
    const select = (program: ProgramSpec): boolean =>
      program.autoload || isExtra(program, { extras, takesKprobes, kernelBtf });
    try {
      const { object, seesPaths } = withKprobes(parseObject(readObject(path)), {
        kernelBtf,
        select,
        kernelFunctions,
        mapOverrides: {
          events: { maxEntries: ringBytes },
          state_events: { maxEntries: stateRingBytes },
        },
      });
      return { object, variant, seesIoUring: extras.has("io_uring") && hasRequests, seesPaths };
    } catch (thrown) {
      if (
        !(thrown instanceof AppError) ||
        !thrown.code.startsWith("KERNEL_") ||
        thrown.code === "KERNEL_ARCHITECTURE"
      )
        throw thrown;
      problem = thrown;
    }
  }
  throw withLockdown(problem);
}

/**
 * A build with and without extras, each at first with the kernel's own functions: where it has them
 * not, or its compiler cannot call them, the probe reads by helper what it would read itself.
 */
function waysOf(variant: ProbeVariant) {
  return EXTRAS.flatMap((extras) =>
    [true, false].map((kernelFunctions) => ({ variant, extras, kernelFunctions })),
  );
}

/**
 * The object with its kprobes, where they are selected, of the kind that costs the least and that
 * some function takes; they hang there then. Throws `KERNEL_NO_KPROBES` when none takes any.
 */
function withKprobes(
  spec: ObjectSpec,
  options: LoadOptions & Required<Pick<LoadOptions, "select">>,
): Pick<LoadedProbe, "object" | "seesPaths"> {
  const paths = spec.programs.filter(
    (one) => !one.autoload && extraOf(one) === "paths" && options.select(one),
  );
  const kprobes = paths.filter(({ attach }) => isKprobe(attach)).length;
  const kinds = hasMultiKprobes(options.kernelBtf) ? KPROBES : KPROBES.slice(1);
  for (const kind of kinds) {
    const object = loadObject(withKind(spec, kind), options);
    if (kprobes === 0 || object.attach(isKprobe).length < kprobes)
      return { object, seesPaths: paths.length > 0 };
    object.close();
  }
  throw new AppError("KERNEL_NO_KPROBES", "Cannot attach the probe: no function takes a kprobe");
}

function withKind(spec: ObjectSpec, kind: ProgramAttach["kind"]): ObjectSpec {
  const programs = spec.programs.map((program) =>
    isKprobe(program.attach) ? { ...program, attach: { ...program.attach, kind } } : program,
  );
  return { ...spec, programs };
}

/**
 * Whether a task can be preempted within a tracepoint's programs, which the kernel then skips for
 * all others on that processor: where tracepoints are guarded by SRCU of the fast kind (Linux 7.0)
 * and not by switching preemption off. Older ones have the first of these two names alone.
 */
function arePreempted(kernelBtf: Btf): boolean {
  return (
    kernelBtf.find("tracepoint_srcu_srcu_data", BTF_KIND.var) !== undefined &&
    kernelBtf.find("class_srcu_fast_notrace_t", BTF_KIND.typedef) !== undefined
  );
}

/** Whether a program that not every kernel can have is wanted, and this one has its place. */
function isExtra(program: ProgramSpec, { extras, takesKprobes, kernelBtf }: ExtraOptions): boolean {
  const { attach } = program;
  const extra = extraOf(program);
  if (!extras.has(extra) || (extra === "paths" && isKprobe(attach) !== takesKprobes)) return false;
  return isKprobe(attach)
    ? kernelBtf.find(attach.tracepoint, BTF_KIND.func) !== undefined
    : kernelBtf.find(`btf_trace_${attach.tracepoint}`, BTF_KIND.typedef) !== undefined;
}

interface ExtraOptions {
  readonly extras: ReadonlySet<Extra>;
  /** Else paths are seen by tracepoints, where the kernel has these. */
  readonly takesKprobes: boolean;
  readonly kernelBtf: Btf;
}

function extraOf({ attach }: ProgramSpec): Extra {
  return attach.tracepoint.startsWith("io_uring") ? "io_uring" : "paths";
}

function readObject(path: string): Uint8Array {
  try {
    return readShipped(path);
  } catch (cause) {
    throw new AppError("INPUT_NO_PROBE", `Cannot read probe "${path}": there is no such file`, {
      hint: "install the package again; in a checkout run probe/build",
      cause,
    });
  }
}

const OBJECT = { tp_btf: "saker", raw_tp: "saker-rawtp", classic: "saker-classic" } as const;
