import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { hostPath } from "../lib/host-root.ts";
import { sharedInterval } from "../lib/shared-interval.ts";
import type { RuntimeListener } from "./runtime.ts";

/** Folders in which a runtime has an entry for each container. */
export interface WatchedFolders {
  /** Those that are there now, as paths of the host. */
  readonly folders: () => Promise<readonly string[]>;
  /** The folder that they are in, where more of them may come. */
  readonly parent?: string;
  readonly list: () => Promise<readonly string[]>;
  /** The id that an entry is for; undefined for another entry. */
  readonly namesOf: (entry: string) => string | undefined;
}

/**
 * Reports what comes into the folders as `created` (by inotify, within milliseconds) and what is
 * gone as `ended` (within a second). Looks again every 5 s, for folders that come or were replaced.
 * Resolves when `signal` aborts; a folder that is not there is no problem.
 */
export async function watchFolders(
  watched: WatchedFolders,
  listener: RuntimeListener,
  signal: AbortSignal,
): Promise<void> {
  const watch = new FolderWatch(watched, listener);
  await watch.look();
  listener.onConnected(await watched.list().catch(() => []));
  const looks = sharedInterval(() => watch.wake(), LOOK_AGAIN_MS);
  const end = (): void => watch.wake();
  signal.addEventListener("abort", end);
  while (!signal.aborted) {
    await watch.woken(signal);
    if (!signal.aborted) await watch.look();
  }
  signal.removeEventListener("abort", end);
  looks.close();
  watch.close();
}

class FolderWatch {
  readonly #watched: WatchedFolders;
  readonly #listener: RuntimeListener;
  readonly #watchers = new Map<string, FSWatcher>();
  #known: Set<string> | undefined;
  #openedAt = 0;
  #hasChanged = false;
  wake: () => void = NOTHING;

  constructor(watched: WatchedFolders, listener: RuntimeListener) {
    this.#watched = watched;
    this.#listener = listener;
  }

  /** Opens what is not watched yet, then reports what changed since the last look. Never rejects. */
  async look(): Promise<void> {
    // A folder that was replaced is another one now: inotify keeps to the old.
    if (performance.now() - this.#openedAt > LOOK_AGAIN_MS) this.close();
    const { folders, parent } = this.#watched;
    const all = (await folders().catch(() => [])).slice(0, FOLDERS_MAX);
    if (parent !== undefined) this.#open(parent);
    for (const folder of all) this.#open(folder);
    const now = new Set(await this.#entriesIn(all));
    const before = this.#known ?? now;
    this.#known = now;
    for (const fullId of before.difference(now))
      this.#listener.onEvent({ action: "ended", fullId });
    for (const fullId of now.difference(before))
      this.#listener.onEvent({ action: "created", fullId });
  }

  /** Resolves some time after something has changed, or when somebody calls `wake`. */
  async woken(signal: AbortSignal): Promise<void> {
    if (!this.#hasChanged) await new Promise<void>((resolve) => (this.wake = resolve));
    this.wake = NOTHING;
    if (!this.#hasChanged) return;
    // Many changes are looked at together.
    await sleep(SETTLE_MS, undefined, { signal, ref: false }).catch(() => undefined);
    this.#hasChanged = false;
  }

  close(): void {
    for (const folder of this.#watchers.keys()) this.#close(folder);
  }

  #open(folder: string): void {
    if (this.#watchers.has(folder)) return;
    if (this.#watchers.size === 0) this.#openedAt = performance.now();
    try {
      const watcher = watch(hostPath(folder), { persistent: false }, (_, entry) =>
        this.#happened(folder, entry),
      );
      watcher.on("error", () => this.#close(folder));
      this.#watchers.set(folder, watcher);
    } catch {
      // Not there yet, or too many are watched: then looking now and then has to do.
    }
  }

  #happened(folder: string, entry: string | null): void {
    const fullId =
      entry === null || folder === this.#watched.parent ? undefined : this.#watched.namesOf(entry);
    if (fullId !== undefined && this.#known?.has(fullId) === false) {
      this.#known.add(fullId);
      this.#listener.onEvent({ action: "created", fullId });
    }
    this.#hasChanged = true;
    this.wake();
  }

  #close(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  async #entriesIn(folders: readonly string[]): Promise<readonly string[]> {
    const names = await Promise.all(
      folders.map((folder) => readdir(hostPath(folder)).catch((): string[] => [])),
    );
    return names.flat().flatMap((name) => this.#watched.namesOf(name) ?? []);
  }
}

const NOTHING = (): void => undefined;
const LOOK_AGAIN_MS = 5000;
const SETTLE_MS = 300;
const FOLDERS_MAX = 256;
