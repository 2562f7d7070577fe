import type { Scene } from "../state/scene.ts";
import type { Correlation, Feed } from "./correlation.ts";
import { CorrelatedGroups } from "./correlated-groups.ts";
import { formatValue } from "./format-value.ts";

/** How far a match has brought its count or sequence. */
export interface Progress {
  /** Matches that belong together now, this one included; 0: this one came out of turn. */
  readonly matches: number;
  readonly isComplete: boolean;
  readonly spanNs: number;
}

/** What counts and sequences did not take into account, since the start. */
export interface CorrelatorStats {
  /** Matches that lack a value of `by`: nobody can tell what they belong to. */
  readonly withoutKey: number;
  /** Groups of matches that were forgotten before their time, for want of room. */
  readonly forgotten: number;
}

/** Memory for the groups of one count or sequence. */
const MAX_BYTES = 8 << 20;

/**
 * Brings together the matches that counts and sequences are made of. Time is that of the events,
 * so a capture gives the same as the host did.
 */
export class Correlator {
  readonly #groups = new Map<Correlation, CorrelatedGroups>();
  readonly #maxBytes: number;
  #withoutKey = 0;
  #forgotten = 0;

  constructor({ maxBytes = MAX_BYTES }: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = maxBytes;
  }

  stats(): CorrelatorStats {
    const now = [...this.#groups.values()].reduce((sum, { evicted }) => sum + evicted, 0);
    return { withoutKey: this.#withoutKey, forgotten: this.#forgotten + now };
  }

  /** Forgets all but these: others are gone from the rules, or have changed. */
  keep(correlations: readonly Correlation[]): void {
    for (const [correlation, { evicted }] of this.#groups) {
      if (correlations.includes(correlation)) continue;
      this.#forgotten += evicted;
      this.#groups.delete(correlation);
    }
  }

  /** Takes a match in; undefined when it lacks what would say to which others it belongs. */
  see({ correlation, step }: Feed, scene: Scene): Progress | undefined {
    const key = keyOf(correlation, scene);
    if (key === undefined) {
      this.#withoutKey += 1;
      return undefined;
    }
    let groups = this.#groups.get(correlation);
    if (groups === undefined) {
      const { withinMs } = correlation;
      groups = new CorrelatedGroups({ withinMs, maxBytes: this.#maxBytes });
      this.#groups.set(correlation, groups);
    }
    const now = Number(scene.event.timestamp / 1000n) / 1000;
    let progress = OUT_OF_TURN;
    groups.change(scene.container?.fullId ?? "", key, now, (times) => {
      progress = PROGRESS[correlation.kind](times, { correlation, step, now });
    });
    return progress;
  }
}

const OUT_OF_TURN: Progress = { matches: 0, isComplete: false, spanNs: 0 };

interface Match {
  readonly correlation: Correlation;
  readonly step: number;
  readonly now: number;
}

/** What a match makes of the times of its group, by the kind of correlation. */
const PROGRESS: Readonly<Record<Correlation["kind"], (times: number[], match: Match) => Progress>> =
  { count: counted, sequence: stepped };

/** `times`: of the matches within the time, in their order. */
function counted(times: number[], { correlation, now }: Match): Progress {
  const { threshold, withinMs } = correlation;
  times.push(now);
  const first = times.findIndex((time) => now - time <= withinMs);
  times.splice(0, first);
  const progress = progressOf(times.length, now - (times[0] ?? now), threshold);
  // The next alert takes as many matches again.
  if (progress.isComplete) times.length = 0;
  return progress;
}

/** `times`: for each step but the last, when the newest row that has come so far began. */
function stepped(times: number[], { correlation, step, now }: Match): Progress {
  const { threshold, withinMs } = correlation;
  if (step === 0) {
    times[0] = now;
    return progressOf(1, 0, threshold);
  }
  const start = times[step - 1] ?? NONE;
  if (start === NONE || now - start > withinMs || now < start) return OUT_OF_TURN;
  times[step - 1] = NONE;
  if (step < threshold - 1) times[step] = start;
  else if (times.every((time) => time === NONE)) times.length = 0;
  return progressOf(step + 1, now - start, threshold);
}

const NONE = -1;

function progressOf(matches: number, spanMs: number, threshold: number): Progress {
  return {
    matches,
    isComplete: matches >= threshold,
    spanNs: Math.max(0, Math.round(spanMs * 1e6)),
  };
}

/** The values of `by` as text; undefined where one is missing. */
function keyOf({ by }: Correlation, scene: Scene): string | undefined {
  let key = "";
  for (const { get, type } of by) {
    const value = get(scene);
    if (value === undefined) return undefined;
    const text = formatValue(value, type);
    // With its length: no value can look like the end of one and the beginning of another.
    key += `${text.length} ${text}`;
  }
  return key;
}
