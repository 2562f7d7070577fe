import type {
  And, ArgumentList, Check, Expression, FieldReference, MacroReference, Modifier, Not, Operand, Operator, Or, Right, TransformArgument, TransformerName, Value, ValueList,
} from "./ast.ts";
import { MODIFIERS, OPERATORS, TRANSFORMERS } from "./ast.ts";
import { didYouMean } from "./did-you-mean.ts";

/** A condition that is not one: where, why, and what to do. */
export class ConditionError extends Error {
  readonly start: number;
  readonly end: number;
  readonly hint: string | undefined;

  constructor(message: string, { start, end, hint }: { readonly start: number; readonly end?: number; readonly hint?: string | undefined }) {
    super(message);
    this.name = "ConditionError";
    this.start = start;
    this.end = end ?? start + 1;
    this.hint = hint;
  }
}

/** Rules and macros may nest this deep (Falco, engine). */
export const MAX_DEPTH = 1000;

/**
 * The condition language (libs, `userspace/libsinsp/filter/parser.h`): `or` binds weakest, then `and`, then `not`.
 * Throws `ConditionError` at the first place that does not fit.
 */
export function parseCondition(text: string, maxDepth = MAX_DEPTH): Expression {
  return new ConditionParser(text, maxDepth).whole();
}

const BLANK = /[ \b\t\n\r]/;
const FIELD = /[a-zA-Z0-9_]+(?:\.[a-zA-Z0-9_]+)+/y;
const IDENTIFIER = /[a-zA-Z]+[a-zA-Z0-9_]*/y;
const BARE_ARGUMENT = /[^ \b\t\n\r[\]"']+/y;
const BARE_VALUE = /[^ \b\t\n\r(),="']+/y;
const NUMBER = /[+-]?(?:0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
const TRANSFORMER = new RegExp(`(${TRANSFORMERS.join("|")})\\(`, "y");

const SYMBOLS: readonly Operator[] = ["==", "!=", "<=", ">=", "=", "<", ">"];
const WORDS: readonly Operator[] = OPERATORS.filter((operator) => /^[a-z]/.test(operator));
const NUMERIC: ReadonlySet<Operator> = new Set(["<", "<=", ">", ">="]);
const LISTING: ReadonlySet<Operator> = new Set(["in", "intersects", "pmatch"]);

class ConditionParser {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #depth = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  whole(): Expression {
    const expression = this.#or();
    this.#blank();
    if (this.#at < this.#text.length) throw this.#error(`unexpected ${this.#next()} behind the condition`, 'join conditions with "and" or "or"');
    return expression;
  }

  #or(): Expression {
    return this.#chain("or", () => this.#and());
  }

  #and(): Expression {
    return this.#chain("and", () => this.#not());
  }

  #chain(kind: "and" | "or", operand: () => Expression): Expression {
    this.#deeper();
    const operands = [operand()];
    while (this.#keyword(kind)) operands.push(operand());
    this.#depth -= 1;
    const [first] = operands as [Expression];
    return operands.length === 1 ? first : ({ kind, operands, start: first.start, end: this.#at } satisfies And | Or);
  }

  #not(): Expression {
    this.#blank();
    const start = this.#at;
    if (!this.#keyword("not")) return this.#primary();
    this.#deeper();
    const operand = this.#not();
    this.#depth -= 1;
    return { kind: "not", operand, start, end: this.#at } satisfies Not;
  }

  /** `and`, `or` and `not` stand before a blank or a parenthesis. */
  #keyword(word: string): boolean {
    this.#blank();
    const after = this.#text[this.#at + word.length];
    if (!this.#text.startsWith(word, this.#at) || after === undefined || !(after === "(" || BLANK.test(after))) return false;
    this.#at += word.length;
    return true;
  }

  #primary(): Expression {
    this.#blank();
    if (this.#text[this.#at] === "(") {
      this.#at += 1;
      this.#deeper();
      const inner = this.#or();
      this.#depth -= 1;
      this.#expect(")");
      return inner;
    }
    const start = this.#at;
    const left = this.#operand();
    if (left !== undefined) return this.#check(left, start);
    const name = this.#match(IDENTIFIER);
    if (name !== undefined) return { kind: "macro", name, start, end: this.#at } satisfies MacroReference;
    throw this.#error(`expected a field, a macro, "not" or "(", found ${this.#next()}`);
  }

  #operand(): Operand | undefined {
    const start = this.#at;
    TRANSFORMER.lastIndex = start;
    const transformer = TRANSFORMER.exec(this.#text)?.[1] as TransformerName | undefined;
    if (transformer !== undefined) {
      this.#at = TRANSFORMER.lastIndex;
      this.#deeper();
      const args = this.#arguments();
      this.#depth -= 1;
      return { kind: "transform", name: transformer, arguments: args, start, end: this.#at };
    }
    const name = this.#match(FIELD);
    if (name === undefined) return undefined;
    const argument = this.#text[this.#at] === "[" ? this.#bracket() : undefined;
    return { kind: "field", name, argument, start, end: this.#at } satisfies FieldReference;
  }

  #bracket(): string {
    this.#at += 1;
    this.#blank();
    const quote = this.#text[this.#at];
    const argument = quote === '"' || quote === "'" ? this.#quoted() : this.#match(BARE_ARGUMENT);
    if (argument === undefined) throw this.#error(`expected the field's argument, found ${this.#next()}`, "write it as field[argument]");
    this.#blank();
    this.#expect("]");
    return argument;
  }

  /** The arguments of a transformer up to its closing parenthesis. */
  #arguments(): TransformArgument[] {
    const found: TransformArgument[] = [];
    do {
      this.#blank();
      found.push(this.#argument());
      this.#blank();
    } while (this.#take(","));
    this.#expect(")");
    return found;
  }

  #argument(): TransformArgument {
    const start = this.#at;
    if (this.#take("(")) {
      this.#deeper();
      this.#blank();
      const items = this.#take(")") ? [] : this.#arguments();
      this.#depth -= 1;
      return { kind: "arguments", items, start, end: this.#at } satisfies ArgumentList;
    }
    return this.#operand() ?? this.#value();
  }

  #check(left: Operand, start: number): Check {
    this.#blank();
    const operator = this.#operator();
    if (operator === "exists") return { kind: "check", left, operator, modifier: undefined, right: undefined, start, end: this.#at };
    const modifier = NUMERIC.has(operator) || LISTING.has(operator) ? undefined : this.#modifier();
    this.#blank();
    const right = modifier !== undefined || LISTING.has(operator) ? this.#listOrOperand() : this.#scalar(operator);
    return { kind: "check", left, operator, modifier, right, start, end: this.#at };
  }

  #operator(): Operator {
    for (const symbol of SYMBOLS) if (this.#take(symbol)) return symbol;
    const start = this.#at;
    const word = this.#match(IDENTIFIER);
    const operator = WORDS.find((candidate) => candidate === word);
    if (operator === undefined) {
      this.#at = start;
      const hint = word === undefined ? undefined : didYouMean(word, WORDS);
      throw this.#error(`expected an operator, found ${this.#next()}`, hint ?? `operators are ${OPERATORS.join(" ")}`);
    }
    const after = this.#text[this.#at];
    const mayTouch = operator === "exists" || (LISTING.has(operator) && after === "(");
    if (!mayTouch && (after === undefined || !BLANK.test(after))) throw this.#error(`expected a blank behind "${operator}", found ${this.#next()}`);
    return operator;
  }

  #modifier(): Modifier | undefined {
    this.#blank();
    const start = this.#at;
    const word = this.#match(IDENTIFIER);
    const modifier = MODIFIERS.find((candidate) => candidate === word);
    const after = this.#text[this.#at];
    if (modifier !== undefined && after !== undefined && (after === "(" || BLANK.test(after))) {
      this.#blank();
      if (this.#text[this.#at] === "(") return modifier;
    }
    this.#at = start;
    return undefined;
  }

  #scalar(operator: Operator): Right {
    const operand = this.#rightOperand();
    if (operand !== undefined) return operand;
    if (!NUMERIC.has(operator)) return this.#value();
    const start = this.#at;
    const number = this.#match(NUMBER);
    if (number === undefined) throw this.#error(`expected a number, found ${this.#next()}`);
    return { kind: "value", text: number, quoted: false, start, end: this.#at };
  }

  /** On the right a bare name is text; only a transformer or val() is asked for a value. */
  #rightOperand(): Operand | undefined {
    TRANSFORMER.lastIndex = this.#at;
    return TRANSFORMER.test(this.#text) ? this.#operand() : undefined;
  }

  #listOrOperand(): Right {
    const operand = this.#rightOperand();
    if (operand !== undefined) return operand;
    const start = this.#at;
    if (!this.#take("(")) {
      const name = this.#match(IDENTIFIER);
      if (name === undefined) throw this.#error(`expected a list, found ${this.#next()}`, "write values as (a, b, c)");
      // A list's name that was not replaced: no list of that name is known, which is for whoever resolves names to say.
      return { kind: "list", values: [{ kind: "value", text: name, quoted: false, start, end: this.#at }], start, end: this.#at } satisfies ValueList;
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
    return { kind: "list", values, start, end: this.#at };
  }

  #value(): Value {
    const start = this.#at;
    const quote = this.#text[start];
    if (quote === '"' || quote === "'") return { kind: "value", text: this.#quoted(), quoted: true, start, end: this.#at };
    const text = this.#match(BARE_VALUE);
    if (text === undefined) throw this.#error(`expected a value, found ${this.#next()}`, "quote a value that holds blanks, parentheses, commas or =");
    return { kind: "value", text, quoted: false, start, end: this.#at };
  }

  /** As Falco's parser, a quote ends the text unless the one character before it is a backslash. */
  #quoted(): string {
    const start = this.#at;
    const quote = this.#text[start] ?? "";
    let end = start + 1;
    while (end < this.#text.length && !(this.#text[end] === quote && this.#text[end - 1] !== "\\")) end += 1;
    if (end >= this.#text.length) throw new ConditionError(`text is not closed with ${quote}`, { start, end: this.#text.length });
    this.#at = end + 1;
    return unescape(this.#text.slice(start + 1, end), start + 1);
  }

  #blank(): void {
    while (this.#at < this.#text.length && BLANK.test(this.#text[this.#at] ?? "")) this.#at += 1;
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

  #deeper(): void {
    this.#depth += 1;
    if (this.#depth > this.#maxDepth) throw this.#error(`conditions may nest ${this.#maxDepth} levels deep`);
  }

  #next(): string {
    const rest = this.#text.slice(this.#at);
    return rest === "" ? "the end" : JSON.stringify(/^(?:\w+|.)/s.exec(rest)?.[0] ?? "");
  }

  #error(message: string, hint?: string): ConditionError {
    const length = /^\w+/.exec(this.#text.slice(this.#at))?.[0].length ?? 1;
    return new ConditionError(message, { start: this.#at, end: this.#at + length, hint });
  }
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", "\\": "\\", "/": "/", '"': '"', "'": "'", " ": "\\" };

function unescape(text: string, offset: number): string {
  if (!text.includes("\\") && !text.includes("\0")) return text;
  let result = "";
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? "";
    if (char !== "\\") {
      result += char;
      continue;
    }
    const next = text[at + 1] ?? "";
    const hex = next === "x" || next === "X" ? /^[0-9a-fA-F]{2}/.exec(text.slice(at + 2))?.[0] : undefined;
    const plain = ESCAPES[next];
    if (hex !== undefined) {
      result += String.fromCharCode(Number.parseInt(hex, 16));
      at += 3;
    } else if (plain === undefined) {
      throw new ConditionError(`"\\${next}" is no escape`, { start: offset + at, end: offset + at + 2, hint: "write a backslash as \\\\" });
    } else {
      result += plain;
      at += 1;
    }
  }
  if (result.includes("\0")) throw new ConditionError("text holds a NUL", { start: offset, end: offset + text.length });
  return result;
}
