import type { Expression } from "./ast.ts";
import type { CompiledRule } from "./rule-set.ts";

/** A rule that loaded: compiled, whether it is switched on or not. */
export interface LoadedRule extends CompiledRule {
  readonly enabled: boolean;
  /** It is as urgent as is asked for: less urgent ones are off, and stay off. */
  readonly isUrgent: boolean;
  readonly file: string;
  /** The condition as it is written, with what was appended to it. */
  readonly conditionText: string;
  /** The condition with exceptions, lists and macros in place. */
  readonly expression: Expression;
  readonly outputText: string;
}
