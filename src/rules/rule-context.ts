import type { AlertingDefinition } from "./definitions.ts";
import type { SharedParts } from "./compile-condition.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { LoadOptions } from "./load-rules.ts";
import { type MacroResolver, PlacedConditionError, UndefinedMacroError } from "./macros.ts";
import { UnknownFieldError } from "./operands.ts";

/** Keeps a diagnostic, with the file of its place, else with the one named. */
export type Report = (diagnostic: Diagnostic, fallback: string) => void;

/** What a rule is compiled in: macros, options, and who hears of errors. */
export interface RuleContext {
  readonly macros: MacroResolver;
  readonly options: LoadOptions;
  readonly report: Report;
  readonly shared: SharedParts;
}

/** What a piece of a rule gives; undefined when it has errors, which are reported. */
export function attempt<T>(
  rule: AlertingDefinition,
  { report }: RuleContext,
  compile: () => T,
): T | "skipped" | undefined {
  const about = { itemType: rule.word, itemName: rule.name } as const;
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

/** At the place of the item, where the warning names none. */
export function warn(
  rule: AlertingDefinition,
  { report }: RuleContext,
  warning: Pick<Diagnostic, "code" | "message"> & Partial<Diagnostic>,
): void {
  report({ place: rule.place, ...warning, itemType: rule.word, itemName: rule.name }, rule.file);
}

/** A rule asks for a field that is going away, or prints it. */
export function warnDeprecated(rule: AlertingDefinition, context: RuleContext, name: string): void {
  const doc = context.options.fields.get(name)?.doc ?? "";
  const message = `Field "${name}" is deprecated: ${doc}`;
  warn(rule, context, { code: "LOAD_DEPRECATED_ITEM", message });
}
