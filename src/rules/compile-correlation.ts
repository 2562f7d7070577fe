import { compileRuleOutput } from "./compile-rule-output.ts";
import { ConditionError } from "./condition-error.ts";
import type { Correlation } from "./correlation.ts";
import type { CorrelationDefinition, RuleDefinition } from "./definitions.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { LoadedRule } from "./loaded-rule.ts";
import { PlacedConditionError } from "./macros.ts";
import { needsOf } from "./needs.ts";
import { type BoundOperand, bindOperand } from "./operands.ts";
import { parseOperandAt } from "./parse-condition.ts";
import { isAtLeast } from "./priority.ts";
import { attempt, type RuleContext, warn } from "./rule-context.ts";
import type { MappedText } from "./source-text.ts";
import { unseenRules } from "./unseen-rules.ts";

/** A count or sequence that loaded, whether it is switched on or not. */
export interface LoadedCorrelation extends Correlation {
  readonly steps: readonly (readonly LoadedRule[])[];
  readonly enabled: boolean;
  /** It is as urgent as is asked for: less urgent ones are off, and stay off. */
  readonly isUrgent: boolean;
  readonly file: string;
  readonly outputText: string;
  /** As they are written. */
  readonly ruleNames: readonly string[];
  readonly byNames: readonly string[];
}

/** What counts and sequences are made of: rules as the files define them, and as they loaded. */
export interface CorrelationContext extends RuleContext {
  readonly defined: ReadonlyMap<string, RuleDefinition>;
  readonly loaded: readonly LoadedRule[];
  readonly correlations: ReadonlyMap<string, CorrelationDefinition>;
}

/**
 * A count or sequence, compiled; undefined when something of it does not, which is reported, or when
 * one of its rules did not load.
 */
export function compileCorrelation(
  definition: CorrelationDefinition,
  context: CorrelationContext,
): LoadedCorrelation | undefined {
  const { word, name, priority, tags, source, desc, file, threshold, withinMs } = definition;
  const output = attempt(definition, context, () => compileRuleOutput(definition, context));
  const by = attempt(definition, context, () => keysOf(definition, context));
  const rules = attempt(definition, context, () => rulesOf(definition, context));
  if (context.defined.has(name)) {
    const message = `A rule is named "${name}", too: alerts of the two could not be told apart`;
    const about = { place: definition.place, itemType: word, itemName: name };
    context.report({ code: "LOAD_ERR_VALIDATE", message, ...about }, file);
    return undefined;
  }
  if (definition.isBroken || output === undefined || output === "skipped") return undefined;
  if (by === undefined || by === "skipped" || rules === undefined || rules === "skipped")
    return undefined;
  const isUrgent = isAtLeast(priority, context.options.minimumPriority ?? "Debug");
  const enabled = definition.enabled && isUrgent;
  const steps = word === "count" ? [rules] : rules.map((rule) => [rule]);
  if (enabled) warnUnseen(definition, steps, context);
  const eventCodes = new Set(rules.flatMap((rule) => [...rule.eventCodes]));
  return {
    kind: word,
    name,
    priority,
    source,
    desc,
    file,
    tags: tags.toSorted(),
    enabled,
    isUrgent,
    steps,
    by,
    threshold: word === "count" ? threshold : steps.length,
    withinMs,
    capture: false,
    captureDuration: 0,
    ruleNames: definition.rules.map(({ text }) => text),
    byNames: definition.by.map(({ text }) => text),
    ...output,
    ...needsOf(
      by.flatMap(({ fields }) => fields),
      output,
      eventCodes,
    ),
  };
}

/** The fields that matches must have in common. Throws all that are none. */
function keysOf(
  definition: CorrelationDefinition,
  { options }: CorrelationContext,
): readonly BoundOperand[] {
  return eachOf(definition.by, (text) => {
    const { operand, end } = parseOperandAt(text.text, 0);
    if (end < text.text.length)
      throw new ConditionError("Unexpected text after the field", { start: end });
    return bindOperand(operand, options.fields, "print");
  });
}

/** The rules whose matches are taken. Throws all that are none. */
function rulesOf(
  definition: CorrelationDefinition,
  { defined, loaded, correlations }: CorrelationContext,
): readonly LoadedRule[] | "skipped" {
  const found = eachOf(definition.rules, ({ text: name }) => {
    const rule = loaded.find((candidate) => candidate.name === name);
    // One that did not load has told why itself.
    if (rule !== undefined || defined.has(name)) return rule;
    const message = correlations.has(name)
      ? `"${name}" is no rule: a ${definition.word} takes matches of rules`
      : `Undefined rule "${name}" in ${definition.word}`;
    const hint = didYouMean(name, defined.keys());
    throw new ConditionError(message, { start: 0, end: name.length, hint });
  });
  const rules = found.filter((rule) => rule !== undefined);
  return rules.length < found.length ? "skipped" : rules;
}

/** Throws a `PlacedConditionError` with all errors, each at its text. */
function eachOf<T>(texts: readonly MappedText[], read: (text: MappedText) => T): readonly T[] {
  const values: T[] = [];
  const errors: PlacedConditionError[] = [];
  for (const text of texts) {
    try {
      values.push(read(text));
    } catch (thrown) {
      if (!(thrown instanceof ConditionError)) throw thrown;
      errors.push(new PlacedConditionError(thrown, text, "LOAD_ERR_VALIDATE"));
    }
  }
  const [first, ...others] = errors;
  if (first === undefined) return values;
  first.others.push(...others);
  throw first;
}

function warnUnseen(
  definition: CorrelationDefinition,
  steps: readonly (readonly LoadedRule[])[],
  context: CorrelationContext,
): void {
  const { sentEvents } = context.options;
  if (sentEvents === undefined) return;
  const unseen = steps.find((rules) => unseenRules(rules, sentEvents).length === rules.length);
  if (unseen === undefined) return;
  const names = unseen.map(({ name }) => `"${name}"`).join(", ");
  warn(definition, context, {
    code: "LOAD_UNSEEN_EVENTS",
    message: `No match of ${names} ever comes here: ${sentEvents.name} sends none of its events`,
  });
}
