import { readFileSync, statSync } from "node:fs";
import type { Container } from "../containers/container.ts";
import { hostPath } from "../lib/host-root.ts";
import { parseAccounts } from "../state/accounts.ts";
import type { Accounts } from "../state/scene.ts";

const MAX_CONTAINERS = 1024;

/** How often the host's files are looked at for changes. */
const CHECK_INTERVAL_MS = 5000;

/**
 * Names of users and groups: the host's from /etc, a container's from its own root file system as
 * long as one of its processes lives (/proc/PID/root). Each file is read once; the host's again
 * when it changes.
 */
export class AccountsReader {
  readonly #etc: string;
  readonly #procRoot: string;
  readonly #now: () => number;
  readonly #ofContainer = new Map<string, Accounts>();
  #host: Accounts;
  #stamp: string;
  #checkedAt: number;

  constructor(options: {
    readonly etc?: string;
    readonly procRoot?: string;
    readonly now: () => number;
  }) {
    this.#etc = options.etc ?? hostPath("/etc");
    this.#procRoot = options.procRoot ?? hostPath("/proc");
    this.#now = options.now;
    this.#host = readAccounts(this.#etc);
    this.#stamp = stampOf(this.#etc);
    this.#checkedAt = this.#now();
  }

  /** The accounts that a process's ids belong to. Hot: nearly always one or two look-ups. */
  of(container: Container | undefined, pid: number): Accounts {
    if (container === undefined) return this.#hostAccounts();
    const known = this.#ofContainer.get(container.fullId);
    if (known !== undefined) return known;
    if (this.#ofContainer.size >= MAX_CONTAINERS) this.#ofContainer.clear();
    const accounts = readAccounts(`${this.#procRoot}/${pid}/root/etc`);
    this.#ofContainer.set(container.fullId, accounts);
    return accounts;
  }

  #hostAccounts(): Accounts {
    if (this.#now() - this.#checkedAt > CHECK_INTERVAL_MS) {
      this.#checkedAt = this.#now();
      const stamp = stampOf(this.#etc);
      if (stamp !== this.#stamp) this.#host = readAccounts(this.#etc);
      this.#stamp = stamp;
    }
    return this.#host;
  }
}

function readAccounts(etc: string): Accounts {
  return parseAccounts(readSmall(`${etc}/passwd`), readSmall(`${etc}/group`));
}

/** A container owns its files: one that is absurdly large is left alone. */
const MAX_BYTES = 1 << 20;

function readSmall(path: string): string {
  try {
    return statSync(path).size > MAX_BYTES ? "" : readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function stampOf(etc: string): string {
  return ["passwd", "group"].map((name) => modifiedAt(`${etc}/${name}`)).join(" ");
}

function modifiedAt(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
