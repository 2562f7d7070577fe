import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../lib/errors.ts";
import type { DockerClient, DockerEvent, DockerVersion } from "./docker-client.ts";

/** What a watch tells. */
export interface DockerWatchListener {
  /** The daemon answers; from here on no event is missed. Called again after each interruption. */
  readonly onConnected: (
    client: DockerClient,
    version: DockerVersion,
    running: readonly string[],
  ) => void;
  readonly onEvent: (client: DockerClient, event: DockerEvent) => void;
  /** Once for each time that the daemon is out of reach; then it is tried again quietly. */
  readonly onProblem: (client: DockerClient, message: string) => void;
}

/**
 * Follows a daemon's events until `signal` aborts, through restarts of the daemon: tries again
 * after 0.5 s, then ever later up to 30 s. Resolves then; never rejects.
 */
export async function watchDocker(
  client: DockerClient,
  listener: DockerWatchListener,
  signal: AbortSignal,
): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  let isReported = false;
  while (!signal.aborted) {
    let connected = false;
    try {
      await follow(client, listener, signal, () => (connected = true));
    } catch (error) {
      // A connection that broke is no problem yet: the daemon may have been restarted.
      if (!connected && !isReported && !signal.aborted)
        listener.onProblem(client, messageOf(error));
      isReported ||= !connected;
    }
    if (connected) {
      pause = FIRST_PAUSE_MS;
      isReported = false;
    }
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    pause = Math.min(pause * 2, LAST_PAUSE_MS);
  }
}

/** The stream is open before the list is read: whatever starts in between is in one of the two. */
async function follow(
  client: DockerClient,
  listener: DockerWatchListener,
  signal: AbortSignal,
  connected: () => void,
): Promise<void> {
  const stop = new AbortController();
  const list = async (): Promise<void> => {
    const [version, running] = await Promise.all([client.version(), client.running()]);
    connected();
    listener.onConnected(client, version, running);
  };
  let listed = Promise.resolve();
  const opened = (): void => {
    listed = list();
    // A daemon that streams but does not answer is as good as none.
    listed.catch(() => stop.abort());
  };
  await client.events({
    signal: AbortSignal.any([signal, stop.signal]),
    opened,
    onEvent: (event) => listener.onEvent(client, event),
  });
  await listed;
}

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;
