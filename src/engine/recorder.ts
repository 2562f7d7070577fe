import { ownHostPid } from "../capture/own-process.ts";
import { type ProbeSource, openProbe } from "../capture/probe.ts";
import { snapshotHost } from "../capture/host-snapshot.ts";
import type { CaptureFile } from "../capture/scap-writer.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { FREQUENT_CODES } from "../events/call-filter.ts";
import { Event } from "../events/event.ts";
import { NOTICE } from "../events/record.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { containedEvent, containerEvent, containerOfEvent } from "./contained-events.ts";

/** What is recorded into which file, and who hears of its end; sizes in bytes. */
export interface RecorderOptions {
  readonly file: CaptureFile;
  readonly containers: ContainerRegistry;
  readonly ringBytes: number;
  /** Called once when the file has so many bytes. */
  readonly maxBytes: number;
  /** Calls that programs make by thousands (`FREQUENT_CODES`), too. */
  readonly isAll?: boolean;
  readonly onFull: () => void;
  /** Called once when the file cannot be written any more. */
  readonly onFailed: (thrown: unknown) => void;
  readonly onProblem: (text: string) => void;
}

/** How often what was gathered goes to the file, in milliseconds. */
const FLUSH_MS = 500;

/**
 * The most bytes of events that wait for a container's name; beyond them they are written without
 * it.
 */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

/** How long a container's name may take. */
const METADATA_PATIENCE_MS = 1000;

/** The running kernel into a capture file: the events that the probe knows, as they are. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #probe: ProbeSource;
  readonly #event = new Event();
  readonly #recorded = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #malformed = 0;
  #isClosed = false;
  /** Containers whose runtimes are being asked, and the events that wait for the answers. */
  #pending = 0;
  #held: Event[] = [];
  #heldBytes = 0;

  /**
   * Loads and attaches the probe, and writes what the host is now. Throws `KERNEL_…` where that
   * cannot be.
   */
  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#probe = openProbe({ ringBytes: options.ringBytes, ownPid: ownHostPid() });
    try {
      this.#begin();
    } catch (thrown) {
      this.#probe.close();
      throw thrown;
    }
    this.#timer = setInterval(() => this.#guarded(() => this.#flush()), FLUSH_MS);
  }

  get variant(): string {
    return this.#probe.variant;
  }

  #begin(): void {
    const options = this.#options;
    const codes = EVENT_TYPES.flatMap((type) => type?.code ?? []);
    const recorded = codes.filter((code) => options.isAll === true || !FREQUENT_CODES.has(code));
    this.#probe.setEnabled(new Set(recorded), { environment: true });
    // Attached first, read second: what starts in between is in the ring, and newer than the
    // snapshot.
    const { entries, leftOut } = snapshotHost();
    if (leftOut > 0)
      options.onProblem(
        `${leftOut} open descriptors of processes with very many are not in the capture's list`,
      );
    options.file.section(entries);
    for (const container of options.containers.list()) this.#recordContainer(container);
  }

  start(): void {
    this.#probe.start((bytes, view, start, length) =>
      this.#guarded(() => this.#record(bytes, view, start, length)),
    );
  }

  stats() {
    const { file } = this.#options;
    return {
      events: file.events,
      bytes: file.bytes,
      malformed: this.#malformed,
      containers: this.#recorded.size,
      probe: this.#probe.counters(),
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#probe.close();
    if (!this.#isClosed) this.#release();
    this.#isClosed = true;
    this.#options.file.close();
  }

  #record(bytes: Uint8Array, view: DataView, start: number, length: number): void {
    const event = this.#event;
    if (!event.load(bytes, view, start, length, true)) {
      this.#malformed += 1;
      return;
    }
    if (event.isNotice) {
      this.#notice(event);
      return;
    }
    const { file, maxBytes, onFull } = this.#options;
    const container = containerOfEvent(event, this.#options.containers);
    if (container !== undefined) this.#recordContainer(container);
    const written =
      container === undefined ? event : containedEvent(event, this.#options.containers);
    if (this.#pending === 0) file.event(written);
    else this.#hold(written);
    if (file.bytes + this.#heldBytes >= maxBytes) {
      this.#release();
      this.#isClosed = true;
      onFull();
    }
  }

  #notice(event: Event): void {
    const { containers } = this.#options;
    if (event.code === NOTICE.cgroup_mkdir)
      containers.cgroupAppeared(event.uint(0) ?? 0, event.text(1) ?? "");
    else if (event.code === NOTICE.cgroup_rmdir) containers.cgroupGone(event.uint(0) ?? 0);
  }

  /** Once for each container, when its runtime has told of it or did not. */
  #recordContainer(container: Container): void {
    if (this.#recorded.has(container.fullId)) return;
    this.#recorded.add(container.fullId);
    if (container.state === "known") this.#writeContainer(container);
    else void this.#waitForContainer(container);
  }

  async #waitForContainer(container: Container): Promise<void> {
    this.#pending += 1;
    const settled = await this.#options.containers.whenSettled(container, METADATA_PATIENCE_MS);
    this.#pending -= 1;
    this.#guarded(() => {
      this.#writeContainer(settled);
      if (this.#pending === 0) this.#release();
    });
  }

  #writeContainer(container: Container): void {
    const event = containerEvent(container, BigInt(Date.now()) * 1_000_000n);
    if (event !== undefined) this.#options.file.event(event, true);
  }

  /**
   * Who replays the file must know a container's name before its first event, so events wait while
   * a runtime is asked.
   */
  #hold(event: Event): void {
    const copy = event.copy();
    this.#held.push(copy);
    this.#heldBytes += copy.record.length;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#release();
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const event of held) this.#options.file.event(event);
  }

  #guarded(act: () => void): void {
    if (this.#isClosed) return;
    try {
      act();
    } catch (thrown) {
      this.#isClosed = true;
      this.#options.onFailed(thrown);
    }
  }

  #flush(): void {
    this.#options.file.flush();
  }
}
