import type { Check, Expression } from "./ast.ts";
import type { MacroDefinition } from "./definitions.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { ErrorCode } from "./diagnostic.ts";
import { ConditionError, parseCondition } from "./parse-condition.ts";
import type { ListExpander } from "./expand-lists.ts";
import type { MappedText } from "./source-text.ts";

/** A condition error together with the text that it is in: a macro's, where the rule took it from one. */
export class PlacedConditionError extends Error {
  readonly error: ConditionError;
  readonly text: MappedText;
  readonly code: ErrorCode | undefined;
  /** True once it has been told: a broken macro is told once, not with every rule that uses it. */
  isReported = false;

  constructor(error: ConditionError, text: MappedText, code?: ErrorCode) {
    super(error.message);
    this.error = error;
    this.text = text;
    this.code = code;
  }
}

/** Parses conditions and puts macros in their place. */
export class MacroResolver {
  readonly #macros: ReadonlyMap<string, MacroDefinition>;
  readonly #lists: ListExpander;
  readonly #resolved = new Map<string, Expression | PlacedConditionError>();
  readonly #active = new Set<string>();
  readonly #textOf = new WeakMap<Check, MappedText>();
  readonly used = new Set<string>();

  constructor(macros: ReadonlyMap<string, MacroDefinition>, lists: ListExpander) {
    this.#macros = macros;
    this.#lists = lists;
  }

  /** A rule's condition without lists and macros. Throws `PlacedConditionError`. */
  resolveRule(condition: MappedText): Expression {
    return this.#resolve(condition, Number.POSITIVE_INFINITY);
  }

  /** A macro's own condition without lists and macros; resolved once. Throws `PlacedConditionError`. */
  resolveMacro(macro: MacroDefinition): Expression {
    const known = this.#resolved.get(macro.name);
    if (known instanceof PlacedConditionError) throw known;
    if (known !== undefined) return known;
    this.#active.add(macro.name);
    try {
      const expression = this.#resolve(macro.condition, macro.visibility);
      this.#resolved.set(macro.name, expression);
      return expression;
    } catch (thrown) {
      if (thrown instanceof PlacedConditionError) this.#resolved.set(macro.name, thrown);
      throw thrown;
    } finally {
      this.#active.delete(macro.name);
    }
  }

  /** The text that a check was parsed from. */
  textOf(check: Check): MappedText | undefined {
    return this.#textOf.get(check);
  }

  #resolve(condition: MappedText, visibility: number): Expression {
    const text = this.#lists.expand(condition);
    try {
      return this.#inline(parseCondition(text.text), { text, visibility });
    } catch (thrown) {
      throw thrown instanceof ConditionError ? new PlacedConditionError(thrown, text) : thrown;
    }
  }

  #inline(expression: Expression, context: { readonly text: MappedText; readonly visibility: number }): Expression {
    switch (expression.kind) {
      case "and":
      case "or":
        return { ...expression, operands: expression.operands.map((operand) => this.#inline(operand, context)) };
      case "not":
        return { ...expression, operand: this.#inline(expression.operand, context) };
      case "check":
        this.#textOf.set(expression, context.text);
        return expression;
      case "macro":
        return this.#macro(expression, context.visibility);
    }
  }

  #macro(reference: Extract<Expression, { readonly kind: "macro" }>, visibility: number): Expression {
    const macro = this.#macros.get(reference.name);
    if (macro === undefined || macro.order >= visibility) {
      const hint = macro === undefined ? didYouMean(reference.name, this.#macros.keys()) : "a macro sees only macros that are defined before it";
      throw new UndefinedMacroError(`Undefined macro "${reference.name}" used in the condition`, { start: reference.start, end: reference.end, hint });
    }
    this.used.add(macro.name);
    if (this.#active.has(macro.name)) throw new UndefinedMacroError(`Macro "${macro.name}" refers to itself`, reference);
    return this.resolveMacro(macro);
  }
}

/** A macro that cannot be used: an error of its own code, LOAD_ERR_VALIDATE. */
export class UndefinedMacroError extends ConditionError {}
