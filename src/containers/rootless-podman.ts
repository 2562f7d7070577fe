import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../lib/errors.ts";
import { hostPath } from "../lib/host-root.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { FairQueue } from "../lib/fair-queue.ts";
import { watchFolders } from "./folder-watch.ts";
import type { KnownContainer, RuntimeFiles } from "./runtime.ts";
import { readStateFile } from "./state-file.ts";
import { storageFiles } from "./storage-files.ts";

/**
 * The containers that users run by Podman without root: what each keeps in his home and below
 * `runFolder` (/run/user, a path of the host). Only files that are the user's own count, and only
 * for control groups below his. A home may be on a disk that does not answer: one file at a time is
 * read, and not waited for.
 */
export function rootlessPodman(runFolder = "/run/user"): RuntimeFiles {
  const queue = new FairQueue({
    capacity: CALLS_WAITING,
    capacityOfKey: CALLS_WAITING,
    parallel: 1,
    parallelOfKey: 1,
  });
  const breaker = new CircuitBreaker("the users' homes", () => performance.now());
  const inTime = <T>(ask: () => Promise<T>, otherwise: T): Promise<T> =>
    breaker
      .call(
        () => bounded(queue, ask),
        () => false,
      )
      .catch(() => otherwise);
  const list = (): Promise<readonly string[]> =>
    inTime(async () => {
      const all = await usersIn(runFolder);
      return (
        await Promise.all(all.map(async (user) => (await filesOf(runFolder, user)).list()))
      ).flat();
    }, []);
  return {
    name: "Podman of users",
    kinds: ["podman"],
    isThere: async () => (await usersIn(runFolder)).length > 0,
    list,
    inspect: ({ id, directory }) =>
      inTime<KnownContainer | undefined>(async () => {
        const owner = /^\/user\.slice\/user-(\d+)\.slice\//.exec(directory ?? "")?.[1];
        if (directory !== undefined && owner === undefined) return undefined;
        for (const user of owner === undefined ? await usersIn(runFolder) : [Number(owner)]) {
          const found = await (await filesOf(runFolder, user)).inspect({ id, directory });
          if (found !== undefined) return found;
        }
        return undefined;
      }, undefined),
    watch: (listener, signal) =>
      watchFolders(
        { folders: () => Promise.resolve([]), list, namesOf: () => undefined },
        listener,
        signal,
      ),
  };
}

/** Users whom Podman has given a folder since they logged in. */
async function usersIn(runFolder: string): Promise<readonly number[]> {
  const names = (await readdir(hostPath(runFolder)).catch(() => [])).filter((name) =>
    /^[1-9]\d{0,9}$/.test(name),
  );
  const found: number[] = [];
  for (const name of names.slice(0, USERS_MAX)) {
    const entries: string[] = await readdir(hostPath(join(runFolder, name))).catch(() => []);
    if (entries.includes("containers")) found.push(Number(name));
  }
  return found;
}

async function filesOf(runFolder: string, user: number): Promise<RuntimeFiles> {
  const home = await homeOf(user);
  return storageFiles("podman", {
    root: join(home, ".local/share/containers/storage"),
    runRoot: join(runFolder, String(user), "containers"),
    user,
  });
}

async function homeOf(user: number): Promise<string> {
  const text = (await readStateFile(hostPath("/etc/passwd")))?.text ?? "";
  const line = text.split("\n").find((one) => one.split(":")[2] === String(user));
  return line?.split(":")[5] ?? `/home/${user}`;
}

function bounded<T>(queue: FairQueue, ask: () => Promise<T>): Promise<T> {
  const silent = new AppError("PEER_PAUSED", "Cannot read a user's home: it does not answer");
  const answer = new Promise<T>((resolve, reject) => {
    const job = (): Promise<void> => ask().then(resolve, reject);
    if (!queue.push("", job)) reject(silent);
  });
  const limit = sleep(ANSWER_MS, undefined, { ref: false }).then(() => Promise.reject(silent));
  return Promise.race([answer, limit]);
}

const CALLS_WAITING = 256;
const ANSWER_MS = 1000;
const USERS_MAX = 256;
