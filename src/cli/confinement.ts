import { existsSync, readlinkSync } from "node:fs";
import { isSea } from "node:sea";
import { descriptorsOf } from "../bpf/load-object.ts";
import { type InheritedProbe, openProbe, type ProbeSource } from "../capture/probe.ts";
import { AppError } from "../lib/errors.ts";
import {
  type Capability,
  type CapabilitySet,
  capabilitySet,
  gainNothingMore,
  setInheritedCapabilities,
  has,
  ownCapabilities,
  setCapabilities,
} from "../libc/capabilities.ts";
import { whyNotWritable } from "./writable.ts";

/** What the watch will do, as far as it decides which capabilities it keeps; sizes in bytes. */
export interface ConfinementOptions {
  readonly ringBytes: number;
  readonly ownPid: number;
  /** Ports are examined inside of their containers' network namespaces. */
  readonly entersNamespaces: boolean;
  /** nmap examines them, as a user without rights. */
  readonly startsNmap: boolean;
  /** TCP ports that are listened at; 0 for any. */
  readonly listensAt: readonly number[];
  /** Absolute paths of files and folders that are written to. */
  readonly writes: readonly string[];
  readonly environment: Environment;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** How the probe is told to the program that comes after. */
export const INHERITED_PROBE = "SAKER_PROBE";

/**
 * Loads the probe and starts this program anew in its place, with the probe inherited over and without
 * the capabilities that were needed for loading it alone. Giving them
 * up in place would reach this thread only, and not those that Node has started. Returns where that
 * is done already or where there is nothing to give up, and
 * where the probe does not load: whoever opens it says why.
 */
export function confine(options: ConfinementOptions): void {
  const own = ownCapabilities().permitted;
  const isDone = options.environment[INHERITED_PROBE] !== undefined;
  if (
    isDone ||
    (own & ~capabilitySet(ALWAYS_KEPT)) === 0n ||
    typeof process.execve !== "function" ||
    !existsSync(process.execPath)
  )
    return;
  const probe = tryProbe(options);
  if (probe === undefined) return;
  const kept = own & (keptCapabilities(options, own) | forMaps(probe, own));
  const inherited = JSON.stringify({ pid: process.pid, ...probe.handOver() });
  gainNothingMore();
  setCapabilities({ permitted: kept, effective: kept });
  // Root's programs have by themselves what is permitted, those of others only what they are
  // inherited.
  if (process.geteuid?.() !== 0) setInheritedCapabilities(kept);
  process.execve(process.execPath, [process.execPath, ...ownArguments()], {
    ...options.environment,
    [INHERITED_PROBE]: inherited,
  });
}

/** A one-file program has Node's options within, and stands in the place of the script, too. */
function ownArguments(): readonly string[] {
  return isSea() ? process.argv.slice(2) : [...process.execArgv, ...process.argv.slice(1)];
}

/**
 * The probe that the program before this one has loaded. Throws `CONFIG_PROBE` when somebody else
 * has set the variable.
 */
export function inheritedProbe(environment: Environment): InheritedProbe | undefined {
  const text = environment[INHERITED_PROBE];
  if (text === undefined) return undefined;
  const inherited = parseInherited(text);
  if (inherited === undefined) {
    throw new AppError(
      "CONFIG_PROBE",
      `Cannot take over a probe: ${INHERITED_PROBE} is not what this very process has set`,
      { hint: `start without ${INHERITED_PROBE}` },
    );
  }
  return inherited;
}

/**
 * Undefined for everything but what `confine` wrote in this process: then every descriptor is a
 * map, a link or a program of BPF's, or the event of a kprobe.
 */
function parseInherited(text: string): InheritedProbe | undefined {
  try {
    const { pid, ...inherited } = JSON.parse(text) as InheritedProbe & { readonly pid: number };
    const fds = descriptorsOf(inherited.object);
    const isWhole =
      pid === process.pid &&
      fds.length > 0 &&
      fds.every((fd) =>
        /^anon_inode:\[?(?:bpf|perf_event)/.test(readlinkSync(`/proc/self/fd/${fd}`)),
      );
    return isWhole ? inherited : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What every watch needs after its start: to look at other users' processes, and at what they have
 * open.
 */
const ALWAYS_KEPT: readonly Capability[] = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"];

/** Of the capabilities of a watch those that it needs after its start. */
function keptCapabilities(
  { entersNamespaces, startsNmap, listensAt, writes }: ConfinementOptions,
  own: CapabilitySet,
): CapabilitySet {
  const kept = [...ALWAYS_KEPT];
  if (entersNamespaces) kept.push("CAP_SYS_ADMIN");
  if (startsNmap) kept.push("CAP_SETUID", "CAP_SETGID");
  if (listensAt.some((port) => port > 0 && port < 1024)) kept.push("CAP_NET_BIND_SERVICE");
  if (
    !withoutEffective(own, ["CAP_DAC_OVERRIDE"], () =>
      writes.every((path) => whyNotWritable(path) === undefined),
    )
  )
    kept.push("CAP_DAC_OVERRIDE");
  return capabilitySet(kept);
}

function tryProbe({ ringBytes, ownPid }: ConfinementOptions): ProbeSource | undefined {
  try {
    return openProbe({ ringBytes, ownPid });
  } catch {
    return undefined;
  }
}

/**
 * What using the probe's maps takes: nothing from Linux 5.19 on; before, and where an administrator
 * forbids it, CAP_BPF or what stood for it once.
 */
function forMaps(probe: ProbeSource, own: CapabilitySet): CapabilitySet {
  const isUsable = withoutEffective(own, ["CAP_BPF", "CAP_SYS_ADMIN"], () => {
    try {
      return probe.losses() !== undefined;
    } catch {
      return false;
    }
  });
  return isUsable ? 0n : capabilitySet([has(own, "CAP_BPF") ? "CAP_BPF" : "CAP_SYS_ADMIN"]);
}

/** What `act` gives while this thread makes no use of these capabilities. */
function withoutEffective<T>(own: CapabilitySet, names: readonly Capability[], act: () => T): T {
  setCapabilities({ permitted: own, effective: own & ~capabilitySet(names) });
  try {
    return act();
  } finally {
    setCapabilities({ permitted: own, effective: own });
  }
}
