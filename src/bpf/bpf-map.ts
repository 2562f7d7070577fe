import { readFileSync } from "node:fs";
import { AppError } from "../lib/errors.ts";
import { libc } from "../libc/libc.ts";
import { BPF_COMMAND, BpfAttributes, bpf, kernelError, tryBpf } from "./_bpf-call.ts";
import { MAP_TYPE, type MapSpec } from "./object-spec.ts";

/**
 * A map in the kernel. Keys and values are bytes of the map's sizes. Errors of the kernel throw
 * `KERNEL_<ERRNO>`.
 */
export class BpfMap {
  readonly spec: MapSpec;
  readonly fd: number;
  /**
   * How many bytes a lookup fills: on per-CPU maps one value for each possible CPU, each rounded up
   * to 8.
   */
  readonly #lookupSize: number;

  constructor(spec: MapSpec, fd: number) {
    this.spec = spec;
    this.fd = fd;
    this.#lookupSize = PER_CPU.has(spec.type) ? strideOf(spec) * possibleCpus() : spec.valueSize;
  }

  /** The value of a key, undefined when there is none. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#lookupSize);
    const outcome = tryBpf(BPF_COMMAND.mapLookup, this.#element(key).pointer(16, value));
    if ("result" in outcome) return value;
    if (outcome.errno === "ENOENT") return undefined;
    throw kernelError(outcome.errno, `read BPF map "${this.spec.name}"`);
  }

  /** The values of a key of a per-CPU map, one for each possible CPU. */
  perCpuLookup(key: Uint8Array): Uint8Array[] | undefined {
    const all = this.lookup(key);
    if (all === undefined) return undefined;
    const stride = strideOf(this.spec);
    return Array.from({ length: Math.floor(all.length / stride) }, (_, cpu) =>
      all.subarray(cpu * stride, cpu * stride + this.spec.valueSize),
    );
  }

  /** Writes a key's value, on per-CPU maps those of all CPUs. */
  update(key: Uint8Array, value: Uint8Array): void {
    if (value.length !== this.#lookupSize)
      throw this.#wrongSize("value", value.length, this.#lookupSize);
    bpf(
      BPF_COMMAND.mapUpdate,
      this.#element(key).pointer(16, value),
      `write BPF map "${this.spec.name}"`,
    );
  }

  /** False when there was no such key. */
  delete(key: Uint8Array): boolean {
    const outcome = tryBpf(BPF_COMMAND.mapDelete, this.#element(key));
    if ("result" in outcome) return true;
    if (outcome.errno === "ENOENT") return false;
    throw kernelError(outcome.errno, `delete from BPF map "${this.spec.name}"`);
  }

  /**
   * All keys there are now. One that is deleted meanwhile may make the walk start over, so it ends
   * after twice the map's size.
   */
  *keys(): Generator<Uint8Array> {
    let previous: Uint8Array | undefined;
    for (let steps = 0; steps < this.spec.maxEntries * 2; steps += 1) {
      const next = new Uint8Array(this.spec.keySize);
      const attributes = new BpfAttributes(32).u32(0, this.fd).pointer(16, next);
      if (previous !== undefined) attributes.pointer(8, previous);
      const outcome = tryBpf(BPF_COMMAND.mapNextKey, attributes);
      if ("errno" in outcome) {
        if (outcome.errno === "ENOENT") return;
        throw kernelError(outcome.errno, `walk BPF map "${this.spec.name}"`);
      }
      yield next;
      previous = next;
    }
  }

  close(): void {
    libc.close(this.fd);
  }

  #element(key: Uint8Array): BpfAttributes {
    if (key.length !== this.spec.keySize)
      throw this.#wrongSize("key", key.length, this.spec.keySize);
    return new BpfAttributes(32).u32(0, this.fd).pointer(8, key);
  }

  #wrongSize(what: string, length: number, wanted: number): AppError {
    return new AppError(
      "BUG_MAP_SIZE",
      `Cannot use BPF map "${this.spec.name}": ${what} has ${length} bytes, not ${wanted}`,
    );
  }
}

/** Creates a map with its initial content. Throws `KERNEL_<ERRNO>`. */
export function createMap(spec: MapSpec): BpfMap {
  const attributes = new BpfAttributes(72)
    .u32(0, spec.type)
    .u32(4, spec.keySize)
    .u32(8, spec.valueSize)
    .u32(12, spec.maxEntries)
    .u32(16, spec.flags)
    .name(28, spec.name);
  const created = tryBpf(BPF_COMMAND.mapCreate, attributes);
  if ("errno" in created) throw creationError(spec, created.errno);
  const map = new BpfMap(spec, created.result);
  if (spec.content !== undefined) map.update(new Uint8Array(4), spec.content.slice());
  // Frozen content lets the verifier take it for constants and drop the branches that it rules out.
  if (spec.frozen)
    bpf(
      BPF_COMMAND.mapFreeze,
      new BpfAttributes(4).u32(0, map.fd),
      `freeze BPF map "${spec.name}"`,
    );
  return map;
}

function creationError(spec: MapSpec, errno: string): AppError {
  const doing = `create BPF map "${spec.name}"`;
  if (spec.type !== MAP_TYPE.ringbuf || errno !== "EINVAL") return kernelError(errno, doing);
  return new AppError("KERNEL_EINVAL", `Cannot ${doing}: EINVAL`, {
    hint: "ring buffers need Linux 5.8 or later, and a size that is a power of two",
  });
}

function strideOf(spec: MapSpec): number {
  return Math.ceil(spec.valueSize / 8) * 8;
}

/** One more than the highest CPU that may ever be present; a list such as `0-3,8-11`. */
function possibleCpus(): number {
  const text = readFileSync("/sys/devices/system/cpu/possible", "utf8");
  return Number(/(\d+)\s*$/.exec(text)?.[1] ?? 0) + 1;
}

const PER_CPU: ReadonlySet<number> = new Set([
  MAP_TYPE.percpuHash,
  MAP_TYPE.percpuArray,
  MAP_TYPE.lruPercpuHash,
]);
