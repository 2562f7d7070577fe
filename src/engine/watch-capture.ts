import { randomUUID } from "node:crypto";
import { makeAlert } from "../alerts/make-alert.ts";
import type { CaptureEnd } from "../capture/capture-parser.ts";
import { readCapture } from "../capture/scap-reader.ts";
import { CaptureCopy } from "./capture-copy.ts";
import type { NewsStream } from "./news-stream.ts";
import { Replay } from "./replay.ts";
import type { CaptureStats, CaptureWatchSource, Watch, WatchOptions } from "./watch-options.ts";

/** Replays a capture: what its events mean to the rules, as fast as it can be read. */
export async function watchCapture(
  { hostname, utcOffsetMinutes, signal }: WatchOptions,
  source: CaptureWatchSource,
  news: NewsStream,
): Promise<Watch> {
  const stop = new AbortController();
  signal?.addEventListener("abort", () => stop.abort(), { once: true });
  const { from, to, where } = source;
  const replay = new Replay({
    rules: source.rules,
    hostname,
    utcOffsetMinutes,
    ...(where === undefined ? {} : { where }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to, onPast: () => stop.abort() }),
    onMatch: (rule, scene) => {
      const alert = makeAlert(rule, scene, randomUUID());
      news.publish({ kind: "alert", alert }, alert.time);
    },
  });
  const copy = source.copyTo === undefined ? undefined : new CaptureCopy(source.copyTo);
  let end: CaptureEnd | undefined;
  const read = async (): Promise<"over"> => {
    try {
      const sink = copy === undefined ? replay : copy.beside(replay);
      end = await readCapture(source.file, sink, {
        signal: stop.signal,
        ...(source.onProgress === undefined ? {} : { onProgress: source.onProgress }),
      });
      return "over";
    } finally {
      copy?.close();
    }
  };
  const ended = read();
  // Who does not wait for the end has no use for its reason.
  ended.catch(() => {});
  return {
    news,
    ended,
    stats: () => ({ news: news.counts(), capture: statsOf(replay, copy, end) }),
    useRules: () => {},
    examine: () => "a capture has no ports that are open",
    close: async () => {
      stop.abort();
      await ended.catch(() => {});
    },
  };
}

function statsOf(
  replay: Replay,
  copy: CaptureCopy | undefined,
  end: CaptureEnd | undefined,
): CaptureStats {
  return {
    shown: replay.shown,
    byType: replay.byType(),
    threads: replay.threads.size,
    refusedThreads: replay.threads.refused,
    copied: copy?.written ?? 0,
    correlator: replay.correlator,
    end,
  };
}
