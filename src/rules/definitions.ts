import type { Place } from "../lib/errors.ts";
import type { MappedText, SourceText } from "./source-text.ts";
import type { Priority } from "./priority.ts";

/** A list as collected over all files: its items as written. */
export interface ListDefinition {
  readonly name: string;
  items: readonly string[];
  /** Number of its first definition, over all files. */
  readonly order: number;
  /** Number of its last change: its items see the lists that were first defined before that. */
  visibility: number;
  place: Place;
  /** It stands in the base alone: no rules file has defined or changed it. */
  isBase: boolean;
}

/** A macro as the files define it, after all appends and overrides. */
export interface MacroDefinition {
  readonly name: string;
  condition: MappedText;
  /** Number of its first definition, over all files. */
  readonly order: number;
  /** Number of its last change: it sees the macros that were first defined before that. */
  visibility: number;
  place: Place;
  /** It stands in the base alone: no rules file has defined or changed it. */
  isBase: boolean;
}

/** One exception, as it is written. */
export interface ExceptionDefinition {
  readonly name: string;
  /**
   * One field written alone, whose values are one set, or a list of them; undefined where only
   * values are appended.
   */
  readonly fields: ExceptionEntry | undefined;
  readonly comparisons: ExceptionEntry | undefined;
  readonly values: readonly ExceptionEntry[];
  readonly place: Place;
  readonly source: SourceText;
  readonly offset: number;
}

/** A text, or a list of entries. */
export type ExceptionEntry = string | readonly ExceptionEntry[];

/** What makes alerts, as the files define it, after all appends and overrides. */
export interface AlertingDefinition {
  readonly word: "rule" | "count" | "sequence";
  readonly name: string;
  output: MappedText;
  desc: string;
  priority: Priority;
  source: string;
  enabled: boolean;
  tags: readonly string[];
  skipIfUnknownFilter: boolean;
  /** Something of its item is wrong: it is compiled for what else may be, and left out. */
  isBroken: boolean;
  place: Place;
  readonly file: string;
}

/** A rule as the files define it, after all appends and overrides. */
export interface RuleDefinition extends AlertingDefinition {
  readonly word: "rule";
  condition: MappedText;
  exceptions: readonly ExceptionDefinition[];
  warnEventTypes: boolean;
  /** Falco's `capture`: keep the events around a match. */
  capture: boolean;
  /** How long such a capture lasts, in milliseconds; 0 is what the configuration says. */
  captureDuration: number;
  /** No source of that name is loaded: the rule is left out. */
  readonly isUnknownSource: boolean;
}

/** A count or sequence as the files define it, after all overrides. */
export interface CorrelationDefinition extends AlertingDefinition {
  readonly word: "count" | "sequence";
  /** Names of rules: of a sequence in their order. */
  rules: readonly MappedText[];
  /** Fields whose values matches must have in common. */
  by: readonly MappedText[];
  threshold: number;
  withinMs: number;
}
