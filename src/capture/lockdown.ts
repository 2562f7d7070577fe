import { readFileSync } from "node:fs";
import { AppError } from "../lib/errors.ts";

const LOCKDOWN = "/sys/kernel/security/lockdown";

/**
 * Why the kernel refuses every probe when it is locked down for confidentiality
 * (kernel_lockdown(7)): then no BPF program may read its memory. The error that a
 * load gave otherwise.
 */
export function withLockdown(problem: unknown, path = LOCKDOWN): unknown {
  if (lockdownMode(path) !== "confidentiality") return problem;
  return new AppError(
    "KERNEL_LOCKDOWN",
    "Cannot load the probe: this kernel is locked down for confidentiality, and lets no BPF program read its memory",
    { hint: "start it with lockdown=integrity", cause: problem },
  );
}

/** `none`, `integrity` or `confidentiality`; undefined where the kernel does not say. */
export function lockdownMode(path = LOCKDOWN): string | undefined {
  try {
    return /\[(\w+)\]/.exec(readFileSync(path, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}
