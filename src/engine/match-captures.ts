import { EventRing } from "../capture/event-ring.ts";
import { snapshotHost } from "../capture/host-snapshot.ts";
import { CaptureFile } from "../capture/scap-writer.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { CaptureSettings } from "../config/settings.ts";
import type { Event } from "../events/event.ts";
import { messageOf } from "../lib/errors.ts";
import { containedEvent, containerEvent } from "./contained-events.ts";

export interface MatchCapturesOptions {
  readonly settings: CaptureSettings;
  readonly containers: ContainerRegistry;
  readonly onNote: (text: string) => void;
  readonly onProblem: (text: string) => void;
  /** A file has reached its limit: Falco tells it as an alert of its own. */
  readonly onLimit: (path: string) => void;
}

/** A rule that may ask for a capture. */
interface CapturingRule {
  readonly name: string;
  readonly capture: boolean;
  readonly captureDuration: number;
}

/**
 * Falco's capture feature, with a past: the events of the last seconds are kept in memory, and a
 * match writes them and those that follow into a file. A match while a file is being written makes
 * that one longer. Events are those that the rules ask for.
 */
export class MatchCaptures {
  readonly #options: MatchCapturesOptions;
  readonly #ring: EventRing;
  #file: CaptureFile | undefined;
  /** Epoch nanoseconds. */
  #deadline = 0n;
  #timer: NodeJS.Timeout | undefined;
  #files = 0;

  constructor(options: MatchCapturesOptions) {
    this.#options = options;
    this.#ring = new EventRing({
      bytes: options.settings.ringBytes,
      keepMs: options.settings.beforeMs,
    });
  }

  /** Files that were begun. */
  get files(): number {
    return this.#files;
  }

  /** Every event, before the rules see it. Hot: a copy of its bytes. */
  event(seen: Event): void {
    const event = containedEvent(seen, this.#options.containers);
    const file = this.#file;
    if (file === undefined) {
      this.#ring.keep(event);
      return;
    }
    this.#write(file, event);
    const { maxBytes } = this.#options.settings;
    if (event.timestamp > this.#deadline) this.#finish();
    else if (maxBytes > 0 && file.bytes >= maxBytes) {
      this.#options.onLimit(file.path);
      this.#finish();
    }
  }

  /** A rule matched an event, which was given to `event()` before. */
  matched(rule: CapturingRule, event: Event): void {
    const { mode, durationMs } = this.#options.settings;
    if (mode === "rules" && !rule.capture) return;
    const duration = rule.captureDuration > 0 ? rule.captureDuration : durationMs;
    const deadline = event.timestamp + BigInt(duration) * 1_000_000n;
    if (deadline > this.#deadline) this.#deadline = deadline;
    if (this.#file === undefined) this.#begin(rule, event);
    clearTimeout(this.#timer);
    // Where no event comes any more the file ends by the clock.
    this.#timer = setTimeout(() => this.#finish(), duration + GRACE_MS).unref();
  }

  close(): void {
    this.#finish();
  }

  #begin(rule: CapturingRule, event: Event): void {
    const { pathPrefix } = this.#options.settings;
    const path = `${pathPrefix}_${digits(event.timestamp)}_${digits(BigInt(event.num))}.scap`;
    try {
      const file = new CaptureFile(path);
      this.#files += 1;
      file.section(snapshotHost().entries);
      const now = BigInt(Date.now()) * 1_000_000n;
      for (const container of this.#options.containers.list()) {
        const told = containerEvent(container, now);
        if (told !== undefined) file.event(told, true);
      }
      const isCut = this.#ring.isCut;
      this.#ring.drain((kept) => file.event(kept));
      this.#file = file;
      this.#options.onNote(
        `${rule.name}: capturing events to ${path}${isCut ? " (its beginning was cut: capture.memory_mb is too small for capture.before)" : ""}`,
      );
    } catch (thrown) {
      this.#options.onProblem(messageOf(thrown));
    }
  }

  #write(file: CaptureFile, event: Event): void {
    try {
      file.event(event);
    } catch (thrown) {
      this.#options.onProblem(messageOf(thrown));
      this.#finish();
    }
  }

  #finish(): void {
    clearTimeout(this.#timer);
    const file = this.#file;
    this.#file = undefined;
    this.#deadline = 0n;
    try {
      file?.close();
    } catch (thrown) {
      this.#options.onProblem(messageOf(thrown));
    }
  }
}

/** How long after its last moment a file waits for events that were under way. */
const GRACE_MS = 250;

/** Twenty digits, so that names sort as times do. */
function digits(value: bigint): string {
  return String(value).padStart(20, "0");
}
