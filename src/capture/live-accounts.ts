import { setTimeout as sleep } from "node:timers/promises";
import type { AccountFiles, KnownStamps } from "../untrusted/requests.ts";
import { parseAccounts } from "../state/accounts.ts";
import type { Accounts } from "../state/scene.ts";

/**
 * What came of a reading: the files; other names that hold for now; or nothing, and it will soon be
 * known whom to ask (`early`), it may be asked again at once (`gone`) or not soon (`unanswered`).
 */
export type Reading = AccountFiles | { readonly names: Accounts } | "early" | "gone" | "unanswered";

/** How accounts are read again when their files change; `now` in milliseconds. */
export interface LiveAccountsOptions {
  /** Reads the files. Never rejects. */
  readonly read: (known: KnownStamps) => Promise<Reading>;
  /** In milliseconds, from any beginning. */
  readonly now: () => number;
  /** How long anybody waits for names, in milliseconds; default a second. */
  readonly patienceMs?: number | undefined;
}

/**
 * Names of users and groups out of files that change: read when they are first asked for, looked at
 * again from time to time, and when an id has no name. Answers are at once what is known; who can
 * wait asks `reading`.
 */
export class LiveAccounts implements Accounts {
  readonly #options: LiveAccountsOptions;
  #names: Accounts = NOBODY_KNOWN;
  #texts = { passwd: "", group: "" };
  #known: KnownStamps = { passwd: undefined, group: undefined };
  #isRead = false;
  #isAsking = false;
  /** Of what is being asked, until its patience is over. */
  #reading: Promise<void> | undefined;
  /** Somebody came to wait after the question: its answer may be older than what they saw. */
  #hasJoined = false;
  #mayReadAt = Number.NEGATIVE_INFINITY;
  /** Nobody answered: each question may cost a thread. */
  #silentUntil = Number.NEGATIVE_INFINITY;
  #isStaleAt = Number.NEGATIVE_INFINITY;
  #provisionalSince: number | undefined;
  #failures = 0;

  constructor(options: LiveAccountsOptions) {
    this.#options = options;
  }

  userName(uid: number): string | undefined {
    return this.#names.userName(uid);
  }

  userHome(uid: number): string | undefined {
    return this.#names.userHome(uid);
  }

  userShell(uid: number): string | undefined {
    return this.#names.userShell(uid);
  }

  groupName(gid: number): string | undefined {
    return this.#names.groupName(gid);
  }

  /** Hot: two look-ups where both names are known. */
  reading(uid: number, gid: number): Promise<void> | undefined {
    const isKnown =
      this.#isRead &&
      this.#names.userName(uid) !== undefined &&
      this.#names.groupName(gid) !== undefined;
    if (isKnown) {
      if (this.#options.now() >= this.#isStaleAt) this.refresh();
      return undefined;
    }
    if (this.#isAsking) this.#hasJoined = true;
    else if (this.#options.now() >= this.#mayReadAt) this.refresh();
    return this.#reading;
  }

  /** Reads anew what is known: it was somebody else's, or may have changed. */
  refresh(): void {
    if (this.#isAsking || this.#options.now() < this.#silentUntil) return;
    this.#isAsking = true;
    this.#hasJoined = false;
    this.#reading = this.#withPatience(this.#ask());
  }

  /** Takes in files that were read by others. */
  take(files: AccountFiles): void {
    this.#took(files, this.#options.now());
  }

  /** Characters of the files that are kept. */
  get size(): number {
    return this.#texts.passwd.length + this.#texts.group.length;
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? PATIENCE_MS;
  }

  async #withPatience(asked: Promise<void>): Promise<void> {
    await Promise.race([asked, sleep(this.#patienceMs, undefined, { ref: false })]);
    if (this.#isAsking) this.#reading = undefined;
  }

  async #ask(): Promise<void> {
    const since = this.#options.now();
    while (await this.#askOnce(since)) {
      this.#hasJoined = false;
      await sleep(AGAIN_MS);
    }
    this.#isAsking = false;
    this.#reading = undefined;
  }

  /** True when it is to be asked again at once. */
  async #askOnce(since: number): Promise<boolean> {
    const reading = await this.#options.read(this.#known);
    const now = this.#options.now();
    this.#tookReading(reading, now);
    if (now - since > this.#patienceMs) return false;
    if (reading === "early") return true;
    const isForOthers = reading === "gone" || (reading !== "unanswered" && "names" in reading);
    return isForOthers && this.#hasJoined;
  }

  #tookReading(reading: Reading, now: number): void {
    if (reading === "gone" || reading === "early") return;
    if (reading === "unanswered") {
      const pause = UNANSWERED_MS * 2 ** Math.min(this.#failures, MAX_DOUBLINGS);
      this.#mayReadAt = this.#isStaleAt = this.#silentUntil = now + pause;
      this.#failures += 1;
    } else if ("names" in reading) {
      this.#provisionalSince ??= now;
      if (!this.#isRead) this.#names = reading.names;
      if (now - this.#provisionalSince > LASTING_MS) this.#mayReadAt = now + LASTING_AGAIN_MS;
    } else {
      this.#took(reading, now);
    }
  }

  #took({ passwd, group }: AccountFiles, now: number): void {
    const text = (file: AccountFiles["passwd"], before: string): string =>
      file === "unchanged" ? before : typeof file === "object" ? file.text : "";
    const stamp = (file: AccountFiles["passwd"], before: string | undefined): string | undefined =>
      file === "unchanged" ? before : typeof file === "object" ? file.stamp : undefined;
    if (passwd !== "unchanged" || group !== "unchanged" || !this.#isRead) {
      this.#texts = {
        passwd: text(passwd, this.#texts.passwd),
        group: text(group, this.#texts.group),
      };
      this.#names = parseAccounts(this.#texts.passwd, this.#texts.group);
    }
    this.#known = {
      passwd: stamp(passwd, this.#known.passwd),
      group: stamp(group, this.#known.group),
    };
    this.#isRead = true;
    this.#failures = 0;
    const pause = this.size * MS_PER_CHARACTER;
    this.#mayReadAt = now + UNKNOWN_MS + pause;
    this.#isStaleAt = now + STALE_MS + pause;
  }
}

const NOBODY_KNOWN = parseAccounts("", "");
const PATIENCE_MS = 1000;
const AGAIN_MS = 10;
/** So often an id without a name has the files read again, and so often they are looked at anyway. */
const UNKNOWN_MS = 3000;
const STALE_MS = 30_000;
/** The larger the more seldom: to take a name apart costs up to 0.1 µs a character. */
const MS_PER_CHARACTER = 0.1;
/** A container that stays in the host's root, and how often it is looked at then. */
const LASTING_MS = 10_000;
const LASTING_AGAIN_MS = 1000;
const UNANSWERED_MS = 10_000;
const MAX_DOUBLINGS = 9;
