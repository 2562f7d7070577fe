import type { Event } from "../events/event.ts";
import type { Resources } from "./process.ts";

/**
 * fdlimit to vm_swap, which execve and clone have in the same places; events of the first engines
 * have no memory among them.
 */
export function resourcesOf(event: Event, before: Resources | undefined): Resources {
  const hasMemory = event.has(12);
  return {
    descriptorLimit: event.int(7) ?? before?.descriptorLimit,
    majorFaults: hasMemory ? event.uint(8) : (before?.majorFaults ?? 0),
    minorFaults: hasMemory ? event.uint(9) : (before?.minorFaults ?? 0),
    virtualKb: hasMemory ? event.uint(10) : (before?.virtualKb ?? 0),
    residentKb: hasMemory ? event.uint(11) : (before?.residentKb ?? 0),
    swappedKb: hasMemory ? event.uint(12) : (before?.swappedKb ?? 0),
  };
}

/** `subsystem=path` of execve and clone; undefined in events of the first engines. */
export function cgroupsOf(event: Event): readonly string[] | undefined {
  return event.has(14) ? event.texts(14) : undefined;
}
