import {
  type CallClause,
  type CallFilter,
  callFilterOf,
  FILTERED_CODES,
} from "../events/call-filter.ts";
import type { Field } from "../fields/field.ts";
import { type Correlation, type Feed, feedsOf } from "./correlation.ts";
import type { Predicate } from "./compile-condition.ts";
import type { OutputTemplate } from "./output.ts";
import type { Priority } from "./priority.ts";

/** What an alert is made by, once there is reason for one. */
export interface Alerting {
  readonly name: string;
  readonly priority: Priority;
  readonly source: string;
  readonly tags: readonly string[];
  readonly desc: string;
  readonly output: OutputTemplate;
  /**
   * Further `output_fields` (falco.yaml, `append_output`): a raw field keeps its type, a format is
   * text.
   */
  readonly extraFields: readonly {
    readonly key: string;
    readonly isRaw: boolean;
    readonly template: OutputTemplate;
  }[];
  /**
   * Falco's `capture`: keep the events around a match, for so many milliseconds (0: what the
   * configuration says).
   */
  readonly capture: boolean;
  readonly captureDuration: number;
  /** Its output prints what only the container runtime knows. */
  readonly outputNeedsMetadata: boolean;
  /** Its output prints names of users or groups. */
  readonly outputNeedsAccounts: boolean;
}

/** A rule as the engine runs it. */
export interface CompiledRule extends Alerting {
  readonly condition: Predicate;
  /** All fields that the condition reads. */
  readonly conditionFields: ReadonlySet<Field>;
  /** Codes of the events that it can match. */
  readonly eventCodes: ReadonlySet<number>;
  /** scap's numbers of the calls without an event of their own that it can match. */
  readonly genericCalls: ReadonlySet<number>;
  /** The calls that it can match, and perhaps more. */
  readonly callClauses: readonly CallClause[];
  /** Host names whose addresses its condition asks for. */
  readonly hostNames: ReadonlySet<string>;
  /** It asks for the environment of processes, or prints it. */
  readonly needsEnvironment: boolean;
  /** Its condition asks what only the container runtime knows. */
  readonly needsMetadata: boolean;
  /** Its condition asks for names of users or groups. */
  readonly needsAccounts: boolean;
}

/** Rules bucketed by event code: an event meets those alone that can match it. */
export interface RuleSet {
  readonly rules: readonly CompiledRule[];
  readonly correlations: readonly Correlation[];
  readonly matching: "first" | "all";
  readonly eventCodes: ReadonlySet<number>;
  /** scap's numbers of the calls that the generic event is asked about. */
  readonly genericCalls: ReadonlySet<number>;
  readonly needsEnvironment: boolean;
  /** Of events that a condition or a correlation asks about by names of users or groups. */
  readonly accountCodes: ReadonlySet<number>;
  /** Host names that are to be looked up. */
  readonly hostNames: ReadonlySet<string>;
  /** Which calls any rule can match; undefined when all must be looked at. */
  readonly callFilter: CallFilter | undefined;
  /** Hot: in the order of definition. */
  forEvent(code: number): readonly CompiledRule[];
  /** Hot: the rules whose matches correlations take, whether or not they alert themselves. */
  feedsOf(code: number): readonly Feed[];
}

/** How rules are matched, and what is made of several matches. */
export interface RuleSetOptions {
  /** `first` stops at the first rule that matches an event, `all` reports each. */
  readonly matching: "first" | "all";
  /** Those that are switched on; the rules that they take need not be. */
  readonly correlations?: readonly Correlation[];
}

/** Buckets rules, and the rules that correlations take. */
export function compileRuleSet(
  rules: readonly CompiledRule[],
  { matching, correlations = [] }: RuleSetOptions,
): RuleSet {
  const feeds = feedsOf(correlations);
  const asked = [...new Set([...rules, ...feeds.map(({ rule }) => rule)])];
  const asking = asked.filter((rule) => FILTERED_CODES.some((code) => rule.eventCodes.has(code)));
  const needAccounts = [
    ...asked.filter((rule) => rule.needsAccounts),
    ...feeds.filter(({ correlation }) => correlation.needsAccounts).map(({ rule }) => rule),
  ];
  const buckets = bucketed(rules, (rule) => rule);
  const feedBuckets = bucketed(feeds, ({ rule }) => rule);
  return {
    rules,
    correlations,
    matching,
    eventCodes: codesOf(asked),
    genericCalls: new Set(asked.flatMap((rule) => [...rule.genericCalls])),
    needsEnvironment:
      asked.some((rule) => rule.needsEnvironment) ||
      correlations.some((correlation) => correlation.needsEnvironment),
    accountCodes: codesOf(needAccounts),
    hostNames: new Set(asked.flatMap((rule) => [...rule.hostNames])),
    callFilter: callFilterOf(asking.flatMap((rule) => rule.callClauses)),
    forEvent: (code) => buckets[code] ?? NONE,
    feedsOf: (code) => feedBuckets[code] ?? NONE,
  };
}

const NONE: readonly never[] = [];

function codesOf(rules: readonly CompiledRule[]): ReadonlySet<number> {
  return new Set(rules.flatMap((rule) => [...rule.eventCodes]));
}

/** By event code, each in the order given. */
function bucketed<T>(all: readonly T[], ruleOf: (one: T) => CompiledRule): readonly T[][] {
  const buckets: T[][] = [];
  for (const one of all)
    for (const code of ruleOf(one).eventCodes) (buckets[code] ??= []).push(one);
  return buckets;
}
