import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type HandedProbe, openProbe, type ProbeSource } from "../capture/probe.ts";
import { AppError } from "../lib/errors.ts";
import { type Capability, type CapabilitySet, capabilitySet, gainNothingMore, has, ownCapabilities, setCapabilities } from "../libc/capabilities.ts";

export interface ConfinementOptions {
  readonly ringBytes: number;
  readonly ownPid: number;
  /** Ports are examined inside of their containers' network namespaces. */
  readonly entersNamespaces: boolean;
  /** Absolute paths of files and folders that are written to. */
  readonly writes: readonly string[];
  readonly environment: Environment;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** How the probe is told to the program that comes after. */
const HANDED = "SAKER_PROBE";

/**
 * Loads the probe and starts this program anew in its place, with the probe handed over and without the capabilities that were needed for loading it alone. Giving them
 * up in place would reach this thread only, and not those that Node has started. Returns where that is done already or where there is nothing to give up, and
 * where the probe does not load: whoever opens it says why.
 */
export function confine(options: ConfinementOptions): void {
  const own = ownCapabilities().permitted;
  if (options.environment[HANDED] !== undefined || (own & ~keptCapabilities(options)) === 0n || typeof process.execve !== "function") return;
  const probe = tryProbe(options);
  if (probe === undefined) return;
  const kept = own & (keptCapabilities(options) | forMaps(probe, own));
  const handed = JSON.stringify(probe.handOver());
  gainNothingMore();
  setCapabilities({ permitted: kept, effective: kept });
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], { ...options.environment, [HANDED]: handed });
}

/** The probe that the program before this one has loaded. Throws `CONFIG_PROBE`. */
export function handedProbe(environment: Environment): HandedProbe | undefined {
  const text = environment[HANDED];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as HandedProbe;
  } catch {
    throw new AppError("CONFIG_PROBE", `Cannot take over a probe: ${HANDED} is not what Saker sets itself`, { hint: `start without ${HANDED}` });
  }
}

/** Of the capabilities of a watch those that it needs after its start. */
function keptCapabilities({ entersNamespaces, writes }: ConfinementOptions): CapabilitySet {
  // Other users' processes: what they are, and what they have open.
  const kept: Capability[] = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"];
  if (entersNamespaces) kept.push("CAP_SYS_ADMIN");
  // Root's own files need no more than being root.
  if (writes.some((path) => ownerOf(path) !== process.geteuid?.())) kept.push("CAP_DAC_OVERRIDE");
  return capabilitySet(kept);
}

/** Of what is there of a path. */
function ownerOf(path: string): number | undefined {
  if (existsSync(path)) return statSync(path).uid;
  return dirname(path) === path ? undefined : ownerOf(dirname(path));
}

function tryProbe({ ringBytes, ownPid }: ConfinementOptions): ProbeSource | undefined {
  try {
    return openProbe({ ringBytes, ownPid });
  } catch {
    return undefined;
  }
}

/** What using the probe's maps takes: nothing from Linux 5.19 on; before, and where an administrator forbids it, CAP_BPF or what stood for it once. */
function forMaps(probe: ProbeSource, own: CapabilitySet): CapabilitySet {
  setCapabilities({ permitted: own, effective: own & ~capabilitySet(["CAP_BPF", "CAP_SYS_ADMIN"]) });
  try {
    probe.losses();
    return 0n;
  } catch {
    return capabilitySet([has(own, "CAP_BPF") ? "CAP_BPF" : "CAP_SYS_ADMIN"]);
  } finally {
    setCapabilities({ permitted: own, effective: own });
  }
}
