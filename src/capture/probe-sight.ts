import { type ProbeArchitecture, probeEvents, type SeenEvents } from "../events/probe-events.ts";
import { AppError } from "../lib/errors.ts";

/** This machine's, as the probe's objects are called. Throws `KERNEL_ARCHITECTURE` where there is none. */
export function probeArchitecture(): ProbeArchitecture {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new AppError(
    "KERNEL_ARCHITECTURE",
    `Cannot load a probe on "${process.arch}": there is one for x64 and arm64 only`,
  );
}

/** What the probe can send on this machine; rules may be checked on any. */
export const PROBE_EVENTS: SeenEvents = probeEvents(process.arch === "arm64" ? "arm64" : "x64");
