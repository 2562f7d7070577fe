import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../lib/errors.ts";
import type { Container, ContainerMetadata } from "./container.ts";
import { ContainerRecord } from "./container-record.ts";
import type { KubernetesApi } from "./kubernetes-api.ts";
import { podText } from "./pod-text.ts";
import type { KnownContainer, Runtime } from "./runtime.ts";

/** Whom to ask, and who hears of it. */
export interface KubernetesFactsOptions {
  readonly api: KubernetesApi;
  /** One line when it cannot be asked. */
  readonly onProblem: (message: string) => void;
  /** One line when it can again. */
  readonly onNote: (message: string) => void;
  /** Something was learned: what is known of containers may be more now. */
  readonly onLearned: () => void;
}

/**
 * What the Kubernetes API says of this node's pods: labels of their namespaces, and their owners.
 * Both are listed again each INTERVAL_MS, and soon after a pod has appeared that is not known, at
 * most once in SOON_MS. What was known stays, as events come late.
 */
export class KubernetesFacts {
  readonly #options: KubernetesFactsOptions;
  readonly #namespaces: Listing<Readonly<Record<string, string>>>;
  readonly #owners: Listing<string>;
  readonly #listings: readonly Listing<unknown>[];
  readonly #reported = new Set<string>();
  readonly #stop = new AbortController();
  #wake: () => void = () => undefined;

  constructor(options: KubernetesFactsOptions) {
    this.#options = options;
    const { api } = options;
    this.#namespaces = new Listing((signal) => api.namespaces(signal));
    this.#owners = new Listing((signal) => api.podOwners(signal));
    this.#listings = [this.#namespaces, this.#owners];
  }

  /** Lists until it is stopped. Never throws. */
  async follow(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#list();
      await pause(SOON_MS, signal);
      if (this.#listings.some((listing) => listing.isDue())) continue;
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pause(INTERVAL_MS - SOON_MS, AbortSignal.any([signal, woken.signal]));
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** The same with what is known of the container's pod. */
  addedTo(metadata: ContainerMetadata): ContainerMetadata {
    const before = metadata.podFacts;
    const [namespace, uid] = keysOf(metadata);
    const namespaceLabels = this.#namespaces.get(namespace) ?? before?.namespaceLabels;
    const owner = this.#owners.get(uid) ?? before?.owner;
    const isKnown = namespaceLabels === before?.namespaceLabels && owner === before?.owner;
    return isKnown ? metadata : { ...metadata, podFacts: { namespaceLabels, owner } };
  }

  /** True while the API is about to say what is not known of the container's pod. */
  lacks(metadata: ContainerMetadata): boolean {
    const [namespace, uid] = keysOf(metadata);
    return this.#namespaces.lacks(namespace) || this.#owners.lacks(uid);
  }

  /** Asks soon for what is not known; resolves when it is lacking no more, or after WAIT_MS. */
  async ask(metadata: ContainerMetadata): Promise<void> {
    const [namespace, uid] = keysOf(metadata);
    const asked = Promise.all([this.#namespaces.ask(namespace), this.#owners.ask(uid)]);
    if (this.#listings.some((listing) => listing.isDue())) this.#wake();
    if (!this.lacks(metadata)) return;
    const answered = new AbortController();
    await Promise.race([asked, pause(WAIT_MS, answered.signal)]);
    answered.abort();
  }

  /** Puts what has come since into the metadata of these. */
  addToAll(containers: Iterable<Container>): void {
    for (const container of containers)
      if (container instanceof ContainerRecord && container.metadata !== undefined)
        container.metadata = this.addedTo(container.metadata);
  }

  async #list(): Promise<void> {
    const due = this.#listings.filter((listing) => listing.isDue());
    await Promise.all(due.map((listing) => listing.list(this.#stop.signal)));
    if (this.#stop.signal.aborted) return;
    this.#report();
    this.#options.onLearned();
  }

  /** An outage that both listings meet is one line, and so is its end. */
  #report(): void {
    const lines = new Set<string>();
    const failing = this.#listings.filter(({ problem }) => problem !== undefined);
    for (const [index, { problem }] of this.#listings.entries()) {
      const kind = `${index} ${problem instanceof AppError ? problem.code : ""}`;
      if (problem === undefined || this.#reported.has(kind)) continue;
      this.#reported.add(kind);
      lines.add(messageOf(problem));
    }
    for (const line of lines) this.#options.onProblem(line);
    if (failing.length > 0 || this.#reported.size === 0) return;
    this.#reported.clear();
    this.#options.onNote(`The Kubernetes API at "${this.#options.api.url}" can be asked again`);
  }
}

/** Adds what Kubernetes says to what a runtime does. Whoever asks has the runtime's word at once. */
export function withKubernetes(runtime: Runtime, facts: KubernetesFacts): Runtime {
  const added = (known: KnownContainer): KnownContainer => ({
    ...known,
    metadata: facts.addedTo(known.metadata),
    isComplete: known.isComplete && !facts.lacks(known.metadata),
  });
  return {
    ...runtime,
    inspect: async (question) => {
      const onFirst = (first: KnownContainer): void => question.onFirst?.(added(first));
      const known = await runtime.inspect({ ...question, onFirst });
      if (known === undefined) return undefined;
      if (facts.lacks(known.metadata)) onFirst(known);
      await facts.ask(known.metadata);
      return { ...known, metadata: facts.addedTo(known.metadata) };
    },
  };
}

/** What one listing has brought, by the objects' names or uids. */
class Listing<Value> {
  readonly #listed: (signal: AbortSignal) => Promise<ReadonlyMap<string, Value>>;
  readonly #known = new Map<string, Value>();
  /** What a listing was made for: what it did not bring, a later one may. */
  readonly #answered = new Set<string>();
  #asked = new Set<string>();
  #next = Promise.withResolvers<void>();
  #listedAt = -Infinity;
  /** Why it cannot be listed now. */
  problem: unknown;

  constructor(listed: (signal: AbortSignal) => Promise<ReadonlyMap<string, Value>>) {
    this.#listed = listed;
  }

  get(key: string): Value | undefined {
    return this.#known.get(key);
  }

  lacks(key: string): boolean {
    return this.problem === undefined && this.#isOpen(key);
  }

  /** Resolves when a listing that begins from now on has ended. */
  ask(key: string): Promise<void> {
    if (!this.#isOpen(key)) return Promise.resolve();
    if (this.#asked.size < KNOWN_MAX) this.#asked.add(key);
    return this.#next.promise;
  }

  isDue(): boolean {
    return this.#asked.size > 0 || this.#isOld();
  }

  /** Never rejects: `problem` says why nothing came. */
  async list(signal: AbortSignal): Promise<void> {
    const [asked, ended] = [this.#asked, this.#next];
    this.#asked = new Set();
    this.#next = Promise.withResolvers();
    this.#listedAt = performance.now();
    try {
      this.#learn(await this.#listed(signal));
      if (this.#answered.size + asked.size > KNOWN_MAX) this.#answered.clear();
      for (const key of asked) this.#answered.add(key);
      this.problem = undefined;
    } catch (thrown) {
      // That it is not asked for a while says less than why.
      const isPaused = thrown instanceof AppError && thrown.code === "PEER_PAUSED";
      if (!isPaused) this.problem = thrown;
    } finally {
      ended.resolve();
    }
  }

  #learn(listed: ReadonlyMap<string, Value>): void {
    for (const [key, value] of listed) {
      this.#known.delete(key);
      this.#known.set(key, value);
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KNOWN_MAX) break;
      this.#known.delete(oldest);
    }
  }

  #isOpen(key: string): boolean {
    return key !== "" && !this.#known.has(key) && !this.#answered.has(key);
  }

  #isOld(): boolean {
    return performance.now() - this.#listedAt >= INTERVAL_MS - SOON_MS;
  }
}

function keysOf(metadata: ContainerMetadata): [namespace: string, uid: string] {
  return [podText(metadata, "namespace") ?? "", podText(metadata, "uid") ?? ""];
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { ref: false, signal }).catch(() => undefined);
}

const INTERVAL_MS = 30_000;
const SOON_MS = 1000;
/** Within what an alert waits for its container's runtime. */
const WAIT_MS = 1500;
const KNOWN_MAX = 20_000;
