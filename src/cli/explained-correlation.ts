import { escaped } from "../reports/escaped.ts";
import { Correlator, type Progress } from "../rules/correlator.ts";
import type { LoadedCorrelation } from "../rules/compile-correlation.ts";
import { type Feed, feedsOf } from "../rules/correlation.ts";
import { formatValue } from "../rules/format-value.ts";
import type { CompiledRule } from "../rules/rule-set.ts";
import type { Scene } from "../state/scene.ts";
import { painted, printJson, printLine } from "./print.ts";
import { parseWhere } from "./where.ts";

/** What is put in place of rules to tell of each event; nothing of it matches itself. */
export interface Explained {
  readonly rules: readonly CompiledRule[];
  /** Resolves when there is enough to tell. */
  readonly enough: Promise<void>;
  /** What was seen, in a few lines; none when no event came. */
  readonly summary: () => readonly string[];
}

interface Options {
  readonly where?: string;
  readonly json?: boolean;
  /** Ends after so many times complete, and tells of as many matches that did not complete it. */
  readonly limit: number;
}

/** The rules of a count or sequence, put in a way that tells how far each match brings it. */
export function explainedCorrelation(
  correlation: LoadedCorrelation,
  { where, json, limit }: Options,
): Explained {
  const correlator = new Correlator();
  const isMeant = where === undefined ? () => true : parseWhere(where);
  const matches = new Map(correlation.ruleNames.map((name) => [name, 0]));
  const { promise: enough, resolve: onEnough } = Promise.withResolvers<void>();
  let [complete, told] = [0, 0];
  const condition = (feed: Feed, scene: Scene): boolean => {
    if (complete >= limit || !isMeant(scene) || !feed.rule.condition(scene)) return false;
    const { name } = feed.rule;
    matches.set(name, (matches.get(name) ?? 0) + 1);
    const progress = correlator.see(feed, scene);
    const isComplete = progress?.isComplete === true;
    if (isComplete) complete += 1;
    else told += 1;
    if (isComplete || told <= limit) tell({ correlation, feed, scene, progress }, json === true);
    if (complete >= limit) onEnough();
    return false;
  };
  const rules = feedsOf([correlation]).map((feed) => ({
    ...feed.rule,
    condition: (scene: Scene) => condition(feed, scene),
  }));
  return {
    rules,
    enough,
    summary: () => summaryOf(correlation, { complete, matches, correlator }),
  };
}

function summaryOf(
  { name, kind, threshold, withinMs }: LoadedCorrelation,
  {
    complete,
    matches,
    correlator,
  }: {
    readonly complete: number;
    readonly matches: ReadonlyMap<string, number>;
    readonly correlator: Correlator;
  },
): readonly string[] {
  const { withoutKey } = correlator.stats();
  const needs = kind === "count" ? `${threshold} matches` : "a match of each in turn";
  return [
    `${name}: complete ${complete} times; it takes ${needs} within ${withinMs / 1000} s`,
    ...[...matches].map(([rule, count]) => `  ${count} matches of ${rule}`),
    ...(withoutKey === 0 ? [] : [`  ${withoutKey} matches lack a value that it goes by`]),
  ];
}

interface Told {
  readonly correlation: LoadedCorrelation;
  readonly feed: Feed;
  readonly scene: Scene;
  readonly progress: Progress | undefined;
}

function tell({ correlation, feed, scene, progress }: Told, json: boolean): void {
  const { name, threshold, by, byNames } = correlation;
  const { event, process: actor } = scene;
  const values = by.map(({ get, type }, index): [string, string] => [
    byNames[index] ?? "",
    formatValue(get(scene), type),
  ]);
  if (json) {
    printJson({
      name,
      rule: feed.rule.name,
      matches: progress?.matches ?? null,
      threshold,
      complete: progress?.isComplete === true,
      by: Object.fromEntries(values),
      event: event.type?.name ?? "",
      pid: actor?.pid ?? 0,
      process: actor?.comm ?? "",
    });
    return;
  }
  const verdict =
    progress === undefined
      ? painted("red", "cannot tell")
      : progress.isComplete
        ? painted("green", "complete")
        : progress.matches === 0
          ? painted("red", "out of turn")
          : `${progress.matches} of ${threshold}`;
  const keys = values.map(([field, value]) => `${field} is ${escaped(value)}`).join(", ");
  printLine(
    painted("bold", name),
    " ",
    verdict,
    `: ${feed.rule.name} matches ${event.type?.name ?? "event"} of ${escaped(actor?.comm ?? "?")} (${actor?.pid ?? "?"})${keys === "" ? "" : `; ${keys}`}`,
  );
}
