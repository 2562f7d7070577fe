import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../lib/errors.ts";
import { hostPath } from "../lib/host-root.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { FairQueue } from "../lib/fair-queue.ts";
import { watchFolders } from "./folder-watch.ts";
import type { KnownContainer, RuntimeFiles, RuntimeQuestion } from "./runtime.ts";
import { patiently } from "./patiently.ts";
import { readStateFile } from "./state-file.ts";
import { storageFiles } from "./storage-files.ts";

/** Where users' containers are looked for; paths of the host. */
export interface RootlessPlaces {
  /** What users have while they are logged in: /run/user. */
  readonly runFolder: string;
  /** A user's home; by default what /etc/passwd says. */
  readonly homeOf: (user: number) => Promise<string>;
}

/**
 * The containers that users run by Podman without root: what each keeps in his home and in his run
 * folder. Only files that are the user's own count, and only for control groups below his. A home
 * may be on a disk that does not answer: one file at a time is read, and not waited for longer than
 * three times `ANSWER_MS`.
 */
export function rootlessPodman(places: Partial<RootlessPlaces> = {}): RuntimeFiles {
  const { runFolder = "/run/user", homeOf = homeInPasswd } = places;
  const queue = new FairQueue({
    capacity: CALLS_WAITING,
    capacityOfKey: CALLS_WAITING,
    parallel: 1,
    parallelOfKey: 1,
  });
  const breaker = new CircuitBreaker("the users' homes", () => performance.now());
  const inTime = <T>(ask: () => Promise<T>): Promise<T> =>
    breaker.call(
      () => bounded(queue, ask),
      () => false,
    );
  const filesOf = async (user: number): Promise<RuntimeFiles> =>
    storageFiles("podman", {
      root: join(await homeOf(user), ".local/share/containers/storage"),
      runRoot: join(runFolder, String(user), "containers"),
      user,
    });
  const find = async (
    question: RuntimeQuestion,
    users: readonly number[],
  ): Promise<KnownContainer | undefined> => {
    for (const user of users) {
      const found = await (await filesOf(user)).inspect(question);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const list = (): Promise<readonly string[]> =>
    inTime(async () => {
      const all = await usersIn(runFolder);
      return (await Promise.all(all.map(async (user) => (await filesOf(user)).list()))).flat();
    }).catch(() => []);
  return {
    name: "Podman of users",
    kinds: ["podman"],
    isThere: async () => (await usersIn(runFolder)).length > 0,
    list,
    inspect: async (question) => {
      const { directory } = question;
      const owner = /^\/user\.slice\/user-(\d+)\.slice\//.exec(directory ?? "")?.[1];
      // Root's need not wait for anybody's home.
      if (directory !== undefined && owner === undefined) return undefined;
      const ask = async (): Promise<KnownContainer | undefined> =>
        find(question, owner === undefined ? await usersIn(runFolder) : [Number(owner)]);
      return patiently(() => inTime(ask), isLate);
    },
    watch: (listener, signal) =>
      watchFolders(
        { folders: () => Promise.resolve([]), list, namesOf: () => undefined },
        listener,
        signal,
      ),
  };
}

function isLate(error: unknown): boolean {
  return error instanceof AppError && error.code === "PEER_PAUSED";
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

async function homeInPasswd(user: number): Promise<string> {
  const text = (await readStateFile(hostPath("/etc/passwd")))?.text ?? "";
  const line = text.split("\n").find((one) => one.split(":")[2] === String(user));
  return line?.split(":")[5] ?? `/home/${user}`;
}

function bounded<T>(queue: FairQueue, ask: () => Promise<T>): Promise<T> {
  const silent = new AppError("PEER_PAUSED", "Cannot read a user's home: it does not answer");
  const answered = new AbortController();
  const answer = new Promise<T>((resolve, reject) => {
    const job = (): Promise<void> => ask().then(resolve, reject);
    if (!queue.push("", job)) reject(silent);
  });
  const limit = elapsed(ANSWER_MS, answered.signal).then(() => Promise.reject(silent));
  return Promise.race([answer, limit]).finally(() => answered.abort());
}

/**
 * Rejects when `signal` aborts. While this thread does not run nobody is late: what it missed is one
 * of the short times.
 */
async function elapsed(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0; left -= TURN_MS)
    await sleep(TURN_MS, undefined, { ref: false, signal });
}

const CALLS_WAITING = 256;
/** With all tries as long as a rule waits for what a container is. */
const ANSWER_MS = 1000;
const TURN_MS = 100;
const USERS_MAX = 256;
