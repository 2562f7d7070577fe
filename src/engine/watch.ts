import { assertNever } from "../lib/assert-never.ts";
import { AppError } from "../lib/errors.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import { hostGround, type HostGround } from "./host-ground.ts";
import { NewsStream, type Subscriber } from "./news-stream.ts";
import { watchCapture } from "./watch-capture.ts";
import { watchFalco } from "./watch-falco.ts";
import { watchKernel } from "./watch-kernel.ts";
import type { Watch, WatchOptions } from "./watch-options.ts";

/**
 * Starts to watch: source → state → rules → news, and the ports that open. Resolves when what was
 * there before the start is known and reported; everything that is seen from then on is news.
 * Throws `KERNEL_…` where the kernel cannot be watched, `USAGE_FILE` where alerts cannot be read.
 * When it throws, subscribers are not closed.
 */
export async function startWatch(options: WatchOptions): Promise<Watch> {
  const news = new NewsStream({
    host: options.hostname,
    now: () => BigInt(Date.now()) * 1_000_000n,
    subscribers: options.subscribers,
    silencedBy: options.silencedBy,
  });
  const watch = await watchSource(options, news);
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await watch.close();
    const limitMs = options.closeMs ?? CLOSE_MS;
    const close = async (subscriber: Subscriber): Promise<string[]> =>
      (await closeQuietly(subscriber, limitMs)) ? [] : [subscriber.name];
    const late = (await Promise.all(options.subscribers.map(close))).flat();
    for (const name of late)
      news.publish({
        kind: "problem",
        text: `"${name}" did not end within ${limitMs} ms: what it had not delivered may be lost`,
      });
  };
  const useRules = (rules: RuleSet): void => {
    // The kernel's descriptors may be another watch's by now.
    if (closed !== undefined)
      throw new AppError("USAGE_CLOSED", "Cannot use other rules: the watch is closed");
    watch.useRules(rules);
  };
  return { ...watch, useRules, close: () => (closed ??= close()) };
}

async function watchSource(options: WatchOptions, news: NewsStream): Promise<Watch> {
  const { source } = options;
  switch (source.kind) {
    case "kernel":
      return onGround(hostGround(options, news), (ground) => watchKernel(ground, source));
    case "falco":
      return onGround(hostGround(options, news), (ground) => watchFalco(ground, source));
    case "capture":
      return watchCapture(options, source, news);
    default:
      return assertNever(source);
  }
}

/** A start that fails leaves nothing open. */
async function onGround(
  ground: HostGround,
  start: (ground: HostGround) => Promise<Watch>,
): Promise<Watch> {
  try {
    return await start(ground);
  } catch (thrown) {
    ground.close();
    throw thrown;
  }
}

/**
 * False when the subscriber has not ended by then. What it could not deliver stands in its own
 * counts.
 */
async function closeQuietly(subscriber: Subscriber, limitMs: number): Promise<boolean> {
  const { promise: isLate, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), limitMs);
  try {
    return await Promise.race([subscriber.close?.().then(() => true) ?? true, isLate]);
  } catch {
    // It is over either way.
    return true;
  } finally {
    clearTimeout(timer);
  }
}

/** Longer than any output of ours takes. */
const CLOSE_MS = 10_000;
