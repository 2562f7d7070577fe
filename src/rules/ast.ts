/** Where a node stands in its condition's text: UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Expression = And | Or | Not | MacroReference | Check;

export interface And extends Span {
  readonly kind: "and";
  readonly operands: readonly Expression[];
}

export interface Or extends Span {
  readonly kind: "or";
  readonly operands: readonly Expression[];
}

export interface Not extends Span {
  readonly kind: "not";
  readonly operand: Expression;
}

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

export type Operand = FieldReference | Transform;

export interface FieldReference extends Span {
  readonly kind: "field";
  readonly name: string;
  readonly argument: string | undefined;
}

export interface Transform extends Span {
  readonly kind: "transform";
  readonly name: TransformerName;
  readonly arguments: readonly TransformArgument[];
  /** What stands in brackets behind it: `getopt(…)[t]`. */
  readonly argument: string | undefined;
}

export type TransformArgument = Operand | Value | ArgumentList;

export interface ArgumentList extends Span {
  readonly kind: "arguments";
  readonly items: readonly TransformArgument[];
}

export type Right = Value | ValueList | Operand;

export interface Value extends Span {
  readonly kind: "value";
  readonly text: string;
  readonly quoted: boolean;
}

export interface ValueList extends Span {
  readonly kind: "list";
  readonly values: readonly Value[];
  /** A name without parentheses: of a list, as a rule. */
  readonly isBare: boolean;
}

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
export type Operator = (typeof OPERATORS)[number];

export const MODIFIERS = ["oneof", "anyof", "allof"] as const;
export type Modifier = (typeof MODIFIERS)[number];

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
export type TransformerName = (typeof TRANSFORMERS)[number];
