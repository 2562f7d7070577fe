import { withAppendedOutput } from "./append-output.ts";
import { ConditionError } from "./condition-error.ts";
import type { AlertingDefinition } from "./definitions.ts";
import { namesDeprecated } from "./deprecated-fields.ts";
import type { LoadedRule } from "./loaded-rule.ts";
import { PlacedConditionError } from "./macros.ts";
import { UnknownFieldError } from "./operands.ts";
import { compileOutput, type OutputTemplate } from "./output.ts";
import { type RuleContext, warn, warnDeprecated } from "./rule-context.ts";

/** An output, with what falco.yaml adds to it. */
export type RuleOutput = Pick<LoadedRule, "output" | "outputText" | "extraFields">;

/** Once the place where Falco's options -pk and -pc put things; rules of these days still carry it. */
const CONTAINER_INFO = /%container\.info\b/g;

/** Throws a `PlacedConditionError` with all that is wrong in it. */
export function compileRuleOutput(rule: AlertingDefinition, context: RuleContext): RuleOutput {
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
  rule: AlertingDefinition,
  { options }: RuleContext,
): OutputTemplate {
  const star = text.startsWith("*") ? 0 : 1;
  const errors: PlacedConditionError[] = [];
  let left = star === 0 ? text : `*${text}`;
  for (;;) {
    try {
      const template = compileOutput(left, options.fields, options.outputs);
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

function outputError(thrown: ConditionError, rule: AlertingDefinition, star: number) {
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
