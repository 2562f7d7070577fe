import { type ProbeSource, openProbe } from "../capture/probe.ts";
import { snapshotHost } from "../capture/host-snapshot.ts";
import type { CaptureFile } from "../capture/scap-writer.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { Event } from "../events/event.ts";
import { NOTICE } from "../events/record.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { containedEvent, containerEvent, containerOfEvent } from "./contained-events.ts";

export interface RecorderOptions {
  readonly file: CaptureFile;
  readonly containers: ContainerRegistry;
  readonly ringBytes: number;
  /** Called once when the file has so many bytes. */
  readonly maxBytes: number;
  readonly onFull: () => void;
  readonly onProblem: (text: string) => void;
}

/** How often what was gathered goes to the file, in milliseconds. */
const FLUSH_MS = 500;

/** How long a container's name may take. */
const METADATA_PATIENCE_MS = 1000;

/** The running kernel into a capture file: all events that the probe knows, as they are. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #probe: ProbeSource;
  readonly #event = new Event();
  readonly #told = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #malformed = 0;
  #isClosed = false;

  /** Loads and attaches the probe, and writes what the host is now. Throws `KERNEL_…` where that cannot be. */
  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#probe = openProbe({ ringBytes: options.ringBytes, ownPid: process.pid });
    this.#probe.setEnabled(new Set(EVENT_TYPES.flatMap((type) => type?.code ?? [])));
    // Attached first, read second: what starts in between is in the ring, and newer than the snapshot.
    const { entries, leftOut } = snapshotHost();
    if (leftOut > 0) options.onProblem(`${leftOut} open descriptors of processes with very many are not in the capture's list`);
    options.file.section(entries);
    for (const container of options.containers.list()) this.#tellContainer(container);
    this.#timer = setInterval(() => this.#flush(), FLUSH_MS);
  }

  get variant(): string {
    return this.#probe.variant;
  }

  start(): void {
    this.#probe.start((bytes, view, start, length) => this.#record(bytes, view, start, length));
  }

  stats() {
    const { file } = this.#options;
    return { events: file.events, bytes: file.bytes, malformed: this.#malformed, containers: this.#told.size, probe: this.#probe.counters() };
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#probe.close();
    this.#options.file.close();
  }

  #record(bytes: Uint8Array, view: DataView, start: number, length: number): void {
    if (this.#isClosed) return;
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
    if (container !== undefined) this.#tellContainer(container);
    file.event(container === undefined ? event : containedEvent(event, this.#options.containers));
    if (file.bytes >= maxBytes) {
      this.#isClosed = true;
      onFull();
    }
  }

  #notice(event: Event): void {
    const { containers } = this.#options;
    if (event.code === NOTICE.cgroup_mkdir) containers.cgroupAppeared(event.uint(0) ?? 0, event.text(1) ?? "");
    else if (event.code === NOTICE.cgroup_rmdir) containers.cgroupGone(event.uint(0) ?? 0);
  }

  /** Once for each container, when its runtime has told of it or did not. */
  #tellContainer(container: Container): void {
    if (this.#told.has(container.fullId)) return;
    this.#told.add(container.fullId);
    const write = (known: Container): void => {
      const event = this.#isClosed ? undefined : containerEvent(known, BigInt(Date.now()) * 1_000_000n);
      if (event !== undefined) this.#options.file.event(event, true);
    };
    if (container.state === "known") write(container);
    else void this.#options.containers.whenSettled(container, METADATA_PATIENCE_MS).then(write);
  }

  #flush(): void {
    if (!this.#isClosed) this.#options.file.flush();
  }
}
