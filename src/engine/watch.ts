import { assertNever } from "../lib/assert-never.ts";
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
  });
  const watch = await watchSource(options, news);
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await watch.close();
    await Promise.all(options.subscribers.map(closeQuietly));
  };
  return { ...watch, close: () => (closed ??= close()) };
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

/** What a subscriber could not deliver stands in its own counts. */
async function closeQuietly(subscriber: Subscriber): Promise<void> {
  try {
    await subscriber.close?.();
  } catch {
    // It is over either way.
  }
}
