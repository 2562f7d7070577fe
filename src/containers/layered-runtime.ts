import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../lib/errors.ts";
import { FairQueue } from "../lib/fair-queue.ts";
import type { ContainerRuntime } from "./container.ts";
import { mergedMetadata } from "./metadata.ts";
import { patiently } from "./patiently.ts";
import type {
  KnownContainer,
  Runtime,
  RuntimeApi,
  RuntimeFiles,
  RuntimeQuestion,
} from "./runtime.ts";

/** What `layeredRuntime` joins to one runtime: its files and its API. */
export interface RuntimeLayers {
  readonly name: string;
  readonly kinds: readonly ContainerRuntime[];
  readonly files: RuntimeFiles;
  readonly api: RuntimeApi;
}

/**
 * A runtime that is known by its files, which are read first and decide what exists, and by its
 * API, which is asked for the rest. What the files say counts when the API says nothing.
 */
export function layeredRuntime({ name, kinds, files, api }: RuntimeLayers): Runtime {
  const turns = new FairQueue(TURNS);
  const inspect = async (question: RuntimeQuestion): Promise<KnownContainer | undefined> => {
    const first = await files.inspect(question);
    // By a control group it can only be meant as an id, and the files know all ids.
    const isDecided = question.directory !== undefined && (await files.isThere());
    if (first === undefined && isDecided) return undefined;
    if (first !== undefined) question.onFirst?.(first);
    try {
      const ask = (): ReturnType<RuntimeApi["inspect"]> =>
        patiently(() => api.inspect(question, first), isLate);
      const more = await (question.asker === undefined
        ? ask()
        : inTurn(turns, question.asker, ask));
      return first === undefined || more === undefined ? (more ?? first) : merged(first, more);
    } catch (error) {
      if (first === undefined) throw error;
      // More may stand there by now.
      return (await files.inspect(question)) ?? first;
    }
  };
  return {
    name,
    kinds,
    inspect,
    list: () => api.list().catch(() => files.list()),
    status: async () => {
      const hasFiles = (await files.isThere()) && (await files.isUsed?.()) !== false;
      try {
        return { hasFiles, version: await api.version() };
      } catch (error) {
        return { hasFiles, problem: messageOf(error), lacksWithoutApi: api.adds };
      }
    },
    watch: async (listener, signal) => {
      if (api.watch !== undefined) return api.watch(listener, signal);
      await Promise.all([files.watch(listener, signal), keepAwake(api, signal)]);
    },
  };
}

function inTurn<T>(turns: FairQueue, asker: string, ask: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    turns.push(asker, () => ask().then(resolve, reject));
  });
}

/** Asks now and then, so that it is known whether it answers before that matters. */
async function keepAwake(api: RuntimeApi, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await api.version().catch(() => undefined);
    await sleep(AWAKE_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** A runtime of which only files are read. */
export function filesRuntime(files: RuntimeFiles): Runtime {
  return { ...files, status: async () => ({ hasFiles: await files.isThere() }) };
}

function merged(first: KnownContainer, more: KnownContainer): KnownContainer {
  return {
    ...first,
    running: more.running ?? first.running,
    metadata: mergedMetadata(first.metadata, more.metadata),
    places: first.places.length > 0 ? first.places : more.places,
    isComplete: true,
  };
}

function isLate(error: unknown): boolean {
  return error instanceof AppError && error.code === "PEER_GRPC_TIMEOUT";
}

/** Of questions to the API, behind the files: at most one waits for each container that is known. */
const TURNS = { capacity: Infinity, capacityOfKey: Infinity, parallel: 32, parallelOfKey: 32 };
const AWAKE_MS = 20_000;
