import { lookup } from "node:dns/promises";
import { addressBytes } from "../lib/ip-bytes.ts";
import { latin1Text } from "../lib/text.ts";

/** How names of hosts are looked up; pauses in milliseconds. */
export interface HostNamesOptions {
  readonly onProblem: (text: string) => void;
  /**
   * All addresses of a name as text. Rejects with `code` ENOTFOUND when it has none, with another
   * one when nobody could be asked.
   */
  readonly addressesOf?: (name: string) => Promise<readonly string[]>;
  /** Between two rounds: the first pause, and the longest. Each is twice the one before. */
  readonly pauseMs?: { readonly first: number; readonly most: number };
}

/** Names that rules ask for, and those of them that have no address so far. */
export interface HostNamesStats {
  readonly names: number;
  /** Those that have no address as far as is known. */
  readonly without: readonly string[];
}

/** The most names that are looked up. */
const MAX_NAMES = 10_000;

/** As in Falco (libs, `sinsp_dns_manager`). */
const PAUSE_MS = { first: 10_000, most: 320_000 };

/**
 * The addresses of the host names that rules compare with, looked up in the background, one at a
 * time, and again after a pause that grows. Without names it asks nobody. A name that has no
 * address is nothing to complain of: `kubernetes.default.svc.cluster.local` has none outside a
 * cluster.
 */
export class HostNames {
  readonly #options: HostNamesOptions;
  #names: ReadonlySet<string> = new Set();
  /** Those of the present round that are still to be looked up. */
  #queue: string[] = [];
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = 0;
  /** Addresses as keys, by name. */
  readonly #addresses = new Map<string, readonly string[]>();
  /** The same the other way round, names in their order. */
  readonly #namesOf = new Map<string, readonly string[]>();

  constructor(options: HostNamesOptions) {
    this.#options = options;
  }

  /** From now on these are looked up, and no others. What is known of those that stay is kept. */
  use(names: ReadonlySet<string>): void {
    const hosts = [...names].filter((name) => HOST.test(name));
    if (hosts.length > MAX_NAMES)
      this.#options.onProblem(
        `Cannot look up all host names of the rules: ${hosts.length - MAX_NAMES} are left out, ${MAX_NAMES} are the most`,
      );
    this.#names = new Set(hosts.slice(0, MAX_NAMES));
    for (const name of this.#addresses.keys()) if (!this.#names.has(name)) this.#set(name, []);
    this.#pauseMs = (this.#options.pauseMs ?? PAUSE_MS).first;
    this.#startRound();
  }

  /** Hot: the names of an address, in alphabetical order. */
  namesOf(address: Uint8Array): readonly string[] {
    return this.#namesOf.size === 0 ? NONE : (this.#namesOf.get(latin1Text(address)) ?? NONE);
  }

  stats(): HostNamesStats {
    return {
      names: this.#names.size,
      without: [...this.#names].filter((name) => !this.#addresses.has(name)),
    };
  }

  /** Nothing is asked any more; an answer that is still to come is left. */
  close(): void {
    this.use(new Set());
  }

  #startRound(): void {
    clearTimeout(this.#timer);
    this.#queue = [...this.#names].toReversed();
    if (!this.#isAsking) void this.#ask();
  }

  /** Until nothing is left to ask, whatever was put in place meanwhile. */
  async #ask(): Promise<void> {
    this.#isAsking = true;
    for (let name = this.#queue.pop(); name !== undefined; name = this.#queue.pop()) {
      const addresses = await this.#lookUp(name);
      if (this.#names.has(name)) this.#set(name, addresses);
    }
    this.#isAsking = false;
    if (this.#names.size === 0) return;
    this.#timer = setTimeout(() => this.#startRound(), this.#pauseMs).unref();
    this.#pauseMs = Math.min(2 * this.#pauseMs, (this.#options.pauseMs ?? PAUSE_MS).most);
  }

  async #lookUp(name: string): Promise<readonly string[]> {
    try {
      const texts = await (this.#options.addressesOf ?? addressesOf)(name);
      return [...new Set(texts.flatMap(keyOf))];
    } catch (thrown) {
      // Who cannot be asked has not said that the addresses are others now.
      const isGone = (thrown as NodeJS.ErrnoException).code === "ENOTFOUND";
      return isGone ? [] : (this.#addresses.get(name) ?? []);
    }
  }

  #set(name: string, addresses: readonly string[]): void {
    for (const key of this.#addresses.get(name) ?? []) {
      const others = (this.#namesOf.get(key) ?? []).filter((other) => other !== name);
      if (others.length > 0) this.#namesOf.set(key, others);
      else this.#namesOf.delete(key);
    }
    for (const key of addresses)
      this.#namesOf.set(key, [...(this.#namesOf.get(key) ?? []), name].toSorted());
    if (addresses.length > 0) this.#addresses.set(name, addresses);
    else this.#addresses.delete(name);
  }
}

/** What may be a host's name or address; rules compare with `<NA>`, too. */
const HOST = /^[\w.:-]{1,253}$/;

const NONE: readonly string[] = [];

/** getaddrinfo(3), so that /etc/hosts and the host's other sources count. */
async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** The bytes of an address, as `namesOf` gets them; a link-local one without its interface. */
function keyOf(text: string): readonly string[] {
  const bytes = addressBytes(text.replace(/%.*/s, ""));
  return bytes === undefined ? [] : [latin1Text(bytes)];
}
