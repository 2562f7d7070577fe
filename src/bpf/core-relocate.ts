import { AppError } from "../lib/errors.ts";
import type { Btf } from "./btf.ts";
import type { CoreRelocation } from "./btf-ext.ts";
import { INSTRUCTION_CLASS, type Instructions } from "./instructions.ts";
import { enumeratorValue, localPath, matchPath, type FieldPath } from "./_core-path.ts";
import { isEnumKind, sameKind, typesAreCompatible, typesMatch } from "./_core-types.ts";
import { essentialName } from "./_name-index.ts";
import { CORE_KIND, fieldValue, type FieldValue } from "./_core-value.ts";

/** What a relocation comes to on one kernel. */
type Outcome =
  | { readonly kind: "poison" }
  | {
      readonly kind: "value";
      /** What the compiler wrote, and whether the instruction must hold it. */
      readonly original: bigint;
      readonly exact: boolean;
      readonly value: bigint;
      /**
       * New width in bytes of a load or store; "invalid" when the widths differ and the types
       * forbid a change.
       */
      readonly width: { readonly from: number; readonly to: number } | "invalid" | undefined;
    };

/**
 * Rewrites instructions of objects built with CO-RE for one kernel's types. A relocation that
 * cannot be met poisons its instruction: the verifier then accepts the program only where that code
 * is unreachable. Keeps what it worked out, since the same few fields are asked again and again.
 */
export class CoreRelocator {
  readonly #local: Btf;
  readonly #kernel: Btf;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #candidates = new Map<number, readonly number[]>();

  constructor(local: Btf, kernel: Btf) {
    this.#local = local;
    this.#kernel = kernel;
  }

  /**
   * Applies one relocation to the code of its function. Throws `INPUT_BTF`, `INPUT_BPF_OBJECT` or
   * `KERNEL_BTF` (ambiguous types).
   */
  apply(code: Instructions, relocation: CoreRelocation): void {
    const index = relocation.offset / 8;
    if (!Number.isInteger(index) || index >= code.count)
      throw mismatch(index, "there is no such instruction");
    const key = `${relocation.type} ${relocation.kind} ${relocation.access}`;
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = this.#resolve(relocation);
      this.#outcomes.set(key, outcome);
    }
    patch(code, index, outcome);
  }

  #resolve(relocation: CoreRelocation): Outcome {
    const { kind, type } = relocation;
    const indexes = relocation.access.split(":").map(Number);
    if (
      indexes.length > MAX_STEPS ||
      !indexes.every((part) => Number.isSafeInteger(part) && part >= 0)
    ) {
      throw new AppError("INPUT_BTF", `Cannot relocate "${relocation.access}": it is not a path`);
    }
    if (kind === CORE_KIND.typeIdLocal) return plain(0n, BigInt(type), false);
    if (this.#local.name(type) === "")
      throw new AppError("INPUT_BTF", `Cannot relocate type ${type}: it has no name`);
    if (kind <= CORE_KIND.fieldRightShift)
      return this.#resolveField(kind, localPath(this.#local, type, indexes));
    if (kind === CORE_KIND.enumValueExists || kind === CORE_KIND.enumValue)
      return this.#resolveEnumerator(relocation, indexes[0] ?? 0);
    if (
      kind === CORE_KIND.typeMatches ||
      (kind >= CORE_KIND.typeIdTarget && kind <= CORE_KIND.typeSize)
    )
      return this.#resolveType(relocation);
    throw new AppError("INPUT_BTF", `Cannot relocate type ${type}: unknown kind ${kind}`);
  }

  #resolveField(kind: number, local: FieldPath): Outcome {
    const original = fieldValue(kind, local);
    const outcomes = this.#candidatesOf(local.root).flatMap((id) => {
      const path = matchPath(local, this.#kernel, id);
      return path === undefined
        ? []
        : [{ outcome: fieldOutcome(original, fieldValue(kind, path)), bitOffset: path.bitOffset }];
    });
    const [first] = outcomes;
    if (first === undefined) return fieldOutcome(original, fieldValue(kind, undefined));
    if (outcomes.some(({ bitOffset }) => bitOffset !== first.bitOffset))
      throw this.#ambiguous(local.root);
    return this.#onlyOne(
      outcomes.map(({ outcome }) => outcome),
      local.root,
    );
  }

  #resolveEnumerator({ type, kind }: CoreRelocation, index: number): Outcome {
    const bare = this.#local.skipModifiers(type);
    if (!isEnumKind(this.#local.kind(bare)))
      throw new AppError("INPUT_BTF", `Cannot relocate type ${type}: it is not an enum`);
    const { name, value } = this.#local.enumerator(bare, index);
    const values = this.#candidatesOf(type).flatMap(
      (id) => enumeratorValue(this.#kernel, id, name) ?? [],
    );
    if (kind === CORE_KIND.enumValueExists) return plain(1n, values.length > 0 ? 1n : 0n);
    if (values.length === 0) return { kind: "poison" };
    return this.#onlyOne(
      values.map((found) => plain(value, found)),
      type,
    );
  }

  #resolveType({ type, kind }: CoreRelocation): Outcome {
    const fits = kind === CORE_KIND.typeMatches ? typesMatch : typesAreCompatible;
    const local = { btf: this.#local, id: type };
    const found = this.#candidatesOf(type).filter((id) => fits(local, { btf: this.#kernel, id }));
    const valueOf = (btf: Btf, id: number): bigint => {
      if (kind === CORE_KIND.typeIdTarget) return BigInt(id);
      return kind === CORE_KIND.typeSize ? BigInt(btf.size(id)) : 1n;
    };
    // The compiler numbers types before linking renumbers them, so an id is never exact.
    const exact = kind !== CORE_KIND.typeIdTarget;
    const original = valueOf(this.#local, type);
    if (found.length === 0) return plain(original, 0n, exact);
    return this.#onlyOne(
      found.map((id) => plain(original, valueOf(this.#kernel, id), exact)),
      type,
    );
  }

  /**
   * Kernel types of the same name and kind; several happen where the kernel's sources define a name
   * twice.
   */
  #candidatesOf(type: number): readonly number[] {
    let ids = this.#candidates.get(type);
    if (ids === undefined) {
      const local = { btf: this.#local, id: type };
      ids = this.#kernel
        .idsNamed(essentialName(this.#local.name(type)))
        .filter((id) => sameKind(local, { btf: this.#kernel, id }));
      this.#candidates.set(type, ids);
    }
    return ids;
  }

  #onlyOne(outcomes: readonly Outcome[], type: number): Outcome {
    const [first = { kind: "poison" }, ...others] = outcomes;
    const value = (outcome: Outcome): bigint | undefined =>
      outcome.kind === "value" ? outcome.value : undefined;
    if (others.some((other) => value(other) !== value(first))) throw this.#ambiguous(type);
    return first;
  }

  #ambiguous(type: number): AppError {
    return new AppError(
      "KERNEL_BTF",
      `Cannot relocate type "${this.#local.name(type)}": the kernel has several of that name which disagree`,
    );
  }
}

function plain(original: bigint, value: bigint, exact = true): Outcome {
  return { kind: "value", original, exact, value, width: undefined };
}

function fieldOutcome(original: FieldValue | undefined, target: FieldValue | undefined): Outcome {
  if (original === undefined || target === undefined) return { kind: "poison" };
  return {
    kind: "value",
    original: BigInt(original.value),
    exact: original.exact && target.exact,
    value: BigInt(target.value),
    width: widthChange(original, target),
  };
}

function widthChange(
  original: FieldValue,
  target: FieldValue,
): { from: number; to: number } | "invalid" | undefined {
  const from = original.access;
  const to = target.access;
  const fromBytes = from?.bytes ?? 0;
  const toBytes = to?.bytes ?? 0;
  if (fromBytes === toBytes) return undefined;
  if (from?.sort === to?.sort && (from?.sort === "pointer" || from?.sort === "unsigned"))
    return { from: fromBytes, to: toBytes };
  return "invalid";
}

function patch(code: Instructions, index: number, outcome: Outcome): void {
  const opcode = code.code(index);
  if (outcome.kind === "poison") return poison(code, index);
  const { value, original, exact } = outcome;
  const same = (held: bigint, bits: number): boolean =>
    !exact || BigInt.asUintN(bits, held) === BigInt.asUintN(bits, original);
  switch (opcode & 7) {
    case INSTRUCTION_CLASS.alu:
    case INSTRUCTION_CLASS.alu64:
      if ((opcode & 8) !== 0) throw mismatch(index, "it works on a register");
      if (!same(BigInt(code.immediate(index)), 32))
        throw mismatch(index, `it holds ${code.immediate(index)} instead of ${original}`);
      return code.setImmediate(index, Number(BigInt.asIntN(32, value)));
    case INSTRUCTION_CLASS.ldx:
    case INSTRUCTION_CLASS.st:
    case INSTRUCTION_CLASS.stx:
      return patchMemory(code, index, outcome);
    case INSTRUCTION_CLASS.ld: {
      if (!code.isWideLoad(index) || code.source(index) !== 0)
        throw mismatch(index, "it is an unknown kind of load");
      const held =
        (BigInt(code.immediate(index + 1)) << 32n) |
        BigInt.asUintN(32, BigInt(code.immediate(index)));
      if (!same(held, 64)) throw mismatch(index, `it holds ${held} instead of ${original}`);
      code.setImmediate(index, Number(BigInt.asIntN(32, value)));
      return code.setImmediate(index + 1, Number(BigInt.asIntN(32, value >> 32n)));
    }
    default:
      throw mismatch(index, "its kind takes no relocation");
  }
}

function patchMemory(
  code: Instructions,
  index: number,
  { value, original, exact, width }: Extract<Outcome, { kind: "value" }>,
): void {
  if (exact && BigInt(code.offset(index)) !== original)
    throw mismatch(index, `it holds ${code.offset(index)} instead of ${original}`);
  if (value > 0x7fffn) throw mismatch(index, `offset ${value} does not fit`);
  if (width === "invalid") return poison(code, index);
  code.setOffset(index, Number(value));
  if (width === undefined) return;
  const opcode = code.code(index);
  const bits = SIZE_BITS.get(width.to);
  if (SIZE_BITS.get(width.from) !== (opcode & 0x18) || bits === undefined)
    throw mismatch(index, `it cannot move ${width.to} bytes`);
  code.setCode(index, (opcode & ~0x18) | bits);
}

function poison(code: Instructions, index: number): void {
  // The second slot first: once the first is overwritten it no longer tells that there is one.
  if (code.isWideLoad(index)) code.poison(index + 1);
  code.poison(index);
}

function mismatch(index: number, state: string): AppError {
  return new AppError("INPUT_BPF_OBJECT", `Cannot relocate instruction ${index}: ${state}`);
}

/** Size bits of load and store opcodes, by bytes. */
const SIZE_BITS: ReadonlyMap<number, number> = new Map([
  [4, 0x00],
  [2, 0x08],
  [1, 0x10],
  [8, 0x18],
]);
/** Deeper paths than this are hostile. */
const MAX_STEPS = 64;
