import type { Check, Expression } from "./ast.ts";
import type { BaseUses } from "./base-uses.ts";
import { checksOf } from "./checks-of.ts";
import { ConditionError } from "./condition-error.ts";
import type { MacroDefinition } from "./definitions.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { ErrorCode } from "./diagnostic.ts";
import type { ListExpander } from "./expand-lists.ts";
import { MAX_DEPTH, parseCondition } from "./parse-condition.ts";
import type { MappedText } from "./source-text.ts";

/**
 * A condition error together with the text that it is in: a macro's, where the rule took it from
 * one.
 */
export class PlacedConditionError extends Error {
  readonly error: ConditionError;
  readonly text: MappedText;
  readonly code: ErrorCode | undefined;
  /** Errors of the same text beside it. */
  readonly others: PlacedConditionError[] = [];
  /** True once it has been told: a broken macro is told once, not with every rule that uses it. */
  isReported = false;

  constructor(error: ConditionError, text: MappedText, code?: ErrorCode) {
    super(error.message);
    this.error = error;
    this.text = text;
    this.code = code;
  }

  /** The same with others beside it: it may be a macro's own, and stays what it is. */
  beside(others: readonly PlacedConditionError[]): PlacedConditionError {
    const error = new PlacedConditionError(this.error, this.text, this.code);
    error.others.push(...others);
    error.isReported = this.isReported;
    return error;
  }

  /** It, and those beside it. */
  all(): readonly PlacedConditionError[] {
    return [this, ...this.others];
  }
}

/** A macro that cannot be used: an error of its own code, LOAD_ERR_VALIDATE. */
export class UndefinedMacroError extends ConditionError {}

/**
 * Most comparisons that a condition may have once its macros are in place, and how deep they may
 * stand: macros that name macros multiply.
 */
const MAX_CHECKS = 100_000;
const MAX_TREE_DEPTH = 2000;

interface Measure {
  readonly checks: number;
  readonly depth: number;
}

/**
 * Parses conditions and puts macros in their place. A macro's expression is one object wherever it
 * is used.
 */
export class MacroResolver {
  readonly #macros: ReadonlyMap<string, MacroDefinition>;
  readonly #lists: ListExpander;
  readonly #baseUses: BaseUses;
  readonly #resolved = new Map<string, Expression | PlacedConditionError>();
  readonly #active = new Set<string>();
  readonly #textOf = new WeakMap<Check, MappedText>();
  readonly #shared = new WeakSet<Expression>();
  readonly #measures = new WeakMap<Expression, Measure>();
  readonly used = new Set<string>();

  constructor(
    macros: ReadonlyMap<string, MacroDefinition>,
    lists: ListExpander,
    baseUses: BaseUses,
  ) {
    this.#macros = macros;
    this.#lists = lists;
    this.#baseUses = baseUses;
  }

  /** A rule's condition without lists and macros. Throws `PlacedConditionError`. */
  resolveRule(condition: MappedText): Expression {
    return this.#resolve(condition, Number.POSITIVE_INFINITY);
  }

  /**
   * A macro's own condition without lists and macros; resolved once. Throws `PlacedConditionError`.
   */
  resolveMacro(macro: MacroDefinition): Expression {
    const known = this.#resolved.get(macro.name);
    if (known instanceof PlacedConditionError) throw known;
    if (known !== undefined) return known;
    this.#active.add(macro.name);
    try {
      const expression = this.#resolve(macro.condition, macro.visibility);
      this.#resolved.set(macro.name, expression);
      this.#shared.add(expression);
      return expression;
    } catch (thrown) {
      if (thrown instanceof PlacedConditionError) this.#resolved.set(macro.name, thrown);
      throw thrown;
    } finally {
      this.#active.delete(macro.name);
    }
  }

  /** True for what a macro stands for, one object wherever it is used. */
  isShared(expression: Expression): boolean {
    return this.#shared.has(expression);
  }

  /** The text that a check was parsed from. */
  textOf(check: Check): MappedText | undefined {
    return this.#textOf.get(check);
  }

  /** A condition's own comparisons, whatever is wrong with its macros; none where it cannot be read. */
  ownChecks(condition: MappedText): readonly Check[] {
    try {
      const text = this.#lists.expand(condition);
      const checks = [...checksOf(parseCondition(text.text, MAX_DEPTH, []))];
      for (const check of checks) this.#textOf.set(check, text);
      return checks;
    } catch (thrown) {
      if (thrown instanceof ConditionError) return [];
      throw thrown;
    }
  }

  #resolve(condition: MappedText, visibility: number): Expression {
    let text = condition;
    const problems: ConditionError[] = [];
    try {
      text = this.#lists.expand(condition);
      const parsed = parseCondition(text.text, MAX_DEPTH, problems);
      const expression = this.#inline(parsed, { text, visibility });
      if (problems.length === 0) return expression;
    } catch (thrown) {
      if (thrown instanceof PlacedConditionError && problems.length === 0) throw thrown;
      if (thrown instanceof ConditionError) problems.push(thrown);
      else if (thrown instanceof PlacedConditionError) throw placedAt(problems, text, thrown.all());
      else throw thrown;
    }
    throw placedAt(problems, text);
  }

  #inline(expression: Expression, context: Context): Expression {
    const inlined = this.#inlineNew(expression, context);
    if (this.#measures.has(inlined)) return inlined;
    const measure = this.#measure(inlined);
    if (measure.checks > MAX_CHECKS || measure.depth > MAX_TREE_DEPTH) {
      const problem =
        measure.checks > MAX_CHECKS
          ? `more than ${MAX_CHECKS} comparisons`
          : `more than ${MAX_TREE_DEPTH} levels`;
      throw new UndefinedMacroError(`Condition has ${problem} once its macros are in place`, {
        ...expression,
        hint: "macros that name macros multiply",
      });
    }
    this.#measures.set(inlined, measure);
    return inlined;
  }

  #inlineNew(expression: Expression, context: Context): Expression {
    switch (expression.kind) {
      case "and":
      case "or":
        return { ...expression, operands: this.#operands(expression.operands, context) };
      case "not":
        return { ...expression, operand: this.#inline(expression.operand, context) };
      case "check":
        this.#textOf.set(expression, context.text);
        return expression;
      case "macro":
        return this.#macro(expression, context);
    }
  }

  /** All that is wrong with any of them is thrown at once. */
  #operands(operands: readonly Expression[], context: Context): Expression[] {
    const inlined: Expression[] = [];
    const errors = new Set<PlacedConditionError>();
    for (const operand of operands) {
      try {
        inlined.push(this.#inline(operand, context));
      } catch (thrown) {
        if (thrown instanceof ConditionError)
          errors.add(new PlacedConditionError(thrown, context.text));
        else if (thrown instanceof PlacedConditionError)
          for (const error of thrown.all()) errors.add(error);
        else throw thrown;
      }
    }
    const [first, ...others] = errors;
    if (first === undefined) return inlined;
    throw first.beside(others);
  }

  #measure(expression: Expression): Measure {
    if (expression.kind === "check" || expression.kind === "macro") return { checks: 1, depth: 1 };
    const parts = (expression.kind === "not" ? [expression.operand] : expression.operands).map(
      (operand) => this.#measures.get(operand) ?? { checks: 1, depth: 1 },
    );
    return {
      checks: parts.reduce((sum, part) => sum + part.checks, 0),
      depth: 1 + parts.reduce((deepest, part) => Math.max(deepest, part.depth), 0),
    };
  }

  #macro(
    reference: Extract<Expression, { readonly kind: "macro" }>,
    { text, visibility }: Context,
  ): Expression {
    const macro = this.#macros.get(reference.name);
    if (macro === undefined || macro.order >= visibility) {
      const hint =
        macro === undefined
          ? didYouMean(reference.name, this.#macros.keys())
          : "a macro sees only macros that are defined before it";
      throw new UndefinedMacroError(`Undefined macro "${reference.name}" used in the condition`, {
        start: reference.start,
        end: reference.end,
        hint,
      });
    }
    this.used.add(macro.name);
    if (macro.isBase) this.#baseUses.add(macro.name, text.place(reference.start, reference.end));
    if (this.#active.has(macro.name))
      throw new UndefinedMacroError(`Macro "${macro.name}" refers to itself`, reference);
    return this.resolveMacro(macro);
  }
}

/** All of them in one, the first of the text before the others. */
function placedAt(
  problems: readonly ConditionError[],
  text: MappedText,
  further: readonly PlacedConditionError[] = [],
): PlacedConditionError {
  const [first, ...others] = [
    ...problems.map((problem) => new PlacedConditionError(problem, text)),
    ...further,
  ];
  if (first === undefined) throw new Error("no problem is given");
  return others.length === 0 ? first : first.beside(others);
}

interface Context {
  readonly text: MappedText;
  readonly visibility: number;
}
