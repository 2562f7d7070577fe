import { AppError } from "../lib/errors.ts";
import { addressOf, lastErrno, libc } from "../libc/libc.ts";

/** Commands of bpf(2) (include/uapi/linux/bpf.h, enum bpf_cmd). */
export const BPF_COMMAND = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapNextKey: 4,
  progLoad: 5,
  rawTracepointOpen: 17,
  btfLoad: 18,
  mapFreeze: 22,
  linkCreate: 28,
} as const;

/**
 * Builds `union bpf_attr` for one call: numbers at their offsets, and the addresses of arrays that
 * the kernel reads or fills. Holds the arrays, so that they stay alive until the call is over.
 */
export class BpfAttributes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #kept: Uint8Array[] = [];

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  /** A pointer to the first byte of `target`. */
  pointer(offset: number, target: Uint8Array): this {
    this.#kept.push(target);
    // An empty array has no address worth passing.
    this.#view.setBigUint64(offset, target.length === 0 ? 0n : addressOf(target), true);
    return this;
  }

  /** An object name: 15 characters of those that the kernel takes. */
  name(offset: number, name: string): this {
    this.bytes.set(
      Buffer.from(name.replaceAll(/[^A-Za-z0-9_.]/g, "_").slice(0, 15), "latin1"),
      offset,
    );
    return this;
  }
}

/** Calls bpf(2); the result, or the errno's name when it fails. */
export function tryBpf(
  command: number,
  attributes: BpfAttributes,
): { readonly result: number } | { readonly errno: string } {
  const number = SYSCALL_NUMBER[process.arch];
  if (number === undefined)
    throw new AppError(
      "KERNEL_ARCHITECTURE",
      `Cannot use BPF on "${process.arch}": only x64 and arm64 are known`,
    );
  const { bytes } = attributes;
  const result = Number(
    libc.syscall(number, "int", command, "void *", bytes, "unsigned int", bytes.length),
  );
  return result >= 0 ? { result } : { errno: lastErrno() };
}

/** Calls bpf(2); throws `KERNEL_<ERRNO>` with what was being done. */
export function bpf(command: number, attributes: BpfAttributes, doing: string): number {
  const outcome = tryBpf(command, attributes);
  if ("result" in outcome) return outcome.result;
  throw kernelError(outcome.errno, doing);
}

/** The error for an errno of bpf(2); a missing privilege comes with what to do. */
export function kernelError(errno: string, doing: string, cause?: unknown): AppError {
  const hint = errno === "EPERM" || errno === "EACCES" ? PRIVILEGE_HINT : undefined;
  return new AppError(
    `KERNEL_${errno.replace(" ", "_").toUpperCase()}`,
    `Cannot ${doing}: ${errno}`,
    { hint, cause },
  );
}

const PRIVILEGE_HINT =
  "run as root, or with the capabilities CAP_BPF and CAP_PERFMON (where they are not known: CAP_SYS_ADMIN)";
const SYSCALL_NUMBER: Readonly<Record<string, number | undefined>> = { x64: 321, arm64: 280 };
