import { AppError } from "../lib/errors.ts";
import { BTF_KIND, type Btf } from "./btf.ts";
import { CoreRelocator } from "./core-relocate.ts";
import { Instructions, PSEUDO } from "./instructions.ts";
import type { FunctionSpec, ObjectSpec, ProgramSpec, Reference } from "./object-spec.ts";

/** A program made whole for one kernel: its own code, then that of each function it calls. */
export interface RelocatedProgram {
  readonly spec: ProgramSpec;
  /** Everything is final but the descriptors of maps (`mapReferences`). */
  readonly code: Uint8Array;
  /** Loads that want a map's descriptor; index counts from the start of `code`. */
  readonly mapReferences: readonly MapReference[];
  /** The functions that `code` is made of, `start` in instructions. */
  readonly parts: readonly { readonly start: number; readonly function: FunctionSpec }[];
}

/** An instruction that loads a map's descriptor, or the address of a value in it. */
export interface MapReference {
  readonly index: number;
  readonly to: Extract<Reference["to"], { kind: "map" | "value" }>;
}

/** Which programs of an object, and whether they call functions of the kernel's own. */
export interface RelocateOptions {
  readonly select?: (program: ProgramSpec) => boolean;
  /** False: as on a kernel that has none of these functions. By default true. */
  readonly kernelFunctions?: boolean;
}

/**
 * Applies CO-RE relocations for one kernel's types and links each program with the functions it
 * calls. Pure. Throws `INPUT_BTF`, `INPUT_BPF_OBJECT` or `KERNEL_BTF`.
 */
export function relocate(
  spec: ObjectSpec,
  kernelBtf: Btf,
  { select = () => true, kernelFunctions = true }: RelocateOptions = {},
): RelocatedProgram[] {
  const relocator = new CoreRelocator(spec.btf, kernelBtf);
  const idOf = (name: string): number | undefined =>
    kernelFunctions ? kernelBtf.find(name, BTF_KIND.func) : undefined;
  const done = new Map<FunctionSpec, Uint8Array>();
  const codeOf = (from: FunctionSpec): Uint8Array => {
    let bytes = done.get(from);
    if (bytes === undefined) {
      const code = new Instructions(from.code.slice());
      for (const relocation of from.coreRelocations)
        applyNamed(relocator, code, { from, relocation });
      for (const { index, to } of from.references)
        if (to.kind === "kernel") nameKernelFunction(code, index, idOf(to.name));
      bytes = code.bytes;
      done.set(from, bytes);
    }
    return bytes;
  };
  const byPlace = new Map(
    spec.functions.map((candidate) => [placeKey(candidate.section, candidate.offset), candidate]),
  );
  return spec.programs
    .filter((program) => select(program))
    .map((program) => link(program, byPlace, codeOf));
}

function applyNamed(
  relocator: CoreRelocator,
  code: Instructions,
  { from, relocation }: { from: FunctionSpec; relocation: FunctionSpec["coreRelocations"][number] },
): void {
  try {
    relocator.apply(code, relocation);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    throw new AppError(thrown.code, `Cannot relocate function "${from.name}": ${thrown.message}`, {
      cause: thrown,
      hint: thrown.hint,
    });
  }
}

/** One that the kernel lacks has the address 0, and code that calls it must be unreachable. */
function nameKernelFunction(code: Instructions, index: number, id: number | undefined): void {
  if (code.isWideLoad(index)) {
    code.setSource(index, id === undefined ? 0 : PSEUDO.kernelAddress);
    code.setImmediate(index, id ?? 0);
    code.setImmediate(index + 1, 0);
  } else if (id === undefined) code.poison(index);
  else {
    code.setSource(index, PSEUDO.kernelCall);
    code.setOffset(index, 0);
    code.setImmediate(index, id);
  }
}

/**
 * Depth first, each called function once, in the order of the calls: the order that libbpf gives
 * too.
 */
function link(
  program: ProgramSpec,
  byPlace: ReadonlyMap<string, FunctionSpec>,
  codeOf: (from: FunctionSpec) => Uint8Array,
): RelocatedProgram {
  const parts: { start: number; function: FunctionSpec; code: Uint8Array }[] = [];
  const starts = new Map<FunctionSpec, number>();
  let count = 0;
  const append = (from: FunctionSpec): number => {
    const known = starts.get(from);
    if (known !== undefined) return known;
    const start = count;
    const part = { start, function: from, code: codeOf(from).slice() };
    starts.set(from, start);
    parts.push(part);
    count += part.code.length / 8;
    if (count > MAX_INSTRUCTIONS)
      throw broken(program.name, `it has more than ${MAX_INSTRUCTIONS} instructions`);
    const code = new Instructions(part.code);
    for (const { index, callee } of calls(from, code, byPlace))
      code.setImmediate(index, append(callee) - (start + index) - 1);
    return start;
  };
  append(program);
  const code = new Uint8Array(count * 8);
  for (const part of parts) code.set(part.code, part.start * 8);
  const mapReferences = parts.flatMap((part) =>
    part.function.references.flatMap((reference) => mapReference(reference, part.start)),
  );
  return { spec: program, code, mapReferences, parts };
}

function calls(
  from: FunctionSpec,
  code: Instructions,
  byPlace: ReadonlyMap<string, FunctionSpec>,
): { index: number; callee: FunctionSpec }[] {
  const referenced = new Map(from.references.map((reference) => [reference.index, reference.to]));
  const found: { index: number; callee: FunctionSpec }[] = [];
  for (let index = 0; index < code.count; index += 1) {
    if (!code.isLocalCall(index) && !code.isFunctionAddress(index)) continue;
    const to = referenced.get(index);
    // Without a relocation the callee lies in the same section, at a distance in instructions.
    const place =
      to?.kind === "function"
        ? to
        : { section: from.section, offset: from.offset + (index + code.immediate(index) + 1) * 8 };
    const callee = byPlace.get(placeKey(place.section, place.offset));
    if (callee === undefined)
      throw broken(from.name, `instruction ${index} calls what is not a function`);
    found.push({ index, callee });
  }
  return found;
}

function mapReference(reference: Reference, start: number): MapReference[] {
  if (reference.to.kind === "function" || reference.to.kind === "kernel") return [];
  return [{ index: start + reference.index, to: reference.to }];
}

function placeKey(section: number, offset: number): string {
  return `${section}:${offset}`;
}

function broken(name: string, state: string): AppError {
  return new AppError("INPUT_BPF_OBJECT", `Cannot link program "${name}": ${state}`);
}

/** The kernel's own limit on a privileged program (BPF_COMPLEXITY_LIMIT_INSNS). */
const MAX_INSTRUCTIONS = 1_000_000;
