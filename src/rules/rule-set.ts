import {
  type CallClause,
  type CallFilter,
  callFilterOf,
  FILTERED_CODES,
} from "../events/call-filter.ts";
import type { Field } from "../fields/field.ts";
import type { Predicate } from "./compile-condition.ts";
import type { OutputTemplate } from "./output.ts";
import type { Priority } from "./priority.ts";

/** A rule as the engine runs it. */
export interface CompiledRule {
  readonly name: string;
  readonly priority: Priority;
  readonly source: string;
  readonly tags: readonly string[];
  readonly desc: string;
  readonly condition: Predicate;
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
  /** All fields that the condition reads. */
  readonly conditionFields: ReadonlySet<Field>;
  /**
   * Falco's `capture`: keep the events around a match, for so many milliseconds (0: what the
   * configuration says).
   */
  readonly capture: boolean;
  readonly captureDuration: number;
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
  /** Its output prints what only the container runtime knows. */
  readonly outputNeedsMetadata: boolean;
  /** Its condition asks for names of users or groups. */
  readonly needsAccounts: boolean;
  /** Its output prints names of users or groups. */
  readonly outputNeedsAccounts: boolean;
}

/** Rules bucketed by event code: an event meets those alone that can match it. */
export interface RuleSet {
  readonly rules: readonly CompiledRule[];
  readonly matching: "first" | "all";
  readonly eventCodes: ReadonlySet<number>;
  /** scap's numbers of the calls that the generic event is asked about. */
  readonly genericCalls: ReadonlySet<number>;
  readonly needsEnvironment: boolean;
  /** Of events that a condition asks about by names of users or groups. */
  readonly accountCodes: ReadonlySet<number>;
  /** Host names that are to be looked up. */
  readonly hostNames: ReadonlySet<string>;
  /** Which calls any rule can match; undefined when all must be looked at. */
  readonly callFilter: CallFilter | undefined;
  /** Hot: in the order of definition. */
  forEvent(code: number): readonly CompiledRule[];
}

/** Buckets rules; `first` stops at the first rule that matches an event, `all` reports each. */
export function compileRuleSet(
  rules: readonly CompiledRule[],
  { matching }: { readonly matching: "first" | "all" },
): RuleSet {
  const buckets: CompiledRule[][] = [];
  const eventCodes = new Set<number>();
  const accountCodes = new Set<number>();
  for (const rule of rules) {
    for (const code of rule.eventCodes) {
      (buckets[code] ??= []).push(rule);
      eventCodes.add(code);
      if (rule.needsAccounts) accountCodes.add(code);
    }
  }
  const asking = rules.filter((rule) => FILTERED_CODES.some((code) => rule.eventCodes.has(code)));
  const callFilter = callFilterOf(asking.flatMap((rule) => rule.callClauses));
  const hostNames = new Set(rules.flatMap((rule) => [...rule.hostNames]));
  return {
    rules,
    matching,
    eventCodes,
    genericCalls: new Set(rules.flatMap((rule) => [...rule.genericCalls])),
    needsEnvironment: rules.some((rule) => rule.needsEnvironment),
    accountCodes,
    hostNames,
    callFilter,
    forEvent: (code) => buckets[code] ?? NO_RULES,
  };
}

const NO_RULES: readonly CompiledRule[] = [];
