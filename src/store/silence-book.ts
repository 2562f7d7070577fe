import { isDeepStrictEqual } from "node:util";
import type { Alert } from "../alerts/alert.ts";
import { messageOf } from "../lib/errors.ts";
import { type SharedInterval, sharedInterval } from "../lib/shared-interval.ts";
import {
  addSilence,
  makeSilenceFolder,
  readSilencedCounts,
  readSilences,
  silencesState,
  removeSilence,
  writeSilencedCounts,
} from "./silence-folder.ts";
import { isMeant, scopeText, type Silence, type SilenceRequest, untilText } from "./silence.ts";

/** Where silences lie, and who hears of them. */
export interface SilenceBookOptions {
  /** Others change it, too: `saker silence` does. */
  readonly folder: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** False for a name that no rule has that could give an alert now. */
  readonly isRule?: (name: string) => boolean;
  readonly onNote: (text: string) => void;
  readonly onProblem: (text: string) => void;
}

/** A silence and how many alerts it has silenced. */
export interface CountedSilence extends Silence {
  readonly count: number;
}

/**
 * The silences of a watch: which alert is silenced, how many were. What its folder says is looked at
 * once a second, without waiting for the disk; it says when one begins and when one has ended.
 */
export class SilenceBook {
  readonly #options: SilenceBookOptions;
  #silences: ReadonlyMap<string, Silence> = new Map();
  #byRule = new Map<string, Silence[]>();
  #counts = new Map<string, number>();
  #isCountNew = false;
  #problem = "";
  #follower: (silences: readonly Silence[]) => void = () => {};
  /** One look or change at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #looks: SharedInterval | undefined;
  /** What was read last was all there is. */
  #isWhole = false;
  /** The folder's state at the last look and, where nothing was read anew since, at the one before. */
  #seen = "";
  #settled = "";

  constructor(options: SilenceBookOptions) {
    this.#options = options;
  }

  /** Resolves when the silences of before are known. */
  async start(): Promise<void> {
    const { folder, onProblem } = this.#options;
    try {
      makeSilenceFolder(folder);
    } catch (thrown) {
      return onProblem(`${messageOf(thrown)}; nothing is silenced`);
    }
    this.#counts = await readSilencedCounts(folder);
    await this.#look();
    let isLooking = false;
    this.#looks = sharedInterval(() => {
      if (isLooking) return;
      isLooking = true;
      void this.#lookAgain().finally(() => (isLooking = false));
    }, LOOK_MS);
  }

  /**
   * The id of the silence that an alert falls under: it is counted there. What Saker says of its own
   * losses (source `internal`) is never silenced.
   */
  silencedBy(alert: Alert): string | undefined {
    const silences = this.#byRule.get(alert.rule);
    if (silences === undefined || alert.source === "internal") return undefined;
    const now = this.#options.now();
    const found = silences.find((silence) => silence.until > now && isMeant(silence, alert));
    if (found !== undefined) this.count(found.id, 1);
    return found?.id;
  }

  /** Is told at once, and after each change, which silences hold. */
  follow(follower: (silences: readonly Silence[]) => void): void {
    this.#follower = follower;
    follower([...this.#silences.values()]);
  }

  /** Alerts that were silenced by who follows. */
  count(id: string, count: number): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + count);
    this.#isCountNew = true;
  }

  /** The next to end first. */
  list(): readonly CountedSilence[] {
    return [...this.#silences.values()]
      .map((silence) => ({ ...silence, count: this.#counts.get(silence.id) ?? 0 }))
      .toSorted((one, other) => one.until - other.until);
  }

  /** Throws `USAGE_SILENCE`, `CONFIG_STORE`. */
  async add(request: SilenceRequest): Promise<CountedSilence> {
    const { folder, now } = this.#options;
    const added = await addSilence(folder, request, now());
    await this.#look();
    return { ...added, count: 0 };
  }

  /** False when there is none of that id. */
  async end(id: string): Promise<boolean> {
    const isEnded = await removeSilence(this.#options.folder, id);
    await this.#look();
    return isEnded;
  }

  async close(): Promise<void> {
    if (this.#looks === undefined) return;
    this.#looks.close();
    await this.#look();
  }

  /**
   * Reads nothing where nothing has changed. A change within the same tick of the file system's clock
   * leaves no trace: so what was read a second later, too, is all.
   */
  async #lookAgain(): Promise<void> {
    const state = silencesState(this.#options.folder, this.#silences.keys());
    const hasEnded = this.#silences.values().some(({ until }) => until <= this.#options.now());
    if (state === this.#settled && !hasEnded && !this.#isCountNew) return;
    await this.#look();
    this.#settled = this.#isWhole && state === this.#seen ? state : "";
    this.#seen = state;
  }

  #look(): Promise<void> {
    const looked = this.#turn.then(() => this.#readFolder());
    this.#turn = looked.catch((thrown: unknown) =>
      this.#failed(`Cannot keep silences in "${this.#options.folder}": ${messageOf(thrown)}`),
    );
    return this.#turn as Promise<void>;
  }

  async #readFolder(): Promise<void> {
    const { folder, now, onNote, isRule } = this.#options;
    const before = this.#silences;
    this.#isWhole = false;
    let problem: unknown;
    const { silences, unreadable } = await readSilences(folder).catch((thrown: unknown) => {
      problem = thrown;
      return { silences: new Map<string, Silence>(), unreadable: [] };
    });
    const time = now();
    const over = [...silences.values()].filter(({ until }) => until <= time);
    for (const { id } of over) await removeSilence(folder, id);
    const running = [...silences].filter(([, { until }]) => until > time);
    this.#silences = new Map(running);
    const ended = [...over, ...[...before.values()].filter(({ id }) => !silences.has(id))];
    // One that somebody has changed is another one.
    const begun = running.flatMap(([id, silence]) =>
      isDeepStrictEqual(before.get(id), silence) ? [] : [silence],
    );
    if (ended.length > 0 || begun.length > 0) {
      this.#byRule = Map.groupBy(this.#silences.values(), ({ rule }) => rule);
      this.#follower([...this.#silences.values()]);
    }
    for (const silence of begun) {
      const isUnknown = isRule?.(silence.rule) === false;
      onNote(`${begunText(silence)}${isUnknown ? "; no rule that is loaded has this name" : ""}`);
    }
    for (const silence of ended) this.#ended(silence);
    // Whose folder it is then is not known: nothing is silenced by it, and nothing written there.
    if (problem !== undefined) throw problem;
    if (this.#isCountNew) await this.#writeCounts();
    this.#isWhole = unreadable.length === 0;
    if (!this.#isWhole)
      this.#failed(`Cannot read silences of "${folder}": ${unreadable.slice(0, 8).join(", ")}`);
  }

  #ended(silence: Silence): void {
    const count = this.#counts.get(silence.id) ?? 0;
    this.#counts.delete(silence.id);
    this.#isCountNew = true;
    this.#options.onNote(
      `silence ${silence.id} of ${scopeText(silence)} has ended: ${count} ${count === 1 ? "alert was" : "alerts were"} silenced (${silence.because})`,
    );
  }

  /** Of silences that are over nobody asks any more. */
  async #writeCounts(): Promise<void> {
    this.#isCountNew = false;
    for (const id of this.#counts.keys()) if (!this.#silences.has(id)) this.#counts.delete(id);
    await writeSilencedCounts(this.#options.folder, this.#counts);
  }

  /** Said once, as long as it stays the same. */
  #failed(text: string): void {
    if (this.#problem === text) return;
    this.#problem = text;
    this.#options.onProblem(text);
  }
}

function begunText({ id, until, because, ...scope }: Silence): string {
  return `silence ${id}: alerts of ${scopeText(scope)} are kept and sent nowhere until ${untilText(until)} (${because})`;
}

const LOOK_MS = 1000;
