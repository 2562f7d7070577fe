import { type FSWatcher, statSync, watch } from "node:fs";
import { basename } from "node:path";
import { messageOf } from "../lib/errors.ts";
import { type SharedInterval, sharedInterval } from "../lib/shared-interval.ts";
import { ruleFileNames, ruleFolders } from "./rule-files.ts";

/** Which files are watched, who hears of a change, and how soon; times in milliseconds. */
export interface RuleWatchOptions {
  /** As `readRuleFiles` takes them. */
  readonly paths: readonly string[];
  /** The files are not what they were when last seen, and nobody is writing them any more. */
  readonly onChange: () => void;
  /** How long files must lie still before they count as written, in milliseconds. */
  readonly settleMs?: number;
  /** How often they are looked at without being told, in milliseconds. */
  readonly pollMs?: number;
}

const SETTLE_MS = 150;
const POLL_MS = 2000;

/**
 * Tells when rule files change, appear or go. The folders are watched, not the files: editors
 * rename new files over old ones, and Kubernetes turns a link to another folder. What the kernel
 * does not tell (network mounts, links further away) the next look finds. What was changed between
 * the constructor and `start()` counts.
 */
export class RuleWatch {
  readonly #options: Required<RuleWatchOptions>;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #names: ReadonlySet<string>;
  #seen: string;
  /** What the last look saw, where that is not yet told. */
  #unsettled: string | undefined;
  #polls: SharedInterval | undefined;
  /** Set while files are seen to change. */
  #timer: NodeJS.Timeout | undefined;
  #isHurried = false;

  constructor(options: RuleWatchOptions) {
    this.#options = { settleMs: SETTLE_MS, pollMs: POLL_MS, ...options };
    this.#names = new Set(options.paths.map((path) => basename(path)));
    this.#seen = fingerprint(options.paths);
  }

  /** Looks from now on, until `close()`. */
  start(): void {
    this.#polls = sharedInterval(() => {
      if (this.#timer === undefined) this.#look();
    }, this.#options.pollMs);
    this.#look();
  }

  /** What is there now counts as seen: whoever reads the files after this reads nothing older. */
  acknowledge(): void {
    this.#seen = fingerprint(this.#options.paths);
    this.#unsettled = undefined;
  }

  close(): void {
    this.#polls?.close();
    this.#polls = undefined;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    this.#timer = undefined;
  }

  #look(): void {
    const { paths, settleMs, onChange } = this.#options;
    this.#isHurried = false;
    this.#watchFolders();
    const now = fingerprint(paths);
    const isSettled = now === this.#unsettled;
    this.#unsettled = now === this.#seen || isSettled ? undefined : now;
    clearTimeout(this.#timer);
    this.#timer =
      this.#unsettled === undefined ? undefined : setTimeout(() => this.#look(), settleMs);
    if (!isSettled || now === this.#seen) return;
    this.#seen = now;
    onChange();
  }

  /**
   * The kernel told of something: two looks come soon, the second one to see whether the files lie
   * still.
   */
  #hurry(): void {
    if (this.#isHurried || this.#polls === undefined || this.#unsettled !== undefined) return;
    this.#isHurried = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), this.#options.settleMs / 3);
  }

  /**
   * A watch is on a folder itself, not on its name: those whose names stand for other folders now
   * are watched anew.
   */
  #watchFolders(): void {
    const folders = new Map(
      ruleFolders(this.#options.paths).map((path) => [`${path} ${identityOf(path)}`, path]),
    );
    for (const [key, watcher] of this.#watchers) {
      if (folders.has(key)) continue;
      watcher.close();
      this.#watchers.delete(key);
    }
    for (const [key, path] of folders) {
      if (this.#watchers.has(key)) continue;
      try {
        const watcher = watch(path, (_, name) => {
          if (name === null || MAY_MATTER.test(name) || this.#names.has(name)) this.#hurry();
        });
        watcher.on("error", () => {
          watcher.close();
          this.#watchers.delete(key);
        });
        this.#watchers.set(key, watcher);
      } catch {
        // Not there, or no watches left: looking now and then is enough.
      }
    }
  }
}

/**
 * Rule files, and the links of Kubernetes: other files in the folder may be written a thousand
 * times a second.
 */
const MAY_MATTER = /\.ya?ml$|^\.\./;

function identityOf(path: string): string {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return "absent";
  }
}

/** Differs whenever what would be read may differ. */
function fingerprint(paths: readonly string[]): string {
  try {
    return ruleFileNames(paths)
      .map((name) => `${name} ${versionOf(name)}`)
      .join("\n");
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function versionOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined
    ? "absent"
    : [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(":");
}
