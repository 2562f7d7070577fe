/** Where a node stands in its condition's text: UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A condition, or a part of one. */
export type Expression = And | Or | Not | MacroReference | Check;

/** All operands hold; there are at least two. */
export interface And extends Span {
  readonly kind: "and";
  readonly operands: readonly Expression[];
}

/** One of the operands holds; there are at least two. */
export interface Or extends Span {
  readonly kind: "or";
  readonly operands: readonly Expression[];
}

/** The operand does not hold. */
export interface Not extends Span {
  readonly kind: "not";
  readonly operand: Expression;
}

/** The condition of a macro, by its name. */
export interface MacroReference extends Span {
  readonly kind: "macro";
  readonly name: string;
}

/** One comparison. `right` is undefined for `exists` alone. */
export interface Check extends Span {
  readonly kind: "check";
  readonly left: Operand;
  readonly operator: Operator;
  readonly modifier: Modifier | undefined;
  readonly right: Right | undefined;
}

/** What is compared: a field, or what a transformer makes of one. */
export type Operand = FieldReference | Transform;

/** A field by its name, with what stands in its brackets. */
export interface FieldReference extends Span {
  readonly kind: "field";
  readonly name: string;
  readonly argument: string | undefined;
}

/** A transformer with what it is given, and the key behind it. */
export interface Transform extends Span {
  readonly kind: "transform";
  readonly name: TransformerName;
  readonly arguments: readonly TransformArgument[];
  /** What stands in brackets behind it: `getopt(…)[t]`. */
  readonly argument: string | undefined;
}

/** What a transformer is given. */
export type TransformArgument = Operand | Value | ArgumentList;

/** Several of a transformer's arguments, in parentheses. */
export interface ArgumentList extends Span {
  readonly kind: "arguments";
  readonly items: readonly TransformArgument[];
}

/** What stands on the right of an operator. */
export type Right = Value | ValueList | Operand;

/** A constant as it was written, without its quotes. */
export interface Value extends Span {
  readonly kind: "value";
  readonly text: string;
  readonly quoted: boolean;
}

/** Several constants; `isBare` without parentheses around them. */
export interface ValueList extends Span {
  readonly kind: "list";
  readonly values: readonly Value[];
  /** A name without parentheses: of a list, as a rule. */
  readonly isBare: boolean;
}

/** Falco's comparison operators. */
export const OPERATORS = [
  "exists",
  "=",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "glob",
  "iglob",
  "contains",
  "icontains",
  "bcontains",
  "startswith",
  "bstartswith",
  "endswith",
  "regex",
  "in",
  "intersects",
  "pmatch",
] as const;
/** One of `OPERATORS`. */
export type Operator = (typeof OPERATORS)[number];

/**
 * Those that may have a modifier, in the order in which they are tried: one that begins another one
 * comes after it.
 */
export const TEXT_OPERATORS: readonly Operator[] = [
  "==",
  "=",
  "!=",
  "glob",
  "iglob",
  "contains",
  "icontains",
  "bcontains",
  "startswith",
  "bstartswith",
  "endswith",
  "regex",
];

/** What may stand before the list on the right: how many of its values must fit. */
export const MODIFIERS = ["oneof", "anyof", "allof"] as const;
/** One of `MODIFIERS`. */
export type Modifier = (typeof MODIFIERS)[number];

/** Functions that may stand around a field. */
export const TRANSFORMERS = [
  "tolower",
  "toupper",
  "b64",
  "basename",
  "len",
  "join",
  "concat",
  "getopt",
  "val",
] as const;
/** One of `TRANSFORMERS`. */
export type TransformerName = (typeof TRANSFORMERS)[number];
