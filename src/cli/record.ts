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

export interface RecordOptions {
  readonly output: string;
  readonly duration?: string;
  readonly maxSize: string;
  readonly config?: string;
  readonly buffer?: string;
}

/**
 * `saker record -o FILE`: all events that the probe knows, until Ctrl-C, for `--duration` or up to
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
  const containers = containersOfHost({
    environment: process.env,
    onProblem: (text) => terminal.problem(text),
  });
  await Promise.race([containers.start(), stopped]);
  let full = (): void => {};
  const isFull = new Promise<void>((resolve) => (full = resolve));
  let fail = (_thrown: unknown): void => {};
  const hasFailed = new Promise<void>((_, reject) => (fail = reject));
  const file = new CaptureFile(options.output);
  let recorder: Recorder | undefined;
  try {
    recorder = new Recorder({
      file,
      containers,
      ringBytes: asked ?? Math.max(settings.ringBytes, RING_BYTES),
      maxBytes,
      onFull: () => full(),
      onFailed: (thrown) => fail(thrown),
      onProblem: (text) => terminal.problem(text),
    });
    terminal.note(
      `recording this host's events to ${options.output}: eBPF (${recorder.variant}); Ctrl-C ends it`,
    );
    recorder.start();
    await untilStopped(
      Promise.race([
        stopped,
        isFull.then(() => terminal.note(`the file has ${options.maxSize}: recording ends`)),
      ]),
      durationMs,
      hasFailed,
    );
  } finally {
    recorder?.close();
    file.close();
    containers.stop();
    endSoon();
  }
  const { events, bytes, malformed, probe } = recorder.stats();
  const dropped = lostRecords(probe.dropped);
  terminal.note(
    `${events} events, ${dropped} dropped${dropped > 0 ? ` (${probe.dropped.ringFull} found the ring full, ${probe.dropped.scratchBusy} met a busy CPU buffer)` : ""}, ${malformed} malformed, ${probe.cut.text + probe.cut.path + probe.cut.record} cut at a limit; ${(bytes / 1e6).toFixed(1)} MB`,
  );
}

/** All events of a busy host are many: the ring holds some tenths of a second of them. */
const RING_BYTES = 64 * 1024 * 1024;
