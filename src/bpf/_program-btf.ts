import { BTF_KIND, type Btf } from "./btf.ts";
import type { RelocatedProgram } from "./relocate.ts";

/**
 * The object's BTF as every kernel takes it, for source lines in the verifier's log and for
 * functions that are verified alone. Ids and strings stay; variables, data sections and tags, which
 * older kernels refuse or want completed by the linker, become bare pointers.
 */
export function btfForKernel(btf: Btf): Uint8Array {
  const parts: Uint32Array[] = [];
  for (let id = 1; id < btf.count; id += 1) {
    const kind = btf.kind(id);
    // Of a function of the kernel's own the length is its linkage, which the linker resolves.
    const isExtern = kind === BTF_KIND.func && btf.length(id) === LINKAGE_EXTERN;
    parts.push(REPLACED.has(kind) || isExtern ? POINTER_TO_VOID : btf.raw(id));
  }
  const typeBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const bytes = new Uint8Array(24 + typeBytes + btf.strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  view.setUint32(4, 24, true);
  view.setUint32(12, typeBytes, true);
  view.setUint32(16, typeBytes, true);
  view.setUint32(20, btf.strings.length, true);
  let at = 24;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  bytes.set(btf.strings, at);
  return bytes;
}

/**
 * `struct bpf_func_info` for each function of a program; undefined unless all have one, since the
 * kernel wants all or none.
 */
export function functionRecords({ parts }: RelocatedProgram): Uint8Array | undefined {
  const words = new Uint32Array(parts.length * 2);
  for (const [index, part] of parts.entries()) {
    if (part.function.info === undefined) return undefined;
    words.set([part.start, part.function.info.type], index * 2);
  }
  return new Uint8Array(words.buffer);
}

/**
 * `struct bpf_line_info` for a whole program; undefined unless each function has one for its first
 * instruction.
 */
export function lineRecords({ parts }: RelocatedProgram): Uint8Array | undefined {
  const linesOf = parts.map(({ start, function: { lines } }) => ({ start, lines: lines() }));
  if (linesOf.some(({ lines }) => lines[0]?.offset !== 0)) return undefined;
  const words = linesOf.flatMap(({ start, lines }) =>
    lines.flatMap(({ offset, file, line, position }) => [start + offset / 8, file, line, position]),
  );
  return new Uint8Array(Uint32Array.from(words).buffer);
}

const REPLACED: ReadonlySet<number> = new Set([BTF_KIND.var, BTF_KIND.datasec, BTF_KIND.declTag]);
const LINKAGE_EXTERN = 2;
const POINTER_TO_VOID = Uint32Array.from([0, BTF_KIND.ptr << 24, 0]);
