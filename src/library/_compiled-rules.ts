import { AppError } from "../lib/errors.ts";
import type { RuleSet } from "../rules/rule-set.ts";

/** Rules that are ready to run; what is behind them is Saker's own. */
export interface CompiledRules {
  /**
   * Of the rules that are switched on, in the order of their definition, then of the counts and
   * sequences.
   */
  readonly names: readonly string[];
}

const SETS = new WeakMap<CompiledRules, RuleSet>();

/** Gives a set of rules its outside. */
export function compiledRulesOf(set: RuleSet): CompiledRules {
  const rules: CompiledRules = Object.freeze({
    names: [...set.rules, ...set.correlations].map(({ name }) => name),
  });
  SETS.set(rules, set);
  return rules;
}

/** What stands behind `rules`. Throws `USAGE_RULES` for what `compileRules` has not made. */
export function ruleSetOf(rules: CompiledRules): RuleSet {
  const set = SETS.get(rules);
  if (set !== undefined) return set;
  throw new AppError("USAGE_RULES", "Cannot use these rules: compileRules has not made them", {
    hint: 'import { compileRules } from "saker/rules"',
  });
}
