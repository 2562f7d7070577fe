import type { Place } from "../lib/errors.ts";
import type { MappedText, SourceText } from "./source-text.ts";
import type { Priority } from "./priority.ts";

/** A list as collected over all files: its items as written. */
export interface ListDefinition {
  readonly name: string;
  items: readonly string[];
  place: Place;
}

export interface MacroDefinition {
  readonly name: string;
  condition: MappedText;
  /** Number of its first definition, over all files. */
  readonly order: number;
  /** Number of its last change: it sees the macros that were first defined before that. */
  visibility: number;
  place: Place;
}

/** One exception: rows of values for its fields. */
export interface ExceptionDefinition {
  readonly name: string;
  readonly fields: readonly string[];
  readonly comparisons: readonly string[];
  /** One field written alone, not as a list: its values are one set. */
  readonly isSingle: boolean;
  readonly values: readonly (readonly ExceptionValue[])[];
  readonly place: Place;
  readonly source: SourceText;
  readonly offset: number;
}

/** A value, or a list of them where the comparison takes one. */
export type ExceptionValue = string | readonly string[];

export interface RuleDefinition {
  readonly name: string;
  condition: MappedText;
  output: MappedText;
  desc: string;
  priority: Priority;
  source: string;
  enabled: boolean;
  tags: readonly string[];
  exceptions: readonly ExceptionDefinition[];
  warnEventTypes: boolean;
  skipIfUnknownFilter: boolean;
  /** Falco's `capture`: keep the events around a match. */
  capture: boolean;
  place: Place;
  readonly file: string;
}
