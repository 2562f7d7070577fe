import { lostRecords } from "../capture/losses.ts";
import { CaptureFile } from "../capture/scap-writer.ts";
import { loadConfig } from "../config/config-file.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { Recorder } from "../engine/recorder.ts";
import { parseDuration } from "./duration.ts";
import { parseRingSize, parseSize } from "./size.ts";
import { endSoon, stopSignal, untilStopped } from "./stop.ts";
import { Terminal } from "./terminal.ts";

/** The options of `saker record`, as they were typed. */
export interface RecordOptions {
  readonly output: string;
  readonly duration?: string;
  readonly maxSize: string;
  readonly config?: string;
  readonly buffer?: string;
  readonly all?: boolean;
}

/**
 * `saker record -o FILE`: the events that the probe knows, until Ctrl-C, for `--duration` or up to
 * `--max-size`.
 */
export async function record(options: RecordOptions): Promise<void> {
  const durationMs =
    options.duration === undefined ? undefined : parseDuration(options.duration, "--duration");
  const maxBytes = parseSize(options.maxSize, "--max-size");
  const asked = options.buffer === undefined ? undefined : parseRingSize(options.buffer);
  const settings =
    options.config === undefined
      ? DEFAULT_SETTINGS
      : loadConfig(options.config, { environment: process.env }).settings;
  const terminal = new Terminal({ json: false });
  const stopped = stopSignal();
  const file = new CaptureFile(options.output);
  const onProblem = (text: string): void => terminal.problem(text);
  const containers = containersOfHost({ environment: process.env, onProblem });
  const { promise: isFull, resolve: onFull } = Promise.withResolvers<void>();
  const { promise: hasFailed, reject: onFailed } = Promise.withResolvers<void>();
  // It may fail before anybody waits for that.
  hasFailed.catch(() => {});
  let recorder: Recorder | undefined;
  try {
    await Promise.race([containers.start(), stopped]);
    const ringBytes = asked ?? Math.max(settings.ringBytes, RING_BYTES);
    recorder = new Recorder({
      file,
      containers,
      ringBytes,
      maxBytes,
      isAll: options.all === true,
      onFull,
      onFailed,
      onProblem,
    });
    terminal.note(
      `recording this host's events to ${options.output}: eBPF (${recorder.variant}); Ctrl-C ends it`,
    );
    recorder.start();
    const isOver = isFull.then(() =>
      terminal.note(`the file has ${options.maxSize}: recording ends`),
    );
    await untilStopped(Promise.race([stopped, isOver]), durationMs, hasFailed);
  } finally {
    containers.stop();
    endSoon();
    recorder?.close();
    file.close();
  }
  const { events, bytes, malformed, probe } = recorder.stats();
  const dropped = lostRecords(probe.dropped);
  terminal.note(
    `${events} events, ${dropped} dropped${dropped > 0 ? ` (${probe.dropped.ringFull} found the ring full, ${probe.dropped.scratchBusy} met a busy CPU buffer)` : ""}, ${malformed} malformed, ${probe.cut.text + probe.cut.path + probe.cut.record} cut at a limit; ${(bytes / 1e6).toFixed(1)} MB`,
  );
}

/** All events of a busy host are many: the ring holds some tenths of a second of them. */
const RING_BYTES = 64 * 1024 * 1024;
