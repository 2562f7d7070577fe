import { readFileSync } from "node:fs";
import { check, libc } from "./libc.ts";

/**
 * Numbers of the capabilities that Saker speaks of (capabilities(7),
 * include/uapi/linux/capability.h).
 */
export const CAPABILITIES = {
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

/** The name of a capability that Saker knows of (capabilities(7)). */
export type Capability = keyof typeof CAPABILITIES;

/** Capabilities as a set of bits, by their numbers. */
export type CapabilitySet = bigint;

/** The set of these capabilities. */
export function capabilitySet(names: Iterable<Capability>): CapabilitySet {
  let set = 0n;
  for (const name of names) set |= 1n << BigInt(CAPABILITIES[name]);
  return set;
}

/** True when the set has this capability. */
export function has(set: CapabilitySet, name: Capability): boolean {
  return (set & capabilitySet([name])) !== 0n;
}

/** What this thread may make use of, and what it uses now. */
export function ownCapabilities(): {
  readonly permitted: CapabilitySet;
  readonly effective: CapabilitySet;
} {
  const status = readFileSync("/proc/thread-self/status", "utf8");
  const set = (line: string): CapabilitySet =>
    BigInt(`0x${new RegExp(`^${line}:\\s*(\\w+)`, "m").exec(status)?.[1] ?? "0"}`);
  return { permitted: set("CapPrm"), effective: set("CapEff") };
}

interface Sets {
  readonly permitted: CapabilitySet;
  readonly effective: CapabilitySet;
}

/**
 * Sets what this thread may and does use; what it hands to programs that it starts stays within
 * that. Throws `KERNEL_EPERM` for what it may not.
 */
export function setCapabilities(sets: Sets): void {
  setAll(sets, 0n);
}

/**
 * Hands these to programs that this thread starts, though they are not root's: as inheritable and
 * ambient ones (capabilities(7)).
 */
export function setInheritedCapabilities(set: CapabilitySet): void {
  setAll({ permitted: set, effective: set }, set);
  for (let number = 0n; number < 64n; number += 1n) {
    if (((set >> number) & 1n) === 1n)
      check(
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, Number(number), 0, 0),
        "hand over capabilities",
      );
  }
}

function setAll({ permitted, effective }: Sets, inheritable: CapabilitySet): void {
  const words = (set: CapabilitySet): readonly [number, number] => [
    Number(set & 0xffff_ffffn),
    Number(set >> 32n),
  ];
  const [effectives, permitteds, inheritables] = [
    words(effective),
    words(permitted),
    words(inheritable),
  ];
  const header = new Uint8Array(new Uint32Array([VERSION_3, 0]).buffer);
  const data = new Uint8Array(
    new Uint32Array([
      effectives[0],
      permitteds[0],
      inheritables[0],
      effectives[1],
      permitteds[1],
      inheritables[1],
    ]).buffer,
  );
  check(libc.syscall(CAPSET, "void *", header, "void *", data), "give up capabilities");
}

/**
 * From now on no program that this process starts gains privileges, not even as root:
 * prctl(PR_SET_NO_NEW_PRIVS).
 */
export function gainNothingMore(): void {
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "renounce new privileges");
}

/** _LINUX_CAPABILITY_VERSION_3 */
const VERSION_3 = 0x2008_0522;
const CAPSET = process.arch === "arm64" ? 91 : 126;
const PR_SET_NO_NEW_PRIVS = 38;
const [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE] = [47, 2];
