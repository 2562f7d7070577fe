import { RuleWatch } from "../config/rule-watch.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { ruleChanges, summarizeChanges } from "../rules/rule-changes.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import type { LoadedRuleSet } from "./load-rule-set.ts";
import { onHangup } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** Which files are loaded again when they change, and by whom. */
export interface LiveRulesOptions {
  readonly paths: readonly string[];
  readonly load: () => LoadedRuleSet;
  readonly terminal: Terminal;
}

/**
 * The rules of a watch: loaded at once, and again when their files change or on SIGHUP. Rules that
 * do not load leave the old ones in place.
 */
export class LiveRules {
  readonly #options: LiveRulesOptions;
  readonly #watch: RuleWatch;
  readonly #stopHangup: () => void;
  #loaded: LoadedRuleSet;
  #use: ((set: RuleSet) => void) | undefined;
  #isAsked = false;

  /** Throws what `load` throws. */
  constructor(options: LiveRulesOptions) {
    this.#options = options;
    // Before the files are read: what changes meanwhile is a change.
    this.#watch = new RuleWatch({ paths: options.paths, onChange: () => this.#reload() });
    this.#loaded = options.load();
    this.#stopHangup = onHangup(() => this.#reloadNow());
  }

  get loaded(): LoadedRuleSet {
    return this.#loaded;
  }

  /**
   * From now on rules that load are handed to `use`; `files`: not on SIGHUP alone, but whenever
   * their files change.
   */
  follow({ files, use }: { readonly files: boolean; readonly use: (set: RuleSet) => void }): void {
    this.#use = use;
    if (this.#isAsked) this.#reloadNow();
    if (files) this.#watch.start();
  }

  close(): void {
    this.#watch.close();
    this.#stopHangup();
    this.#use = undefined;
  }

  #reloadNow(): void {
    this.#isAsked = true;
    this.#watch.acknowledge();
    this.#reload();
  }

  #reload(): void {
    const use = this.#use;
    if (use === undefined) return;
    const { load, terminal } = this.#options;
    const before = this.#loaded;
    try {
      const after = load();
      refuseEmptied(before, after);
      use(after.set);
      this.#loaded = after;
      terminal.note(
        `rules reloaded: ${summarizeChanges(ruleChanges(alerting(before), alerting(after)))}; ${after.rules.length} rules from ${after.files.length} files`,
      );
    } catch (thrown) {
      // Whatever it is, a watch outlives it.
      const hint =
        thrown instanceof AppError && thrown.hint !== undefined ? ` (${thrown.hint})` : "";
      terminal.problem(
        `${messageOf(thrown)}; the ${before.rules.length} rules loaded before stay in place${hint}`,
      );
    }
  }
}

function alerting({ rules, correlations }: LoadedRuleSet) {
  return [...rules, ...correlations];
}

/**
 * An empty file is what many editors leave between two steps: taken for the truth, it would silence
 * all its rules.
 */
function refuseEmptied(before: LoadedRuleSet, after: LoadedRuleSet): void {
  const had = new Set(
    before.files.filter(({ text }) => text.trim() !== "").map(({ name }) => name),
  );
  const emptied = after.files.find(({ name, text }) => text.trim() === "" && had.has(name));
  if (emptied === undefined) return;
  throw new AppError(
    "CONFIG_RULES",
    `Cannot load rules from "${emptied.name}": the file is empty now`,
    { hint: "to drop its rules, remove it or leave a comment in it" },
  );
}
