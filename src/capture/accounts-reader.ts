import type { Container } from "../containers/container.ts";
import { hostPath, isOnHost } from "../lib/host-root.ts";
import type { Accounts } from "../state/scene.ts";
import type { FileReader } from "../untrusted/file-reader.ts";
import { type AccountFiles, type KnownStamps, REQUESTS } from "../untrusted/requests.ts";
import { LiveAccounts, type Reading } from "./live-accounts.ts";

/** Where accounts are read from, and by whom. */
export interface AccountsReaderOptions {
  readonly files: Pick<FileReader, "ask" | "isClosed">;
  /** What cannot be read of a container, once for each. */
  readonly onProblem: (text: string) => void;
  /** In milliseconds, from any beginning. */
  readonly now: () => number;
  /** As `LiveAccounts` has it. */
  readonly patienceMs?: number;
  /** Where the host's are; default /etc and /proc, or below `/host` in a container. */
  readonly etc?: string;
  readonly procRoot?: string;
}

/**
 * Names of users and groups: the host's from /etc, a container's from its own root as long as one
 * of its processes lives. A container's are read when they are first asked for, in another thread:
 * what is answered until then is root's name alone, and who can wait asks `Accounts.reading`. Never
 * a process's that is in the host's root still, as a runtime's is that starts a container.
 */
export class AccountsReader {
  readonly #options: AccountsReaderOptions;
  readonly #host: LiveAccounts;
  readonly #ofContainers = new Map<string, Entry>();
  #nameless = 0;

  constructor(options: AccountsReaderOptions) {
    this.#options = options;
    const etc = options.etc ?? hostPath("/etc");
    const { files, now, patienceMs } = options;
    this.#host = new LiveAccounts({
      now,
      patienceMs,
      read: async (known) =>
        (await files.ask("accountsIn", { etc, known }, "the host's accounts")) ?? "unanswered",
    });
    this.#host.take(REQUESTS.accountsIn({ etc }));
  }

  /** The accounts that a process's ids belong to. Hot: one look-up. */
  of(container: Container | undefined, pid: number): Accounts {
    if (container === undefined) return this.#host;
    const entry = this.#ofContainers.get(container.fullId) ?? this.#enter(container);
    entry.pid = pid;
    entry.container = container;
    // What was read by another process's root, or before it was started anew.
    const first = container.metadata?.pid ?? 0;
    if (first !== entry.askedFirst && first > 0 && entry.readBy !== 0) entry.accounts.refresh();
    return entry.accounts;
  }

  /** Containers whose accounts could not be read, or not all of them. */
  get nameless(): number {
    return this.#nameless;
  }

  #enter(container: Container): Entry {
    this.#makeRoom();
    const { now, patienceMs } = this.#options;
    const accounts = new LiveAccounts({
      now,
      patienceMs,
      read: (known) => this.#read(entry, known),
    });
    const entry: Entry = {
      accounts,
      container,
      pid: 0,
      gone: new Set(),
      askedFirst: 0,
      readBy: 0,
      hasProblem: false,
    };
    this.#ofContainers.set(container.fullId, entry);
    return entry;
  }

  async #read(entry: Entry, known: KnownStamps): Promise<Reading> {
    const { files, procRoot = hostPath("/proc") } = this.#options;
    const { container } = entry;
    const pid = whomToAsk(entry);
    if (pid === undefined) return isEarly(container) ? "early" : "gone";
    if (pid === container.metadata?.pid) entry.askedFirst = pid;
    const name = container.metadata?.name ?? container.id;
    const answer = await files.ask(
      "accounts",
      {
        process: `${procRoot}/${pid}`,
        cgroupPart: container.fullId,
        hostProcesses: isOnHost() ? [`${procRoot}/1`, "/proc/self"] : [`${procRoot}/1`],
        ...(pid === entry.readBy ? { known } : {}),
      },
      `the accounts of container ${name}`,
    );
    switch (answer) {
      case undefined:
        // When the watch ends, that says nothing about the container.
        if (!files.isClosed) this.#count(entry);
        return "unanswered";
      case "host":
        return { names: this.#host };
      case "gone":
        if (entry.gone.size >= MAX_GONE) entry.gone.clear();
        entry.gone.add(pid);
        return whomToAsk(entry) !== undefined || isEarly(container) ? "early" : "gone";
      default:
        entry.readBy = pid;
        this.#reportRefusals(entry, name, answer);
        return answer;
    }
  }

  #reportRefusals(entry: Entry, container: string, { passwd, group }: AccountFiles): void {
    const refused = Object.entries({ passwd, group }).flatMap(([file, read]) =>
      typeof read === "string" && read in REFUSAL_WORDS
        ? [`/etc/${file} ${REFUSAL_WORDS[read as keyof typeof REFUSAL_WORDS]}`]
        : [],
    );
    if (refused.length > 0)
      this.#reportOnce(
        entry,
        `Users of container ${container} have no names: its ${refused.join(", its ")}`,
      );
  }

  #reportOnce(entry: Entry, problem: string): void {
    if (!this.#count(entry)) return;
    if (this.#nameless <= MAX_REPORTED) this.#options.onProblem(problem);
    if (this.#nameless === MAX_REPORTED)
      this.#options.onProblem("Further containers whose users have no names are counted only");
  }

  /** False when the container has been counted before. */
  #count(entry: Entry): boolean {
    if (entry.hasProblem) return false;
    entry.hasProblem = true;
    this.#nameless += 1;
    return true;
  }

  #makeRoom(): void {
    const size = (): number =>
      this.#ofContainers.values().reduce((sum, { accounts }) => sum + accounts.size, 0);
    while (this.#ofContainers.size >= MAX_CONTAINERS || size() > MAX_SIZE) {
      const oldest = this.#ofContainers.keys().next().value;
      if (oldest === undefined) return;
      this.#ofContainers.delete(oldest);
    }
  }
}

interface Entry {
  readonly accounts: LiveAccounts;
  /** Who acted last. */
  pid: number;
  container: Container;
  /** Processes that have ended. */
  readonly gone: Set<number>;
  /** The first process that was asked, whatever came of it. */
  askedFirst: number;
  /** Whose root was read last. */
  readBy: number;
  hasProblem: boolean;
}

/** The first process's root is the container's; others may be in one of their own making. */
function whomToAsk({ container, pid, gone }: Entry): number | undefined {
  const first = container.metadata?.pid ?? 0;
  return [first, pid].find((candidate) => candidate > 0 && !gone.has(candidate));
}

/** Its runtime has not said yet which process is the first. */
function isEarly({ state, metadata }: Container): boolean {
  return state !== "failed" && (metadata?.pid ?? 0) === 0;
}

/** What is worth a word: a container without such files has no names, which is as it should be. */
const REFUSAL_WORDS = {
  elsewhere: "leads to another file system, or over too many links",
  fileSystem: "is on a file system that may never answer",
  kind: "is no regular file",
  size: "is larger than 256 kB",
  failed: "cannot be read",
} as const;

const MAX_GONE = 16;
const MAX_CONTAINERS = 1024;
/** Characters of all containers' files. */
const MAX_SIZE = 32 << 20;
const MAX_REPORTED = 20;
