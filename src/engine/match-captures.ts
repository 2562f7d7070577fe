import { EventRing } from "../capture/event-ring.ts";
import { MatchFiles } from "../capture/match-files.ts";
import type { CaptureSettings } from "../config/settings.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Event } from "../events/event.ts";
import { containedEvent, containerEvent } from "./contained-events.ts";

/** How matches are captured, and who hears of the files. */
export interface MatchCapturesOptions {
  readonly settings: CaptureSettings;
  readonly containers: ContainerRegistry;
  readonly onNote: (text: string) => void;
  readonly onProblem: (text: string) => void;
  /** A file has reached its limit: Falco tells it as an alert of its own. */
  readonly onLimit: (path: string) => void;
}

/** What was not captured, or not whole. */
export interface MatchCapturesStats {
  /** Matches whose file was not begun or could not be written. */
  readonly notCaptured: number;
  /** Times that a file lacks events. */
  readonly cut: number;
}

/** A rule that may ask for a capture. */
interface CapturingRule {
  readonly name: string;
  readonly capture: boolean;
  readonly captureDuration: number;
}

/**
 * Falco's capture feature, with a past: the events of the last seconds are kept in memory, and a
 * match has them and those that follow written into a file, by a thread of its own. A match while a
 * file is being written makes that one longer. Events are those that the rules ask for.
 */
export class MatchCaptures {
  readonly #options: MatchCapturesOptions;
  readonly #files: MatchFiles;
  /** What was before a match. */
  readonly #past: EventRing;
  /** What is to be written. */
  readonly #present: EventRing;
  #isOpen = false;
  /** Epoch nanoseconds. */
  #deadline = 0n;
  #end: NodeJS.Timeout | undefined;
  #sending: NodeJS.Timeout | undefined;

  constructor(options: MatchCapturesOptions) {
    this.#options = options;
    const { settings, onNote, onProblem, onLimit } = options;
    const { ringBytes, beforeMs } = settings;
    this.#past = new EventRing({ bytes: ringBytes, keepMs: beforeMs });
    this.#present = new EventRing({ bytes: ringBytes });
    this.#files = new MatchFiles({
      limits: settings,
      onBegun: onNote,
      onProblem,
      onLimit,
      onEnded: () => this.#close(),
    });
  }

  stats(): MatchCapturesStats {
    return this.#files.stats();
  }

  /** The watch has begun: the next match is not to wait for a thread to start. */
  prepare(): void {
    this.#files.prepare();
  }

  /** Every event, before the rules see it. Hot: a copy of its bytes. */
  event(seen: Event): void {
    const event = containedEvent(seen, this.#options.containers);
    if (!this.#isOpen) {
      this.#past.keep(event);
      return;
    }
    this.#present.keep(event);
    if (this.#present.bytes > SENT_BYTES) this.#send();
    if (event.timestamp > this.#deadline) this.#finish();
  }

  /** A rule matched an event, which was given to `event()` before. */
  matched(rule: CapturingRule, event: Event): void {
    const { mode, durationMs } = this.#options.settings;
    if (mode === "rules" && !rule.capture) return;
    const duration = rule.captureDuration > 0 ? rule.captureDuration : durationMs;
    const deadline = event.timestamp + BigInt(duration) * 1_000_000n;
    if (!this.#isOpen && !this.#begin(rule, event)) return;
    if (deadline > this.#deadline) this.#deadline = deadline;
    clearTimeout(this.#end);
    // Where no event comes any more the file ends by the clock.
    this.#end = setTimeout(() => this.#finish(), duration + GRACE_MS).unref();
  }

  /** Ends the file that is being written; resolves when it is, within a limit. */
  close(): Promise<void> {
    this.#finish();
    return this.#files.close();
  }

  #begin(rule: CapturingRule, event: Event): boolean {
    const { settings, containers } = this.#options;
    const name = `${settings.pathPrefix}_${digits(event.timestamp)}_${digits(BigInt(event.num))}.scap`;
    const now = BigInt(Date.now()) * 1_000_000n;
    const states = containers
      .list()
      .flatMap((container) => containerEvent(container, now)?.scapBytes ?? []);
    if (!this.#files.begin({ path: name, rule: rule.name, states })) return false;
    this.#isOpen = true;
    this.#files.events(this.#past.take());
    this.#sending = setInterval(() => this.#send(), SENT_MS).unref();
    return true;
  }

  #send(): void {
    // The thread is behind: what comes waits in the ring, which says when it has no more room.
    if (this.#files.waitingBytes < WAITING_BYTES_MAX) this.#files.events(this.#present.take());
  }

  #finish(): void {
    if (!this.#isOpen) return;
    this.#files.events(this.#present.take());
    this.#files.end();
    this.#close();
  }

  /** There is no file for events any more. */
  #close(): void {
    clearTimeout(this.#end);
    clearInterval(this.#sending);
    this.#isOpen = false;
    this.#deadline = 0n;
    this.#present.take();
  }
}

/** How long after its last moment a file waits for events that were under way. */
const GRACE_MS = 250;

/** Events go to the thread when there are so many bytes of them, or after so many milliseconds. */
const SENT_BYTES = 192 * 1024;
const SENT_MS = 200;

/** So many bytes may be on their way to the disk. */
const WAITING_BYTES_MAX = 16 << 20;

/** Twenty digits, so that names sort as times do. */
function digits(value: bigint): string {
  return String(value).padStart(20, "0");
}
