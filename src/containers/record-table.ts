import type { ContainerRecord } from "./container-record.ts";

/**
 * The records of all containers by their ids: two containers of two runtimes may have one id. Those
 * that have stopped are forgotten first, in the order of their ends.
 */
export class RecordTable {
  readonly #byFullId = new Map<string, ContainerRecord[]>();
  /** In the order of their ends. */
  readonly #stopped = new Set<ContainerRecord>();
  #size = 0;
  /** Called with each record that the table lets go. */
  onForgotten: (record: ContainerRecord) => void = () => undefined;

  get size(): number {
    return this.#size;
  }

  all(fullId: string): readonly ContainerRecord[] {
    return this.#byFullId.get(fullId) ?? [];
  }

  /** By the whole id, or any beginning of at least 4 characters that only one container has. */
  byId(id: string): ContainerRecord | undefined {
    const exact = preferred(this.all(id));
    if (exact !== undefined || id.length < 4 || id.length >= 64) return exact;
    const matches = [...this.#byFullId].filter(([fullId]) => fullId.startsWith(id));
    return matches.length === 1 ? preferred(matches[0]?.[1] ?? []) : undefined;
  }

  byName(name: string): ContainerRecord | undefined {
    return preferred([...this.#records()].filter((record) => record.metadata?.name === name));
  }

  running(): ContainerRecord[] {
    return [...this.#records()].filter((record) => record.running);
  }

  add(record: ContainerRecord): ContainerRecord {
    const others = this.#byFullId.get(record.fullId) ?? [];
    this.#byFullId.set(record.fullId, [...others, record]);
    this.#size += 1;
    this.#stopped.add(record);
    this.#makeRoom();
    return record;
  }

  started(record: ContainerRecord): void {
    this.#stopped.delete(record);
  }

  ended(record: ContainerRecord): void {
    this.#stopped.add(record);
    this.#makeRoom();
  }

  forget(record: ContainerRecord): void {
    const all = this.all(record.fullId);
    if (!all.includes(record)) return;
    const others = all.filter((other) => other !== record);
    if (others.length > 0) this.#byFullId.set(record.fullId, others);
    else this.#byFullId.delete(record.fullId);
    this.#size -= 1;
    this.#stopped.delete(record);
    this.onForgotten(record);
  }

  #makeRoom(): void {
    const [oldest] = this.#stopped;
    if (this.#stopped.size > STOPPED_MAX && oldest !== undefined) this.forget(oldest);
    if (this.#size <= CONTAINERS_MAX) return;
    const [victim] = this.#stopped.size > 0 ? this.#stopped : this.#records();
    if (victim !== undefined) this.forget(victim);
  }

  *#records(): Iterable<ContainerRecord> {
    for (const records of this.#byFullId.values()) yield* records;
  }
}

/** The one that runs; of several the newest. */
function preferred(records: readonly ContainerRecord[]): ContainerRecord | undefined {
  return records.findLast((record) => record.running) ?? records.at(-1);
}

const STOPPED_MAX = 4096;
/** The most containers that are kept. */
export const CONTAINERS_MAX = 16_384;
