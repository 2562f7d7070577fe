import { join } from "node:path";
import type { BpfMap } from "../bpf/bpf-map.ts";
import { adoptObject, type InheritedObject, type LoadedObject } from "../bpf/load-object.ts";
import { RingBuffer, type OnRecord } from "../bpf/ring-buffer.ts";
import { RingPair } from "../bpf/ring-pair.ts";
import type { CallFilter } from "../events/call-filter.ts";
import { AppError } from "../lib/errors.ts";
import { type SharedInterval, sharedInterval } from "../lib/shared-interval.ts";
import { recordTime } from "../events/record.ts";
import { PROGRAM } from "../shipped/shipped-files.ts";
import { CallFilterMaps } from "./_call-filter-maps.ts";
import { CallTable } from "./_call-table.ts";
import { epochOffsetNs } from "./_epoch-offset.ts";
import { type LoadedProbe, loadProbe, type ProbeVariant } from "./_load-probe.ts";
import { isHookNeeded } from "./_hook-events.ts";
import { PendingRequests } from "./_pending-requests.ts";
import { FIRST_KEY, SETTINGS } from "./_probe-layout.ts";
import type { CgroupKey, EventOptions } from "./kernel-source.ts";
import type { Losses } from "./losses.ts";
import { type ProbeCounters, ProbeCounts } from "./probe-counters.ts";
import { probeArchitecture } from "./probe-sight.ts";

const NO_CODES: ReadonlySet<number> = new Set();
const NO_CALLS: ReadonlySet<number> = new Set();

export type { ProbeVariant } from "./_load-probe.ts";

/** How `openProbe` loads the probe, or adopts one that is attached already. */
export interface ProbeOptions {
  /** Where the compiled probe lies; by default the package's own `probe/`. */
  readonly objectDirectory?: string;
  /**
   * Size of the ring between kernel and us: a power of two, a whole number of pages. Default 8 MiB.
   * What changes state has a quarter of it besides.
   */
  readonly ringBytes?: number;
  /** Only this build of the probe; by default the best that the kernel takes. */
  readonly variant?: ProbeVariant | undefined;
  /** Process whose events are never sent: our own, lest each alert written raises an event. */
  readonly ownPid: number;
  /** What `handOver` gave, in the program before this one: nothing is loaded then. */
  readonly inherited?: InheritedProbe | undefined;
  /** Nanoseconds from a time since boot to the time of day, as it is now; asked again and again. */
  readonly epochOffset?: () => bigint;
}

/** An attached probe that goes from one program of this process to the next. JSON. */
export interface InheritedProbe {
  readonly variant: ProbeVariant;
  readonly seesIoUring: boolean;
  readonly seesPaths: boolean;
  readonly object: InheritedObject;
}

/**
 * Loads and attaches the probe; notices flow at once, events once they are enabled.
 * Throws `KERNEL_<ERRNO>` (no privilege, or a kernel too old), `KERNEL_NO_BTF`,
 * `KERNEL_ARCHITECTURE`, `INPUT_NO_PROBE`, `CONFIG_RING_SIZE`.
 */
export function openProbe(options: ProbeOptions): ProbeSource {
  const {
    objectDirectory = PACKAGE_PROBE,
    ringBytes = DEFAULT_RING_BYTES,
    inherited,
    variant: only,
  } = options;
  if (inherited !== undefined)
    return new ProbeSource({ ...inherited, object: adoptObject(inherited.object) }, options);
  if (
    !Number.isInteger(Math.log2(ringBytes)) ||
    ringBytes < SMALLEST_RING_BYTES ||
    ringBytes > LARGEST_RING_BYTES
  ) {
    throw new AppError(
      "CONFIG_RING_SIZE",
      `Cannot use a ring of ${ringBytes} bytes: it must be a power of two from 64 KiB to 1 GiB`,
    );
  }
  const stateRingBytes = Math.max(ringBytes / 4, SMALLEST_RING_BYTES);
  const loaded = loadProbe(objectDirectory, { ringBytes, stateRingBytes, only });
  const { object } = loaded;
  let source: ProbeSource | undefined;
  try {
    source = new ProbeSource(loaded, options);
    object.attach((attach) => isHookNeeded(attach, NO_CODES));
    return source;
  } catch (thrown) {
    source?.close();
    object.close();
    throw thrown;
  }
}

/** The live kernel as a source of records. */
export class ProbeSource {
  readonly variant: ProbeVariant;
  /**
   * False before Linux 6.0, and where the kernel does not take these programs; listening sockets
   * are seen all the same.
   */
  readonly seesIoUring: boolean;
  /**
   * False where the kernel shows no program where the paths of links, renames and the like lead:
   * they count as they were passed.
   */
  readonly seesPaths: boolean;
  readonly #object: LoadedObject;
  readonly #rings: RingPair;
  readonly #counts: ProbeCounts;
  readonly #callFilter: CallFilterMaps;
  readonly #calls: CallTable;
  readonly #hostCgroups: BpfMap;
  readonly #requests: PendingRequests;
  readonly #settings: BpfMap;
  readonly #ownPid: number;
  readonly #measureOffset: () => bigint;
  #epochOffset: bigint;
  #codes: ReadonlySet<number> = NO_CODES;
  #onRecord: OnRecord | undefined;
  #unread = 0;
  /** What the probe has as its settings. */
  #bytes = new Uint8Array(SETTINGS.size);
  /** How often `host_cgroups` has changed. */
  #hosts: number;
  #clockChecks: SharedInterval | undefined;
  #last: ProbeCounters | undefined;
  #requestChecks: SharedInterval | undefined;

  constructor(
    { object, variant, seesIoUring, seesPaths }: LoadedProbe,
    { ownPid, epochOffset }: ProbeOptions,
  ) {
    this.#measureOffset = epochOffset ?? epochOffsetNs;
    this.#epochOffset = this.#measureOffset();
    this.variant = variant;
    this.seesIoUring = seesIoUring;
    this.seesPaths = seesPaths;
    this.#object = object;
    this.#ownPid = ownPid;
    this.#settings = object.map("settings");
    this.#hosts = u32At(this.#settings.lookup(FIRST_KEY), SETTINGS.hosts);
    this.#counts = new ProbeCounts(object);
    this.#callFilter = new CallFilterMaps(object);
    this.#calls = new CallTable(object.map("calls"), probeArchitecture());
    this.#hostCgroups = object.map("host_cgroups");
    this.#requests = new PendingRequests(object.map("requests"));
    this.#useSettings(NO_CODES, {});
    this.#rings = new RingPair({
      first: new RingBuffer(object.map("state_events")),
      bulk: new RingBuffer(object.map("events")),
      timeOf: recordTime,
    });
  }

  /**
   * Hands over records (layout: events/record.ts) until `close`; what `onRecord` throws is an
   * unhandled rejection.
   */
  start(onRecord: OnRecord): void {
    this.#requestChecks = sharedInterval(() => this.#requests.forgetGone(), REQUEST_CHECK_MS);
    this.#clockChecks = sharedInterval(() => this.#followClock(), CLOCK_CHECK_MS);
    this.#onRecord = onRecord;
    void this.#rings.run(onRecord);
  }

  /**
   * Sends events of these scap codes only, the generic one for these calls, and with programs that
   * start their environment where that is asked for; takes effect at once. Programs that have nothing
   * to do then hang nowhere. Throws `KERNEL_<ERRNO>` when one cannot be hung; all is as before then.
   */
  setEnabled(codes: ReadonlySet<number>, options: EventOptions = {}): void {
    // What both sets ask for goes on: who is new comes first, and who is to go leaves last.
    const both = codes.union(this.#codes);
    this.#object.attach((attach) => isHookNeeded(attach, both));
    this.#requests.forgetEvents(codes.difference(this.#codes));
    this.#useSettings(codes, options);
    this.#object.attach((attach) => isHookNeeded(attach, codes));
  }

  #useSettings(
    codes: ReadonlySet<number>,
    { environment = false, genericCalls = NO_CALLS }: EventOptions,
  ): void {
    this.#codes = codes;
    this.#counts.enabled(codes);
    const bytes = new Uint8Array(SETTINGS.size);
    this.#bytes = bytes;
    const view = new DataView(bytes.buffer);
    view.setBigInt64(SETTINGS.epochOffset, this.#epochOffset, true);
    view.setUint32(SETTINGS.ownPid, this.#ownPid, true);
    view.setUint32(SETTINGS.flags, environment ? SETTING_ENVIRONMENT : 0, true);
    view.setUint32(SETTINGS.hosts, this.#hosts, true);
    for (const code of codes) {
      if (code >= SETTINGS.codes) continue;
      bytes[SETTINGS.enabled + code] = 1;
    }
    this.#settings.update(FIRST_KEY, bytes);
    this.#calls.use({ codes, genericCalls });
  }

  /**
   * Leaves calls in the kernel that do not pass the filter; undefined sends all. While it changes
   * all are sent.
   */
  setCallFilter(filter: CallFilter | undefined): void {
    this.#callFilter.use(filter);
  }

  /**
   * Tells whether a cgroup is no container's: calls from there need not be sent to rules about
   * containers. Of others both is held possible.
   */
  setHostCgroup({ id, isV1 }: CgroupKey, isHost: boolean): void {
    const key = new Uint8Array(BigUint64Array.of(BigInt(id) | (isV1 ? 1n << 63n : 0n)).buffer);
    if (isHost) this.#hostCgroups.update(key, new Uint8Array([1]));
    else this.#hostCgroups.delete(key);
    // Each CPU remembers what the map said of the last ones.
    this.#hosts = (this.#hosts + 1) >>> 0;
    new DataView(this.#bytes.buffer).setUint32(SETTINGS.hosts, this.#hosts, true);
    this.#settings.update(FIRST_KEY, this.#bytes);
  }

  /** Still answers after `close`, with the last numbers. */
  counters(): ProbeCounters {
    return this.#last ?? this.#counts.counters(this.#unread);
  }

  /** The part of `counters` that is cheap enough to be asked often. */
  losses(): Losses {
    return this.#last?.dropped ?? this.#counts.losses(this.#unread);
  }

  /**
   * For the program that takes this one's place (execve(2)): the probe stays attached, and what
   * comes meanwhile stays in the ring.
   */
  handOver(): InheritedProbe {
    return {
      variant: this.variant,
      seesIoUring: this.seesIoUring,
      seesPaths: this.seesPaths,
      object: this.#object.handOver(),
    };
  }

  /**
   * The time of day may be set, and is nudged all the time: events of a second at most have the time
   * that held before.
   */
  #followClock(): void {
    const offset = this.#measureOffset();
    const apart = offset - this.#epochOffset;
    if (apart > -CLOCK_TOLERANCE_NS && apart < CLOCK_TOLERANCE_NS) return;
    this.#epochOffset = offset;
    new DataView(this.#bytes.buffer).setBigInt64(SETTINGS.epochOffset, offset, true);
    this.#settings.update(FIRST_KEY, this.#bytes);
  }

  /**
   * Detaches the probe and hands over what came before, for `LAST_MS` at the most and within the same
   * turn; what is in the ring then counts as `unread`. Safe to call twice.
   */
  close(): void {
    if (this.#last !== undefined) return;
    this.#requestChecks?.close();
    this.#clockChecks?.close();
    this.#useSettings(NO_CODES, {});
    // From here on nothing comes that would be in the ring and not in the counters yet.
    this.#object.detach();
    if (this.#onRecord !== undefined) this.#unread = this.#rings.finish(this.#onRecord, LAST_MS);
    this.#last = this.#counts.last(this.#unread);
    this.#rings.close();
    this.#object.close();
  }
}

/** Bits of `flags`. */
const SETTING_ENVIRONMENT = 1;

/** A full ring takes a fraction of it on a machine that has little else to do. */
const LAST_MS = 1500;

/** How long a process that is gone may keep places of requests. */
const REQUEST_CHECK_MS = 10_000;
const CLOCK_CHECK_MS = 1000;
const CLOCK_TOLERANCE_NS = 500_000n;

function u32At(bytes: Uint8Array | undefined, at: number): number {
  return bytes === undefined
    ? 0
    : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

const PACKAGE_PROBE = join(PROGRAM, "probe");
const DEFAULT_RING_BYTES = 8 * 1024 * 1024;
/** One page where pages are largest (arm64). */
const SMALLEST_RING_BYTES = 64 * 1024;
const LARGEST_RING_BYTES = 1024 * 1024 * 1024;
