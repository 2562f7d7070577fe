import { dirname, relative, resolve } from "node:path";
import { baseRules, type RuleFile } from "../config/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { statedFields } from "../rules/stated-fields.ts";
import type { AlertGroup } from "../rules/suggest-exception.ts";
import { sceneOf, type Tuned } from "../rules/tune-rule.ts";
import { exceptionCondition, yamlText } from "../rules/write-exceptions.ts";

const STATED = statedFields(FIELDS);

/** The rules, the exceptions on top of them, and where the tests will lie. */
export interface TuningTestsOptions {
  readonly files: readonly RuleFile[];
  readonly override: RuleFile | undefined;
  readonly path: string;
}

/**
 * Tests of rules out of real alerts: for each exception one alert that it silences, and one that it
 * does not. Where an alert says all that its rule asks for, the rules are tested with the exceptions
 * on top; else the exception alone.
 */
export function tuningTests(tuned: readonly Tuned[], options: TuningTestsOptions): string {
  const { files, override } = options;
  const all = override === undefined ? files : [...files, override];
  const [before, after] = [files, all].map(
    (texts) => loadRules(texts, { fields: STATED, base: baseRules() }).rules,
  );
  const context = { ...options, before: before ?? [], after: after ?? [] };
  return tuned
    .flatMap((one) => [
      testOf(one, { group: one.silenced[0], isSilenced: true }, context),
      testOf(one, { group: one.left[0], isSilenced: false }, context),
    ])
    .join("\n");
}

interface Context extends TuningTestsOptions {
  readonly before: readonly LoadedRule[];
  readonly after: readonly LoadedRule[];
}

function testOf(
  { rule, exception }: Tuned,
  { group, isSilenced }: { readonly group: AlertGroup | undefined; readonly isSilenced: boolean },
  { before, after, files, override, path }: Context,
): string {
  if (exception === undefined || group === undefined) return "";
  const test = `- test: ${yamlText(`${rule}: ${isSilenced ? "what is excepted" : "what still alerts"}`)}`;
  const matching = (rules: readonly LoadedRule[]): readonly string[] => {
    const scene = sceneOf(group.sample, STATED);
    const asked = rules.filter(
      ({ enabled, eventCodes }) => enabled && eventCodes.has(scene.event.code),
    );
    return asked.filter(({ condition }) => condition(scene)).map(({ name }) => name);
  };
  if (override === undefined || !matching(before).includes(rule)) {
    const condition = `  condition: ${JSON.stringify(exceptionCondition(exception))}`;
    const event = eventLines(group, exception.fields);
    return [test, condition, ...event, `  expect: ${isSilenced}`, ""].join("\n");
  }
  const from = dirname(resolve(path));
  const names = [...files, override].map(({ name }) => yamlText(relative(from, resolve(name))));
  const expected = matching(after).map(yamlText).join(", ");
  const rules = `  rules: [${names.join(", ")}]`;
  return [test, rules, ...eventLines(group), `  expect: [${expected}]`, ""].join("\n");
}

/** What the alert says, or only of some fields. */
function eventLines({ sample }: AlertGroup, only?: readonly string[]): readonly string[] {
  const { stated } = sceneOf(sample, STATED);
  const said = [...sample].filter(
    ([field, value]) => value !== null && stated.has(field) && (only?.includes(field) ?? true),
  );
  if (said.length === 0) return ["  event: {}"];
  const text = (value: unknown): string => yamlText(String(value));
  return [
    "  event:",
    ...said.map(
      ([field, value]) =>
        `    ${yamlText(field)}: ${Array.isArray(value) ? `[${value.map(text).join(", ")}]` : text(value)}`,
    ),
  ];
}
