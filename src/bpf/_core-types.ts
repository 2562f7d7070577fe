import { BTF_KIND, type Btf } from "./btf.ts";
import { AppError } from "../lib/errors.ts";
import { essentialName } from "./_name-index.ts";

/** A type in one BTF or another. */
export interface TypeRef {
  readonly btf: Btf;
  readonly id: number;
}

/** True when both kinds can name the same thing: enum and enum64 can. */
export function sameKind(a: TypeRef, b: TypeRef): boolean {
  const left = a.btf.kind(a.id);
  const right = b.btf.kind(b.id);
  return left === right || (isEnumKind(left) && isEnumKind(right));
}

/** True for an enumeration of 32 or 64 bits. */
export function isEnumKind(kind: number): boolean {
  return kind === BTF_KIND.enum || kind === BTF_KIND.enum64;
}

/** True for what has members: a struct or a union. */
export function isComposite(kind: number): boolean {
  return kind === BTF_KIND.struct || kind === BTF_KIND.union;
}

/**
 * Whether a field of the object's type may stand for one of the kernel's: same sort of thing, sizes
 * aside. The rules of CO-RE's field relocations: any pointer for any pointer, any integer for any
 * integer, enums by name.
 */
export function fieldsAreCompatible(local: TypeRef, target: TypeRef): boolean {
  let from = local;
  let to = target;
  for (let hops = 0; hops < MAX_DEPTH; hops += 1) {
    from = bare(from);
    to = bare(to);
    const kind = from.btf.kind(from.id);
    if (isComposite(kind) && isComposite(to.btf.kind(to.id))) return true;
    if (!sameKind(from, to)) return false;
    switch (kind) {
      case BTF_KIND.ptr:
      case BTF_KIND.float:
        return true;
      case BTF_KIND.fwd:
      case BTF_KIND.enum:
      case BTF_KIND.enum64:
        return (
          from.btf.name(from.id) === "" || to.btf.name(to.id) === "" || sameEssentialName(from, to)
        );
      case BTF_KIND.int:
        return from.btf.integer(from.id).bitOffset === 0 && to.btf.integer(to.id).bitOffset === 0;
      case BTF_KIND.array:
        from = { btf: from.btf, id: from.btf.array(from.id).element };
        to = { btf: to.btf, id: to.btf.array(to.id).element };
        break;
      default:
        return false;
    }
  }
  throw tooDeep();
}

/**
 * Whether a kernel type of the same name counts as the object's type (for type existence, size and
 * id): composites by kind alone.
 */
export function typesAreCompatible(local: TypeRef, target: TypeRef, depth = MAX_DEPTH): boolean {
  if (depth === 0) throw tooDeep();
  const from = bare(local);
  const to = bare(target);
  if (!sameKind(from, to)) return false;
  const into = (a: number, b: number): boolean =>
    typesAreCompatible({ btf: from.btf, id: a }, { btf: to.btf, id: b }, depth - 1);
  switch (from.btf.kind(from.id)) {
    case BTF_KIND.void:
    case BTF_KIND.struct:
    case BTF_KIND.union:
    case BTF_KIND.enum:
    case BTF_KIND.enum64:
    case BTF_KIND.fwd:
      return true;
    case BTF_KIND.int:
      return from.btf.integer(from.id).bitOffset === 0 && to.btf.integer(to.id).bitOffset === 0;
    case BTF_KIND.ptr:
      return into(from.btf.target(from.id), to.btf.target(to.id));
    case BTF_KIND.array:
      return into(from.btf.array(from.id).element, to.btf.array(to.id).element);
    case BTF_KIND.funcProto:
      return everyParameter(from, to, into) && into(from.btf.target(from.id), to.btf.target(to.id));
    default:
      return false;
  }
}

/**
 * Whether a kernel type has at least what the object's type states, part by part
 * (`bpf_core_type_matches`).
 */
export function typesMatch(
  local: TypeRef,
  target: TypeRef,
  { behindPointer = false, depth = MAX_DEPTH } = {},
): boolean {
  if (depth === 0) throw tooDeep();
  const from = bare(local);
  const to = bare(target);
  if (!sameEssentialName(from, to)) return false;
  const into = (a: number, b: number, behind = behindPointer): boolean =>
    typesMatch(
      { btf: from.btf, id: a },
      { btf: to.btf, id: b },
      { behindPointer: behind, depth: depth - 1 },
    );
  const kind = from.btf.kind(from.id);
  const targetKind = to.btf.kind(to.id);
  if (behindPointer && (isComposite(kind) || kind === BTF_KIND.fwd))
    return forwardMatches(from, to);
  if (!sameKind(from, to)) return false;
  switch (kind) {
    case BTF_KIND.void:
      return true;
    case BTF_KIND.fwd:
      return from.btf.flag(from.id) === to.btf.flag(to.id);
    case BTF_KIND.enum:
    case BTF_KIND.enum64:
      return enumsMatch(from, to);
    case BTF_KIND.struct:
    case BTF_KIND.union:
      return kind === targetKind && membersMatch(from, to, (a, b) => into(a, b, false));
    case BTF_KIND.int:
      return (
        from.btf.statedSize(from.id) === to.btf.statedSize(to.id) &&
        from.btf.integer(from.id).signed === to.btf.integer(to.id).signed
      );
    case BTF_KIND.ptr:
      return into(from.btf.target(from.id), to.btf.target(to.id), true);
    case BTF_KIND.array:
      return (
        from.btf.array(from.id).length === to.btf.array(to.id).length &&
        into(from.btf.array(from.id).element, to.btf.array(to.id).element)
      );
    case BTF_KIND.funcProto:
      return (
        everyParameter(from, to, (a, b) => into(a, b, false)) &&
        into(from.btf.target(from.id), to.btf.target(to.id))
      );
    default:
      return false;
  }
}

function everyParameter(
  from: TypeRef,
  to: TypeRef,
  into: (a: number, b: number) => boolean,
): boolean {
  const count = from.btf.length(from.id);
  if (count !== to.btf.length(to.id)) return false;
  for (let index = 0; index < count; index += 1) {
    if (!into(from.btf.parameter(from.id, index), to.btf.parameter(to.id, index))) return false;
  }
  return true;
}

/** Behind a pointer a forward declaration is as good as the struct or union it announces. */
function forwardMatches(from: TypeRef, to: TypeRef): boolean {
  const sort = ({ btf, id }: TypeRef): "struct" | "union" | undefined => {
    const kind = btf.kind(id);
    if (kind === BTF_KIND.fwd) return btf.flag(id) ? "union" : "struct";
    if (kind === BTF_KIND.struct) return "struct";
    return kind === BTF_KIND.union ? "union" : undefined;
  };
  return sort(from) === sort(to);
}

function enumsMatch(from: TypeRef, to: TypeRef): boolean {
  if (
    from.btf.statedSize(from.id) !== to.btf.statedSize(to.id) ||
    from.btf.length(from.id) > to.btf.length(to.id)
  )
    return false;
  const names = new Set<string>();
  for (let index = 0; index < to.btf.length(to.id); index += 1)
    names.add(essentialName(to.btf.enumerator(to.id, index).name));
  for (let index = 0; index < from.btf.length(from.id); index += 1) {
    if (!names.has(essentialName(from.btf.enumerator(from.id, index).name))) return false;
  }
  return true;
}

function membersMatch(
  from: TypeRef,
  to: TypeRef,
  into: (a: number, b: number) => boolean,
): boolean {
  if (from.btf.length(from.id) > to.btf.length(to.id)) return false;
  for (let index = 0; index < from.btf.length(from.id); index += 1) {
    const wanted = from.btf.member(from.id, index);
    let matched = false;
    for (let other = 0; other < to.btf.length(to.id) && !matched; other += 1) {
      const offered = to.btf.member(to.id, other);
      matched =
        essentialName(wanted.name) === essentialName(offered.name) &&
        into(wanted.type, offered.type);
    }
    if (!matched) return false;
  }
  return true;
}

function sameEssentialName(a: TypeRef, b: TypeRef): boolean {
  return essentialName(a.btf.name(a.id)) === essentialName(b.btf.name(b.id));
}

function bare({ btf, id }: TypeRef): TypeRef {
  return { btf, id: btf.skipModifiers(id) };
}

function tooDeep(): AppError {
  return new AppError("INPUT_BTF", `Cannot compare types: they nest more than ${MAX_DEPTH} deep`);
}

const MAX_DEPTH = 32;
