import type { BoundOperand } from "./operands.ts";
import type { Alerting, CompiledRule } from "./rule-set.ts";

/** Makes one alert of several matches of rules: so many, or one of each in their order. */
export interface Correlation extends Alerting {
  readonly kind: "count" | "sequence";
  /**
   * What may match next: of a count one step, whose rules are counted together; of a sequence a step
   * for each rule.
   */
  readonly steps: readonly (readonly CompiledRule[])[];
  /** Matches that have the same values here belong together; none: all do. */
  readonly by: readonly BoundOperand[];
  /** Matches that make an alert: of a sequence as many as it has steps. */
  readonly threshold: number;
  /** From the first of these matches to the last, at most. */
  readonly withinMs: number;
  /** `by` asks what only the container runtime knows. */
  readonly needsMetadata: boolean;
  /** `by` asks for names of users or groups. */
  readonly needsAccounts: boolean;
  /** `by` or the output asks for the environment of processes. */
  readonly needsEnvironment: boolean;
}

/** A rule whose matches a correlation takes for one of its steps. */
export interface Feed {
  readonly rule: CompiledRule;
  readonly correlation: Correlation;
  readonly step: number;
}

/**
 * The feeds of all correlations. Of a sequence the last step comes first: one event never makes two
 * steps of it.
 */
export function feedsOf(correlations: readonly Correlation[]): readonly Feed[] {
  return correlations.flatMap((correlation) =>
    correlation.steps
      .flatMap((rules, step) => rules.map((rule) => ({ rule, correlation, step })))
      .toReversed(),
  );
}
