import { createHash } from "node:crypto";
import type { Alert } from "../alerts/alert.ts";
import type { RepeatSettings } from "../config/settings.ts";

/** What an alert is known by before it is made. */
export interface AlertFacts {
  readonly rule: string;
  /** `container.id`; undefined where it is not known. */
  readonly container: string | undefined;
  /** Values of the settings' fields. */
  readonly values: readonly (string | undefined)[];
  /**
   * Of an opened port its protocol, address and number, or UNKNOWN_PORT; undefined for all else.
   */
  readonly port: string | undefined;
}

/** An opened port that cannot be told from others: its alert is published whatever there was. */
export const UNKNOWN_PORT = "";

/** What repeats, and who gets what is left of it. */
export interface RepeatedAlertsOptions {
  readonly settings: RepeatSettings;
  readonly publish: (alert: Alert) => void;
}

/** Since the start: alerts that were counted alone, and lines that say how many there were. */
export interface RepeatedAlertsStats {
  readonly repeats: number;
  readonly lines: number;
}

/** Alerts that are counted together. */
interface Tally {
  seen: number;
  folded: number;
  /** Of those that are only counted the first. */
  sample: Alert | undefined;
  /** Beyond its limit in this interval or a short while ago. */
  isFlood: boolean;
  /** Intervals in a row within the limit. */
  quiet: number;
}

interface ContainerTally {
  /** All of its alerts. */
  readonly whole: Tally;
  readonly identical: Map<string, Tally>;
  /** By rule, when the container as a whole is beyond its limit. */
  readonly rules: Map<string, Tally>;
}

/**
 * Keeps repetitions from filling disks and mailboxes. Of alerts with the same rule and fields so many
 * are published in an interval, and of a container so many in all; those beyond become one at the
 * interval's end, "seen N more times". After that the first of each interval is published at once,
 * until there were few for a minute. The first of each rule of a container always is, and so is each
 * opened port: what is counted alone is an opening once more of one that was told during a flood.
 */
export class RepeatedAlerts {
  readonly #options: RepeatedAlertsOptions;
  readonly #containers = new Map<string, ContainerTally>();
  /** Ports that were told while their container flooded. */
  readonly #ports = new Set<string>();
  #tallies = 0;
  #repeats = 0;
  #lines = 0;
  /** Epoch nanoseconds of the interval's first alert; undefined when there is none. */
  #since: bigint | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RepeatedAlertsOptions) {
    this.#options = options;
  }

  stats(): RepeatedAlertsStats {
    return { repeats: this.#repeats, lines: this.#lines };
  }

  /** `time`: of its event, epoch nanoseconds; `make` is called when the alert is needed. */
  alert(facts: AlertFacts, time: bigint, make: () => Alert): void {
    this.#begin(time);
    const tally = this.#foldedInto(facts);
    if (tally === undefined) {
      this.#options.publish(make());
      return;
    }
    tally.folded += 1;
    tally.sample ??= make();
    this.#repeats += 1;
  }

  /** What was only counted so far is published. */
  close(): void {
    this.#end();
  }

  /** By the events' own time, so that old alerts out of a file are taken as they happened. */
  #begin(time: bigint): void {
    const { intervalMs } = this.#options.settings;
    if (this.#since !== undefined && time - this.#since >= BigInt(intervalMs) * NS_IN_MS)
      this.#end();
    if (this.#since !== undefined) return;
    this.#since = time;
    this.#timer = setTimeout(() => this.#end(), intervalMs).unref();
  }

  /** Undefined when the alert is to be published. */
  #foldedInto(facts: AlertFacts): Tally | undefined {
    const { max, containerMax } = this.#options.settings;
    const container = this.#containerOf(facts.container ?? "");
    const isOver = count(container.whole, containerMax, 0);
    if (facts.port !== undefined)
      return isOver && this.#isKnownPort(facts)
        ? this.#tally(container.rules, facts.rule)
        : undefined;
    const key = keyOf(facts);
    if (isOver || !this.#hasRoom(container.identical, key)) {
      const rule = this.#tally(container.rules, facts.rule);
      return count(rule, 1, 1) ? rule : undefined;
    }
    const identical = this.#tally(container.identical, key);
    return count(identical, max, 1) ? identical : undefined;
  }

  #containerOf(id: string): ContainerTally {
    const name = this.#containers.size < CONTAINERS_MAX || this.#containers.has(id) ? id : OTHERS;
    const known = this.#containers.get(name);
    if (known !== undefined) return known;
    const fresh = { whole: newTally(), identical: new Map(), rules: new Map() };
    this.#containers.set(name, fresh);
    return fresh;
  }

  /** Who varies what its alerts are known by fills its own part of the table. */
  #hasRoom(identical: ReadonlyMap<string, Tally>, key: string): boolean {
    return this.#tallies < TALLIES_MAX || identical.size < TALLIES_FAIR || identical.has(key);
  }

  #isKnownPort({ container, port }: AlertFacts): boolean {
    if (port === UNKNOWN_PORT) return false;
    const key = `${container} ${port}`;
    if (this.#ports.has(key)) return true;
    if (this.#ports.size >= PORTS_MAX) this.#ports.clear();
    this.#ports.add(key);
    return false;
  }

  #tally(tallies: Map<string, Tally>, key: string): Tally {
    const known = tallies.get(key);
    if (known !== undefined) return known;
    const fresh = newTally();
    tallies.set(key, fresh);
    this.#tallies += 1;
    return fresh;
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#since = undefined;
    const { max, containerMax } = this.#options.settings;
    for (const [id, { whole, identical, rules }] of this.#containers) {
      this.#endAll(identical, max, "");
      this.#endAll(rules, 1, `, counted for ${WHOLES[id] ?? "the whole container"}`);
      if (isOver(whole, containerMax) || identical.size + rules.size > 0) continue;
      this.#containers.delete(id);
    }
    if (this.#containers.size === 0) this.#ports.clear();
  }

  #endAll(tallies: Map<string, Tally>, limit: number, scope: string): void {
    for (const [key, tally] of tallies) {
      this.#publishRepeats(tally, scope);
      if (isOver(tally, limit)) continue;
      tallies.delete(key);
      this.#tallies -= 1;
    }
  }

  #publishRepeats(tally: Tally, scope: string): void {
    const { folded, sample } = tally;
    if (sample === undefined) return;
    tally.folded = 0;
    tally.sample = undefined;
    const { settings, publish } = this.#options;
    const seen = `seen ${folded} more ${folded === 1 ? "time" : "times"}`;
    const message = `${sample.message} (${seen} in ${settings.intervalMs / 1000} s${scope})`;
    this.#lines += 1;
    publish({ ...sample, message, outputFields: { ...sample.outputFields, [REPEATS]: folded } });
  }
}

/** The output field that says how many alerts one stands for. */
export const REPEATS = "saker.repeats";

function newTally(): Tally {
  return { seen: 0, folded: 0, sample: undefined, isFlood: false, quiet: 0 };
}

/** True beyond the limit; in a flood beyond `inFlood`. */
function count(tally: Tally, limit: number, inFlood: number): boolean {
  tally.seen += 1;
  if (limit === 0) return false;
  if (tally.seen > limit) tally.isFlood = true;
  return tally.seen > (tally.isFlood ? Math.min(limit, inFlood) : limit);
}

/** Ends a tally's interval; true when it is kept, since it flooded a short while ago. */
function isOver(tally: Tally, limit: number): boolean {
  const isWithin = limit === 0 || tally.seen <= limit;
  tally.quiet = isWithin ? tally.quiet + 1 : 0;
  tally.seen = 0;
  if (tally.quiet >= QUIET_INTERVALS) tally.isFlood = false;
  return tally.isFlood;
}

/** Long values (a path may have 4096 bytes) are not kept. */
function keyOf({ rule, values }: AlertFacts): string {
  const key = [rule, ...values].join("\0");
  return key.length <= KEY_MAX ? key : createHash("sha256").update(key).digest("base64");
}

const NS_IN_MS = 1_000_000n;
const KEY_MAX = 256;
/** Containers beyond CONTAINERS_MAX, together. */
const OTHERS = "\0";
/** Whose alerts are counted together, by `container.id`. */
const WHOLES: Readonly<Record<string, string>> = {
  host: "the whole host",
  "": "all that names no container",
  [OTHERS]: "many containers",
};
const CONTAINERS_MAX = 1024;
/** Of all containers; some 300 bytes each. */
const TALLIES_MAX = 8192;
/** A container has so many whatever others do. */
const TALLIES_FAIR = 16;
const PORTS_MAX = 65_536;
/** How long a flood must be over until its alerts are published as before. */
const QUIET_INTERVALS = 6;
