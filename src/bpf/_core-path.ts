import { AppError } from "../lib/errors.ts";
import { BTF_KIND, type Btf } from "./btf.ts";
import { essentialName } from "./_name-index.ts";
import { fieldsAreCompatible, isComposite, isEnumKind } from "./_core-types.ts";

/** One step from a type to a part of it: a named member (`name`) or an array element. */
export interface CoreStep {
  /** The composite that holds the member, or the element's type. */
  readonly type: number;
  readonly index: number;
  readonly name: string | undefined;
}

/** A field, found in one BTF by way of its enclosing types. */
export interface FieldPath {
  readonly btf: Btf;
  readonly root: number;
  readonly steps: readonly CoreStep[];
  readonly bitOffset: number;
}

/**
 * Follows the numbers of an access string such as `0:1:2` in the object's own BTF. Throws
 * `INPUT_BTF`.
 */
export function localPath(btf: Btf, root: number, indexes: readonly number[]): FieldPath {
  const [first = 0, ...rest] = indexes;
  let type = btf.skipModifiers(root);
  const steps: CoreStep[] = [{ type, index: first, name: undefined }];
  let bitOffset = first * btf.size(type) * 8;
  for (const index of rest) {
    type = btf.skipModifiers(type);
    const kind = btf.kind(type);
    if (isComposite(kind)) {
      const member = btf.member(type, index);
      bitOffset += member.bitOffset;
      // Anonymous members are no step of their own: kernels put structs into unions and out again.
      if (member.name !== "") steps.push({ type, index, name: member.name });
      type = member.type;
    } else if (kind === BTF_KIND.array) {
      const { element, length } = btf.array(type);
      if (index >= length && !endsItsStruct(btf, steps))
        throw broken("an array index lies outside its array");
      type = btf.skipModifiers(element);
      steps.push({ type, index, name: undefined });
      bitOffset += index * btf.size(type) * 8;
    } else throw broken("it goes into a type without parts");
  }
  return { btf, root, steps, bitOffset };
}

/**
 * The same field in another BTF, by names, from the type `root` there; undefined when that type has
 * none such.
 */
export function matchPath(local: FieldPath, btf: Btf, root: number): FieldPath | undefined {
  let type = root;
  let bitOffset = 0;
  const steps: CoreStep[] = [];
  for (const [position, step] of local.steps.entries()) {
    const bare = btf.skipModifiers(type);
    if (step.name !== undefined) {
      const member = findMember(local.btf, step, { btf, type: bare, bitOffset: 0 });
      if (member === undefined) return undefined;
      steps.push(member.step);
      bitOffset += member.bitOffset;
      type = member.type;
      continue;
    }
    type = bare;
    if (position > 0) {
      if (btf.kind(bare) !== BTF_KIND.array) return undefined;
      const { element, length } = btf.array(bare);
      if (step.index >= length && !endsItsStruct(btf, steps)) return undefined;
      type = btf.skipModifiers(element);
    }
    steps.push({ type, index: step.index, name: undefined });
    bitOffset += step.index * btf.size(type) * 8;
  }
  return { btf, root, steps, bitOffset };
}

/** The value of the enumerator of this name (flavour aside), undefined when the enum has none. */
export function enumeratorValue(btf: Btf, type: number, name: string): bigint | undefined {
  const bare = btf.skipModifiers(type);
  if (!isEnumKind(btf.kind(bare))) return undefined;
  for (let index = 0; index < btf.length(bare); index += 1) {
    const enumerator = btf.enumerator(bare, index);
    if (essentialName(enumerator.name) === essentialName(name)) return enumerator.value;
  }
  return undefined;
}

interface Place {
  readonly btf: Btf;
  readonly type: number;
  readonly bitOffset: number;
}

interface FoundMember {
  readonly step: CoreStep;
  readonly type: number;
  readonly bitOffset: number;
}

/** A member by name and fitting type, through anonymous structs and unions. */
function findMember(
  localBtf: Btf,
  wanted: CoreStep,
  { btf, type, bitOffset }: Place,
  depth = 0,
): FoundMember | undefined {
  const composite = btf.skipModifiers(type);
  if (!isComposite(btf.kind(composite))) return undefined;
  if (depth > MAX_NESTING) throw broken("anonymous members nest too deep");
  for (let index = 0; index < btf.length(composite); index += 1) {
    const member = btf.member(composite, index);
    const offset = bitOffset + member.bitOffset;
    if (member.name === "") {
      const inner = findMember(
        localBtf,
        wanted,
        { btf, type: member.type, bitOffset: offset },
        depth + 1,
      );
      if (inner !== undefined) return inner;
    } else if (member.name === wanted.name) {
      const localType = localBtf.member(wanted.type, wanted.index).type;
      if (!fieldsAreCompatible({ btf: localBtf, id: localType }, { btf, id: member.type }))
        return undefined;
      return {
        step: { type: composite, index, name: member.name },
        type: member.type,
        bitOffset: offset,
      };
    }
  }
  return undefined;
}

/** A flexible array, the last member of its struct with length 0, may be indexed beyond its end. */
function endsItsStruct(btf: Btf, steps: readonly CoreStep[]): boolean {
  const step = steps.at(-1);
  if (step?.name === undefined || btf.kind(step.type) !== BTF_KIND.struct) return false;
  const member = btf.member(step.type, step.index);
  const array = btf.skipModifiers(member.type);
  return (
    step.index === btf.length(step.type) - 1 &&
    btf.kind(array) === BTF_KIND.array &&
    btf.array(array).length === 0
  );
}

function broken(state: string): AppError {
  return new AppError("INPUT_BTF", `Cannot follow the path of a relocation: ${state}`);
}

const MAX_NESTING = 32;
