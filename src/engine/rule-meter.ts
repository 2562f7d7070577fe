import { type CompiledRule, compileRuleSet, type RuleSet } from "../rules/rule-set.ts";

/** What one rule cost since its set was put in place. */
export interface MeteredRule {
  readonly name: string;
  readonly evaluations: number;
  readonly matches: number;
  /** Of the time that all rules took, 0 to 1. */
  readonly share: number;
  /** Of one evaluation, on average, in nanoseconds. */
  readonly meanNs: number;
}

/** The clock that evaluations are timed by. */
export interface RuleMeterOptions {
  /** Milliseconds, with their fraction. */
  readonly now: () => number;
}

/**
 * One evaluation in so many is timed. A prime, so that it does not fall in step with events that
 * come in regular turns.
 */
const SAMPLE = 61;

/**
 * Measures what rules cost, by timing some evaluations of each. Rules that are not measured are not
 * touched at all.
 */
export class RuleMeter {
  readonly #now: () => number;
  /** What reading the clock takes itself. */
  readonly #clockMs: number;
  #meters: readonly Meter[] = [];

  constructor({ now }: RuleMeterOptions) {
    this.#now = now;
    this.#clockMs = Math.min(...Array.from({ length: 100 }, () => -now() + now()));
  }

  /** The same rules, measured from now on; those of an earlier set are no longer counted. */
  wrap(set: RuleSet): RuleSet {
    const meters = set.rules.map((rule) => new Meter(rule, this.#now, this.#clockMs));
    this.#meters = meters;
    return compileRuleSet(
      meters.map((meter) => meter.rule),
      set,
    );
  }

  /** Rules that were evaluated and timed, the dearest first. */
  top(count: number): MeteredRule[] {
    const costs = this.#meters.map((meter) => ({
      meter,
      totalMs: meter.meanMs * meter.evaluations,
    }));
    const all = costs.reduce((sum, { totalMs }) => sum + totalMs, 0);
    return costs
      .filter(({ meter }) => meter.timed > 0)
      .toSorted((left, right) => right.totalMs - left.totalMs)
      .slice(0, count)
      .map(({ meter, totalMs }) => ({
        name: meter.rule.name,
        evaluations: meter.evaluations,
        matches: meter.matches,
        share: all === 0 ? 0 : totalMs / all,
        meanNs: meter.meanMs * 1e6,
      }));
  }
}

/** Hot: counts each evaluation of one rule, and times some. */
class Meter {
  readonly rule: CompiledRule;
  evaluations = 0;
  matches = 0;
  timed = 0;
  #timedMs = 0;

  constructor(rule: CompiledRule, now: () => number, clockMs: number) {
    const { condition } = rule;
    this.rule = {
      ...rule,
      condition: (scene) => {
        this.evaluations += 1;
        const isTimed = this.evaluations % SAMPLE === 0;
        const start = isTimed ? now() : 0;
        const isMatch = condition(scene);
        if (isTimed) {
          this.timed += 1;
          this.#timedMs += Math.max(0, now() - start - clockMs);
        }
        if (isMatch) this.matches += 1;
        return isMatch;
      },
    };
  }

  get meanMs(): number {
    return this.timed === 0 ? 0 : this.#timedMs / this.timed;
  }
}
