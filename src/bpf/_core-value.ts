import { AppError } from "../lib/errors.ts";
import { BTF_KIND, type Btf } from "./btf.ts";
import type { FieldPath } from "./_core-path.ts";
import { isEnumKind } from "./_core-types.ts";

/** `enum bpf_core_relo_kind` (include/uapi/linux/bpf.h). */
export const CORE_KIND = {
  fieldByteOffset: 0,
  fieldByteSize: 1,
  fieldExists: 2,
  fieldSigned: 3,
  fieldLeftShift: 4,
  fieldRightShift: 5,
  typeIdLocal: 6,
  typeIdTarget: 7,
  typeExists: 8,
  typeSize: 9,
  enumValueExists: 10,
  enumValue: 11,
  typeMatches: 12,
} as const;

/**
 * What an instruction should hold for a field; undefined where the field is missing and nothing can
 * stand for it.
 */
export interface FieldValue {
  readonly value: number;
  /** False where the compiler may rightly have written another number (bitfields). */
  readonly exact: boolean;
  /** Set for offsets of plain fields: what a load or store through the instruction moves. */
  readonly access:
    | { readonly bytes: number; readonly sort: "pointer" | "unsigned" | "other" }
    | undefined;
}

/**
 * Computes a field relocation of `kind` for a field, or for its absence. Throws `INPUT_BTF` when
 * the kind does not fit.
 */
export function fieldValue(kind: number, path: FieldPath | undefined): FieldValue | undefined {
  if (kind === CORE_KIND.fieldExists)
    return { value: path === undefined ? 0 : 1, exact: true, access: undefined };
  if (path === undefined) return undefined;
  const { btf } = path;
  const last = path.steps.at(-1);
  if (last === undefined) throw broken("it has no path");
  if (last.name === undefined) return elementValue(kind, path, last.type);
  const member = btf.member(last.type, last.index);
  const type = btf.skipModifiers(member.type);
  if (kind === CORE_KIND.fieldSigned)
    return { value: isSigned(btf, type) ? 1 : 0, exact: true, access: undefined };
  const storage =
    member.bitfieldSize > 0
      ? bitfieldStorage(path.bitOffset, member.bitfieldSize, btf.size(type))
      : undefined;
  const bytes = storage?.bytes ?? btf.size(type);
  const offset = storage?.offset ?? Math.floor(path.bitOffset / 8);
  const bits = storage === undefined ? bytes * 8 : member.bitfieldSize;
  const exact = storage === undefined;
  switch (kind) {
    case CORE_KIND.fieldByteOffset:
      return {
        value: offset,
        exact,
        access: exact ? { bytes, sort: accessSort(btf, type) } : undefined,
      };
    case CORE_KIND.fieldByteSize:
      return { value: bytes, exact, access: undefined };
    case CORE_KIND.fieldLeftShift:
      // Little-endian: shift out what lies above the field in its 64-bit register.
      return { value: 64 - (path.bitOffset + bits - offset * 8), exact, access: undefined };
    case CORE_KIND.fieldRightShift:
      return { value: 64 - bits, exact: true, access: undefined };
    default:
      throw broken(`unknown kind ${kind}`);
  }
}

function elementValue(kind: number, path: FieldPath, type: number): FieldValue {
  const bytes = path.btf.size(type);
  if (kind === CORE_KIND.fieldByteOffset) {
    return {
      value: Math.floor(path.bitOffset / 8),
      exact: true,
      access: { bytes, sort: accessSort(path.btf, type) },
    };
  }
  if (kind === CORE_KIND.fieldByteSize) return { value: bytes, exact: true, access: undefined };
  throw broken(`kind ${kind} asks about an array element`);
}

/**
 * The smallest aligned integer, of the declared type's size or a doubling of it, that holds all of
 * a bitfield.
 */
function bitfieldStorage(
  bitOffset: number,
  bits: number,
  declared: number,
): { bytes: number; offset: number } {
  let bytes = declared;
  for (;;) {
    const offset = Math.floor(Math.floor(bitOffset / 8) / bytes) * bytes;
    if (bitOffset + bits - offset * 8 <= bytes * 8) return { bytes, offset };
    if (bytes >= 8 || bytes < 1) throw broken("a bitfield does not fit 64 bits");
    bytes *= 2;
  }
}

function isSigned(btf: Btf, type: number): boolean {
  const kind = btf.kind(type);
  if (isEnumKind(kind)) return btf.flag(type);
  return kind === BTF_KIND.int && btf.integer(type).signed;
}

/** Loads may change their width for pointers (4 or 8 bytes) and unsigned integers only. */
function accessSort(btf: Btf, type: number): "pointer" | "unsigned" | "other" {
  const kind = btf.kind(btf.skipModifiers(type));
  if (kind === BTF_KIND.ptr) return "pointer";
  return kind === BTF_KIND.int && !btf.integer(btf.skipModifiers(type)).signed
    ? "unsigned"
    : "other";
}

function broken(state: string): AppError {
  return new AppError("INPUT_BTF", `Cannot compute a field relocation: ${state}`);
}
