import type {
  And,
  ArgumentList,
  Check,
  Expression,
  FieldReference,
  MacroReference,
  Modifier,
  Not,
  Operand,
  Operator,
  Or,
  Right,
  Transform,
  TransformArgument,
  TransformerName,
  Value,
  ValueList,
} from "./ast.ts";
import { MODIFIERS, OPERATORS, TEXT_OPERATORS, TRANSFORMERS } from "./ast.ts";
import { ConditionError } from "./condition-error.ts";
import { didYouMean } from "./did-you-mean.ts";
import { unescapeQuoted } from "./quoted-text.ts";

/**
 * Rules and macros may nest this deep, counted as Falco's parser counts (Falco, engine: 1000; the
 * library's own default is 100).
 */
export const MAX_DEPTH = 1000;

/**
 * The condition language (libs, `userspace/libsinsp/filter/parser.h`): `or` binds weakest, then
 * `and`, then `not`. Throws `ConditionError` at the first place that does not fit; what can be read
 * on after is put into `problems`, where they are given, and the condition is then none.
 */
export function parseCondition(
  text: string,
  maxDepth = MAX_DEPTH,
  problems?: ConditionError[],
): Expression {
  return new ConditionParser(text, maxDepth, problems).whole();
}

/**
 * A field or transformer at `start` of a longer text, as outputs have them; `end` is where it
 * stops. Throws `ConditionError`.
 */
export function parseOperandAt(
  text: string,
  start: number,
  maxDepth = MAX_DEPTH,
): { readonly operand: Operand; readonly end: number } {
  return new ConditionParser(text, maxDepth).operandAt(start);
}

const BLANK = /[ \b\t\n\r]/;
const NOT_BLANK = /not[ \t\n\v\f\r]+/y;
const FIELD = /[a-zA-Z]+[a-zA-Z0-9_]*(?:\.[a-zA-Z]+[a-zA-Z0-9_]*)+/y;
const IDENTIFIER = /[a-zA-Z]+[a-zA-Z0-9_]*/y;
const BARE_ARGUMENT = /[^[\]"' \t\n\v\f\r]+/y;
const BARE_VALUE = /[^()"' \t\n\v\f\r=,]+/y;
const NUMBER = /0[xX][0-9a-zA-Z]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?/y;
const TRANSFORMER = new RegExp(
  `(${TRANSFORMERS.filter((name) => name !== "val").join("|")})\\(`,
  "y",
);
const VAL = "val(";

/** In the order in which they are tried: an operator that begins another one comes after it. */
const NUMERIC: readonly Operator[] = ["<=", "<", ">=", ">"];
const LISTING: readonly Operator[] = ["intersects", "in", "pmatch"];

class ConditionParser {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #depth = 0;

  readonly #problems: ConditionError[] | undefined;

  constructor(text: string, maxDepth: number, problems?: ConditionError[]) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#problems = problems;
  }

  whole(): Expression {
    const expression = this.#or();
    if (this.#at < this.#text.length)
      throw this.#error(
        `unexpected ${this.#next()} behind the condition`,
        'join conditions with "and" or "or"',
      );
    return expression;
  }

  operandAt(start: number): { readonly operand: Operand; readonly end: number } {
    this.#at = start;
    const operand = this.#operand();
    if (operand === undefined)
      throw this.#error(`expected a field or a transformer, found ${this.#next()}`);
    return { operand, end: this.#at };
  }

  #or(): Expression {
    return this.#chain("or", () => this.#and());
  }

  #and(): Expression {
    return this.#chain("and", () => this.#not());
  }

  #chain(kind: "and" | "or", operand: () => Expression): Expression {
    return this.#deeper(() => {
      this.#blank();
      const operands = [operand()];
      this.#blank();
      while (this.#take(kind)) {
        if (this.#blank()) operands.push(operand());
        else if (this.#take("(")) operands.push(this.#embedded());
        else throw this.#error(`expected a blank or "(" behind "${kind}", found ${this.#next()}`);
        this.#blank();
      }
      const [first] = operands as [Expression];
      return operands.length === 1
        ? first
        : ({ kind, operands, start: first.start, end: this.#at } satisfies And | Or);
    });
  }

  #not(): Expression {
    return this.#deeper(() => {
      this.#blank();
      const start = this.#at;
      let isNegated = false;
      while (this.#match(NOT_BLANK) !== undefined) isNegated = !isNegated;
      const isEmbedded = this.#take("not(");
      const operand = isEmbedded ? this.#embedded() : this.#primary();
      return isNegated === isEmbedded
        ? operand
        : ({ kind: "not", operand, start, end: this.#at } satisfies Not);
    });
  }

  /** What is left of a parenthesis whose opening one is read. */
  #embedded(): Expression {
    return this.#deeper(() => {
      const inner = this.#or();
      this.#expect(")");
      return inner;
    });
  }

  #primary(): Expression {
    return this.#deeper(() => {
      this.#blank();
      if (this.#take("(")) return this.#embedded();
      const start = this.#at;
      const left = this.#operand();
      if (left !== undefined) return this.#check(left, start);
      const name = this.#match(IDENTIFIER);
      if (name !== undefined)
        return { kind: "macro", name, start, end: this.#at } satisfies MacroReference;
      throw this.#error(`expected a field, a macro, "not" or "(", found ${this.#next()}`);
    });
  }

  #operand(): Operand | undefined {
    const start = this.#at;
    const name = this.#match(FIELD);
    if (name !== undefined) return this.#field(name, start);
    return this.#transform();
  }

  #field(name: string, start: number): FieldReference {
    return this.#deeper(() => {
      const argument = this.#bracket();
      return { kind: "field", name, argument, start, end: this.#at };
    });
  }

  #bracket(): string | undefined {
    if (!this.#take("[")) return undefined;
    const argument = this.#quoted() ?? this.#match(BARE_ARGUMENT);
    if (argument === undefined)
      throw this.#error(
        `expected the argument, found ${this.#next()}`,
        "write it as field[argument]",
      );
    if (!this.#take("]")) throw this.#error(`expected "]", found ${this.#next()}`);
    return argument;
  }

  #transform(): Transform | undefined {
    const start = this.#at;
    TRANSFORMER.lastIndex = start;
    const name = TRANSFORMER.exec(this.#text)?.[1] as TransformerName | undefined;
    if (name === undefined) return undefined;
    this.#at += name.length + 1;
    return this.#deeper(() => {
      const args = this.#arguments(() => this.#deeper(() => this.#argument()));
      this.#expect(")");
      const argument = this.#bracket();
      return { kind: "transform", name, arguments: args, argument, start, end: this.#at };
    });
  }

  #arguments(one: () => TransformArgument): TransformArgument[] {
    const found: TransformArgument[] = [];
    do {
      this.#blank();
      found.push(one());
      this.#blank();
    } while (this.#take(","));
    return found;
  }

  /** A field, a transformer, a quoted text, a number, or a list of these in parentheses. */
  #argument(): TransformArgument {
    const start = this.#at;
    if (!this.#take("(")) return this.#plainArgument();
    this.#blank();
    if (this.#take(")"))
      return { kind: "arguments", items: [], start, end: this.#at } satisfies ArgumentList;
    const items = this.#arguments(() => this.#plainArgument());
    this.#expect(")");
    return { kind: "arguments", items, start, end: this.#at } satisfies ArgumentList;
  }

  #plainArgument(): TransformArgument {
    const start = this.#at;
    const operand = this.#operand();
    if (operand !== undefined) return operand;
    const text = this.#quoted();
    if (text !== undefined) return { kind: "value", text, quoted: true, start, end: this.#at };
    const number = this.#match(NUMBER);
    if (number !== undefined)
      return { kind: "value", text: number, quoted: false, start, end: this.#at };
    throw this.#error(
      `expected a field, a transformer, a quoted text or a number, found ${this.#next()}`,
      "quote a text that stands in a transformer",
    );
  }

  #check(left: Operand, start: number): Check {
    return this.#deeper(() => {
      this.#blank();
      if (this.#take("exists"))
        return {
          kind: "check",
          left,
          operator: "exists",
          modifier: undefined,
          right: undefined,
          start,
          end: this.#at,
        };
      const operator = this.#operator();
      const modifier = TEXT_OPERATORS.includes(operator) ? this.#modifier() : undefined;
      const right = this.#deeper(() => {
        this.#blank();
        if (modifier !== undefined) return this.#list();
        return (
          this.#computed() ?? (LISTING.includes(operator) ? this.#list() : this.#scalar(operator))
        );
      });
      return { kind: "check", left, operator, modifier, right, start, end: this.#at };
    });
  }

  #operator(): Operator {
    for (const operator of [...NUMERIC, ...TEXT_OPERATORS, ...LISTING]) {
      if (!this.#text.startsWith(operator, this.#at)) continue;
      // Operators of text that are words end at a blank; those of lists may touch what they are
      // about.
      const after = this.#text[this.#at + operator.length] ?? "";
      if (/^[a-z]/.test(operator) && TEXT_OPERATORS.includes(operator) && !BLANK.test(after))
        continue;
      this.#at += operator.length;
      return operator;
    }
    const word = /^[a-zA-Z]+/.exec(this.#text.slice(this.#at))?.[0];
    const isKnown = word !== undefined && (OPERATORS as readonly string[]).includes(word);
    const hint = isKnown
      ? `write a blank behind "${word}"`
      : word === undefined
        ? undefined
        : didYouMean(word, OPERATORS);
    throw this.#error(
      `expected an operator, found ${this.#next()}`,
      hint ?? `operators are ${OPERATORS.join(" ")}`,
    );
  }

  /**
   * `oneof`, `anyof`, `allof`, with blanks on both sides and a list behind; otherwise such a word
   * is a value like any other.
   */
  #modifier(): Modifier | undefined {
    const start = this.#at;
    // A word operator's blank has not been read yet, so it counts here too.
    const modifier = this.#blank()
      ? MODIFIERS.find((candidate) => this.#take(candidate))
      : undefined;
    const isFollowed =
      modifier !== undefined &&
      this.#blank() &&
      (this.#text[this.#at] === "(" || this.#peek(IDENTIFIER, ["and", "or"]));
    if (!isFollowed) this.#at = start;
    return isFollowed ? modifier : undefined;
  }

  #peek(pattern: RegExp, except: readonly string[]): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    return found !== undefined && !except.includes(found);
  }

  /** A transformer, or `val(field)`; a bare name on the right is text. */
  #computed(): Operand | undefined {
    return this.#deeper(() => {
      const start = this.#at;
      if (!this.#take(VAL)) return this.#transform();
      this.#blank();
      const at = this.#at;
      const name = this.#match(FIELD);
      if (name === undefined)
        throw this.#error(
          `expected a field in val(), found ${this.#next()}`,
          "val() takes a field, not a transformer",
        );
      const field = this.#field(name, at);
      this.#expect(")");
      return {
        kind: "transform",
        name: "val",
        arguments: [field],
        argument: undefined,
        start,
        end: this.#at,
      };
    });
  }

  #scalar(operator: Operator): Right {
    if (!NUMERIC.includes(operator)) return this.#value();
    const start = this.#at;
    const number = this.#match(NUMBER);
    const text = number ?? this.#otherThanNumber();
    return { kind: "value", text, quoted: false, start, end: this.#at };
  }

  /** A number in place of what is none, so that the rest can be read. */
  #otherThanNumber(): string {
    const error = this.#error(`expected a number, found ${this.#next()}`);
    if (this.#problems === undefined) throw error;
    this.#value();
    this.#problems.push(error);
    return "0";
  }

  #list(): ValueList {
    const start = this.#at;
    if (!this.#take("(")) {
      const name = this.#match(IDENTIFIER);
      if (name === undefined)
        throw this.#error(`expected a list, found ${this.#next()}`, "write values as (a, b, c)");
      // A list's name that was not replaced: what it stands for is for whoever resolves names to
      // say.
      return {
        kind: "list",
        values: [{ kind: "value", text: name, quoted: false, start, end: this.#at }],
        isBare: true,
        start,
        end: this.#at,
      };
    }
    const values: Value[] = [];
    this.#blank();
    if (this.#text[this.#at] !== ")") {
      do {
        this.#blank();
        values.push(this.#value());
        this.#blank();
      } while (this.#take(","));
    }
    this.#expect(")");
    return { kind: "list", values, isBare: false, start, end: this.#at };
  }

  #value(): Value {
    const start = this.#at;
    const quoted = this.#quoted();
    if (quoted !== undefined)
      return { kind: "value", text: quoted, quoted: true, start, end: this.#at };
    const text = this.#match(BARE_VALUE);
    if (text === undefined)
      throw this.#error(
        `expected a value, found ${this.#next()}`,
        "quote a value that holds blanks, parentheses, commas or =",
      );
    return { kind: "value", text, quoted: false, start, end: this.#at };
  }

  /**
   * As in Falco's parser, a quote ends the text unless the one character before it is a backslash.
   */
  #quoted(): string | undefined {
    const start = this.#at;
    const quote = this.#text[start] ?? "";
    if (quote !== '"' && quote !== "'") return undefined;
    let end = start + 1;
    while (end < this.#text.length && !(this.#text[end] === quote && this.#text[end - 1] !== "\\"))
      end += 1;
    if (end >= this.#text.length)
      throw new ConditionError(`text is not closed with ${quote}`, {
        start,
        end: this.#text.length,
      });
    const nul = this.#text.indexOf("\0", start);
    if (nul >= 0 && nul < end)
      throw new ConditionError("text holds a NUL", { start: nul, hint: "write it as \\x00" });
    this.#at = end + 1;
    return unescapeQuoted(this.#text.slice(start + 1, end), quote, start + 1);
  }

  /** Skips blanks; false when there are none. */
  #blank(): boolean {
    const start = this.#at;
    while (this.#at < this.#text.length && BLANK.test(this.#text[this.#at] ?? "")) this.#at += 1;
    return this.#at > start;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    this.#blank();
    if (!this.#take(text)) throw this.#error(`expected "${text}", found ${this.#next()}`);
  }

  /** Every production that Falco's parser counts goes through here. */
  #deeper<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth >= this.#maxDepth)
      throw this.#error(
        `conditions may nest ${this.#maxDepth} levels deep`,
        "move a part into a macro",
      );
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  #next(): string {
    const rest = this.#text.slice(this.#at, this.#at + 100);
    return rest === "" ? "the end" : JSON.stringify(/^(?:\w+|.)/su.exec(rest)?.[0] ?? "");
  }

  #error(message: string, hint?: string): ConditionError {
    const length = /^\w+/.exec(this.#text.slice(this.#at, this.#at + 100))?.[0].length ?? 1;
    return new ConditionError(message, { start: this.#at, end: this.#at + length, hint });
  }
}
