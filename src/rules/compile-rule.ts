import { eventType } from "../events/schema.ts";
import type { Check, Expression } from "./ast.ts";
import { checksOf } from "./checks-of.ts";
import { callClausesOf } from "./call-clauses.ts";
import { compileCondition } from "./compile-condition.ts";
import { ConditionError, FailedCheck } from "./condition-error.ts";
import type { RuleDefinition } from "./definitions.ts";
import { compileRuleOutput } from "./compile-rule-output.ts";
import { DEPRECATED_FIELDS } from "./deprecated-fields.ts";
import { genericCallsOf, seenCodesOf } from "./event-codes.ts";
import { withExceptions } from "./exceptions.ts";
import type { LoadedRule } from "./loaded-rule.ts";
import { PlacedConditionError } from "./macros.ts";
import { needsOf } from "./needs.ts";
import { UnknownFieldError } from "./operands.ts";
import { isAtLeast } from "./priority.ts";
import { attempt, type RuleContext, warn, warnDeprecated } from "./rule-context.ts";
import type { CompiledRule } from "./rule-set.ts";
import { unseenOf, unseenOfClose, unseenWarning } from "./unseen-rules.ts";

/**
 * A rule as it was collected, compiled; undefined when something of it does not, and everything
 * that does not is reported.
 */
export function compileRule(rule: RuleDefinition, context: RuleContext): LoadedRule | undefined {
  if (rule.isUnknownSource) return undefined;
  const output = attempt(rule, context, () => compileRuleOutput(rule, context));
  if (output === "skipped") return undefined;
  const condition = attempt(rule, context, () => compileRuleCondition(rule, context));
  if (output === undefined || condition === undefined || condition === "skipped") return undefined;
  if (rule.isBroken) return undefined;
  if (condition.eventCodes.size > MANY_EVENT_CODES && rule.warnEventTypes)
    warn(rule, context, {
      code: "LOAD_NO_EVTTYPE",
      message: "Rule matches too many evt.type values. This has a significant performance penalty.",
    });
  const isUrgent = isAtLeast(rule.priority, context.options.minimumPriority ?? "Debug");
  if (rule.enabled && isUrgent) warnUnseen(rule, condition, context);
  const { name, priority, source, tags, desc, file, capture, captureDuration } = rule;
  return {
    name,
    priority,
    source,
    desc,
    file,
    capture,
    captureDuration,
    tags: tags.toSorted(),
    enabled: rule.enabled && isUrgent,
    isUrgent,
    conditionText: rule.condition.text,
    ...condition,
    ...output,
    ...needsOf(condition.conditionFields, output, condition.eventCodes),
  };
}

function warnUnseen(rule: RuleDefinition, condition: Condition, context: RuleContext): void {
  const { sentEvents } = context.options;
  if (sentEvents === undefined) return;
  const code = "LOAD_UNSEEN_EVENTS";
  const fields = unseenOfClose(condition);
  if (fields.length > 0)
    warn(rule, context, {
      code,
      message: `Rule misses events here: of close nothing tells ${fields.join(", ")}`,
      hint: "captures do: saker record -A, saker replay",
    });
  const unseen = unseenOf(condition, sentEvents);
  if (unseen === undefined) return;
  const { message, hint } = unseenWarning(unseen, sentEvents);
  warn(rule, context, { code, message, hint });
}

/** A rule whose event types are more than this many is warned of: it is asked on nearly every event. */
const MANY_EVENT_CODES = 100;

type Condition = Pick<
  CompiledRule,
  "condition" | "conditionFields" | "hostNames" | "eventCodes" | "genericCalls" | "callClauses"
> & { readonly expression: Expression };

function compileRuleCondition(rule: RuleDefinition, context: RuleContext): Condition {
  const { macros, options, shared } = context;
  const expression = resolved(rule, context);
  try {
    const compiled = compileCondition(expression, options.fields, shared);
    const { predicate, fields, hostNames, advice } = compiled;
    for (const { check, advice: found } of advice)
      warn(rule, context, {
        code: "LOAD_COMPILE_CONDITION",
        message: found.message,
        hint: found.hint,
        place: macros.textOf(check)?.place(found.start, found.end) ?? rule.place,
      });
    const eventCodes = seenCodesOf(expression);
    for (const field of fields)
      if (DEPRECATED_FIELDS.has(field.name)) warnDeprecated(rule, context, field.name);
    return {
      conditionFields: fields,
      hostNames,
      condition: predicate,
      expression,
      eventCodes,
      genericCalls: eventCodes.has(GENERIC) ? genericCallsOf(expression) : NO_CALLS,
      callClauses: callClausesOf(expression),
    };
  } catch (thrown) {
    if (!(thrown instanceof FailedCheck)) throw thrown;
    throw failedChecks(thrown, expression, rule, context);
  }
}

/** The event that carries system calls without an event of their own. */
const GENERIC = eventType("syscall").code;
const NO_CALLS: ReadonlySet<number> = new Set();

/** The condition with macros in place. Throws what is wrong with them, and with its own comparisons. */
function resolved(rule: RuleDefinition, context: RuleContext): Expression {
  const { macros } = context;
  try {
    return macros.resolveRule(conditionOf(rule));
  } catch (thrown) {
    if (!(thrown instanceof PlacedConditionError)) throw thrown;
    const own = failuresOf(macros.ownChecks(rule.condition), rule, context).filter(
      ({ error }) => !(rule.skipIfUnknownFilter && error instanceof UnknownFieldError),
    );
    throw own.length === 0 ? thrown : thrown.beside([...thrown.others, ...own]);
  }
}

function conditionOf(rule: RuleDefinition) {
  try {
    return withExceptions(rule.condition, rule.exceptions);
  } catch (thrown) {
    if (!(thrown instanceof ConditionError)) throw thrown;
    throw new PlacedConditionError(thrown, rule.condition, "LOAD_ERR_VALIDATE");
  }
}

/** The first comparison that does not compile, and all others beside it. */
function failedChecks(
  first: FailedCheck,
  expression: Expression,
  rule: RuleDefinition,
  context: RuleContext,
): PlacedConditionError {
  const { error: problem, check } = first;
  const error = new PlacedConditionError(problem, context.macros.textOf(check) ?? rule.condition);
  const others = [...checksOf(expression)].filter((other) => other !== check);
  error.others.push(...failuresOf(others, rule, context));
  return error;
}

/** What is wrong with each of these comparisons by itself. */
function failuresOf(
  checks: readonly Check[],
  rule: RuleDefinition,
  { macros, options }: RuleContext,
): readonly PlacedConditionError[] {
  return checks.flatMap((check) => {
    try {
      compileCondition(check, options.fields);
      return [];
    } catch (thrown) {
      if (!(thrown instanceof FailedCheck)) throw thrown;
      return [new PlacedConditionError(thrown.error, macros.textOf(check) ?? rule.condition)];
    }
  });
}
