import { eventType } from "../events/schema.ts";
import type { Field } from "../fields/field.ts";
import { withAppendedOutput } from "./append-output.ts";
import type { Check, Expression } from "./ast.ts";
import { callClausesOf } from "./call-clauses.ts";
import { compileCondition, type SharedParts } from "./compile-condition.ts";
import { ConditionError, FailedCheck } from "./condition-error.ts";
import type { RuleDefinition } from "./definitions.ts";
import { DEPRECATED_FIELDS, namesDeprecated } from "./deprecated-fields.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { genericCallsOf, seenCodesOf } from "./event-codes.ts";
import { withExceptions } from "./exceptions.ts";
import type { LoadedRule } from "./loaded-rule.ts";
import type { LoadOptions } from "./load-rules.ts";
import { type MacroResolver, PlacedConditionError, UndefinedMacroError } from "./macros.ts";
import { UnknownFieldError } from "./operands.ts";
import { compileOutput, type OutputTemplate } from "./output.ts";
import { isAtLeast } from "./priority.ts";
import type { CompiledRule } from "./rule-set.ts";
import { unseenOf, unseenWarning } from "./unseen-rules.ts";

/** Keeps a diagnostic, with the file of its place, else with the one named. */
export type Report = (diagnostic: Diagnostic, fallback: string) => void;

/** What a rule is compiled in: macros, options, and who hears of errors. */
export interface RuleContext {
  readonly macros: MacroResolver;
  readonly options: LoadOptions;
  readonly report: Report;
  readonly shared: SharedParts;
}

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
    ...needsOf(condition, output),
  };
}

function warnUnseen(rule: RuleDefinition, condition: Condition, context: RuleContext): void {
  const { sentEvents } = context.options;
  if (sentEvents === undefined) return;
  const unseen = unseenOf(condition, sentEvents);
  if (unseen === undefined) return;
  const { message, hint } = unseenWarning(unseen, sentEvents);
  warn(rule, context, { code: "LOAD_UNSEEN_EVENTS", message, hint });
}

/** A rule whose event types are more than this many is warned of: it is asked on nearly every event. */
const MANY_EVENT_CODES = 100;

/** What a piece of a rule gives; undefined when it has errors, which are reported. */
function attempt<T>(
  rule: RuleDefinition,
  { report }: RuleContext,
  compile: () => T,
): T | "skipped" | undefined {
  const about = { itemType: "rule", itemName: rule.name } as const;
  try {
    return compile();
  } catch (thrown) {
    if (!(thrown instanceof PlacedConditionError)) throw thrown;
    if (rule.skipIfUnknownFilter && thrown.error instanceof UnknownFieldError) {
      report({ ...conditionDiagnostic(thrown), ...about, code: "LOAD_UNKNOWN_FILTER" }, rule.file);
      return "skipped";
    }
    // A macro's own error is reported once, with the macro.
    for (const error of thrown.all())
      if (!error.isReported) report({ ...conditionDiagnostic(error), ...about }, rule.file);
    return undefined;
  }
}

/** An error in a condition or output, with its place in the file. */
export function conditionDiagnostic({ error, text, code }: PlacedConditionError): Diagnostic {
  const fallback =
    error instanceof UndefinedMacroError ? "LOAD_ERR_VALIDATE" : "LOAD_ERR_COMPILE_CONDITION";
  const { message, hint, start, end } = error;
  return { code: code ?? fallback, message, hint, place: text.place(start, end) };
}

function warn(
  rule: RuleDefinition,
  { report }: RuleContext,
  warning: Pick<Diagnostic, "code" | "message"> & Partial<Diagnostic>,
): void {
  report({ place: rule.place, ...warning, itemType: "rule", itemName: rule.name }, rule.file);
}

type Condition = Pick<
  CompiledRule,
  "condition" | "conditionFields" | "hostNames" | "eventCodes" | "genericCalls" | "callClauses"
> & { readonly expression: Expression };

function compileRuleCondition(rule: RuleDefinition, context: RuleContext): Condition {
  const { macros, options, shared } = context;
  const expression = macros.resolveRule(conditionOf(rule));
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

function conditionOf(rule: RuleDefinition) {
  try {
    return withExceptions(rule.condition, rule.exceptions);
  } catch (thrown) {
    if (!(thrown instanceof ConditionError)) throw thrown;
    throw new PlacedConditionError(thrown, rule.condition, "LOAD_ERR_VALIDATE");
  }
}

function warnDeprecated(rule: RuleDefinition, context: RuleContext, name: string): void {
  const doc = context.options.fields.get(name)?.doc ?? "";
  const message = `Field "${name}" is deprecated: ${doc}`;
  warn(rule, context, { code: "LOAD_DEPRECATED_ITEM", message });
}

/** The first comparison that does not compile, and all others beside it. */
function failedChecks(
  first: FailedCheck,
  expression: Expression,
  rule: RuleDefinition,
  { macros, options }: RuleContext,
): PlacedConditionError {
  const placed = ({ error, check }: FailedCheck): PlacedConditionError =>
    new PlacedConditionError(error, macros.textOf(check) ?? rule.condition);
  const error = placed(first);
  for (const check of checksOf(expression)) {
    if (check === first.check) continue;
    try {
      compileCondition(check, options.fields);
    } catch (thrown) {
      if (!(thrown instanceof FailedCheck)) throw thrown;
      error.others.push(placed(thrown));
    }
  }
  return error;
}

function* checksOf(expression: Expression): Generator<Check> {
  if (expression.kind === "check") yield expression;
  else if (expression.kind === "not") yield* checksOf(expression.operand);
  else if (expression.kind !== "macro")
    for (const operand of expression.operands) yield* checksOf(operand);
}

type Output = Pick<LoadedRule, "output" | "outputText" | "extraFields">;

/** Once the place where Falco's options -pk and -pc put things; rules of these days still carry it. */
const CONTAINER_INFO = /%container\.info\b/g;

function compileRuleOutput(rule: RuleDefinition, context: RuleContext): Output {
  const { appendOutput = [], fields: registry } = context.options;
  const { text, fields } = withAppendedOutput(rule, appendOutput, registry);
  if (text.includes("%container.info")) {
    const message =
      "%container.info is deprecated and prints nothing: name the fields, such as %container.name";
    warn(rule, context, { code: "LOAD_DEPRECATED_ITEM", message });
  }
  const outputText = text.replace(CONTAINER_INFO, "");
  const output = compileTemplate(outputText, rule, context);
  const extraFields = fields.map(({ key, format, isRaw }) => ({
    key,
    isRaw,
    template: compileTemplate(format, rule, context),
  }));
  for (const name of namesDeprecated([outputText, ...fields.map(({ format }) => format)]))
    warnDeprecated(rule, context, name);
  return { output, outputText, extraFields };
}

/** Falco always prints `<NA>` for what is missing: the star in front says so. */
function compileTemplate(
  text: string,
  rule: RuleDefinition,
  { options }: RuleContext,
): OutputTemplate {
  const star = text.startsWith("*") ? 0 : 1;
  const errors: PlacedConditionError[] = [];
  let left = star === 0 ? text : `*${text}`;
  for (;;) {
    try {
      const template = compileOutput(left, options.fields);
      const [first, ...others] = errors;
      if (first === undefined) return template;
      first.others.push(...others);
      throw first;
    } catch (thrown) {
      if (!(thrown instanceof ConditionError)) throw thrown;
      errors.push(outputError(thrown, rule, star));
      // What is wrong is passed over, for what else may be.
      const { start } = thrown;
      if (left[start] !== "%" || errors.length >= MAX_ERRORS) left = "*";
      else left = `${left.slice(0, start)} ${left.slice(start + 1)}`;
    }
  }
}

/** So many errors of one output are told. */
const MAX_ERRORS = 20;

function outputError(thrown: ConditionError, rule: RuleDefinition, star: number) {
  const error = new ConditionError(thrown.message, {
    start: Math.max(0, thrown.start - star),
    end: Math.max(1, thrown.end - star),
    hint: thrown.hint,
  });
  return new PlacedConditionError(
    thrown instanceof UnknownFieldError ? new UnknownFieldError(error.message, error) : error,
    rule.output,
    "LOAD_ERR_COMPILE_OUTPUT",
  );
}

type Needs = Pick<
  CompiledRule,
  | "needsMetadata"
  | "outputNeedsMetadata"
  | "needsAccounts"
  | "outputNeedsAccounts"
  | "needsEnvironment"
>;

/** What must be known or asked for before the rule is asked, or its alert printed. */
function needsOf(
  { conditionFields, eventCodes }: Condition,
  { output, extraFields }: Output,
): Needs {
  const templates = [output, ...extraFields.map(({ template }) => template)];
  const printed: readonly Field[] = templates.flatMap(({ fields }) => [...fields]);
  return {
    needsMetadata: [...conditionFields].some((field) => field.metadata === true),
    outputNeedsMetadata: printed.some((field) => field.metadata === true),
    needsAccounts: [...conditionFields].some((field) => field.accounts === true),
    outputNeedsAccounts: printed.some((field) => field.accounts === true),
    needsEnvironment: [...conditionFields, ...printed].some(
      ({ environment }) =>
        environment === "process" || (environment === "event" && startsPrograms(eventCodes)),
    ),
  };
}

const STARTS = ["execve", "execveat"].map((name) => eventType(name).code);

/** Whether events are among these that have an environment as a parameter. */
function startsPrograms(codes: ReadonlySet<number>): boolean {
  return STARTS.some((code) => codes.has(code));
}
