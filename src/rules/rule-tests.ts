import { isNull, scalarText, valueOfKey, type YamlNode } from "../yaml/node.ts";
import { parseYaml } from "../yaml/parse-yaml.ts";
import { YamlError } from "../yaml/yaml-error.ts";
import { EVENT_TYPE_BY_NAME } from "../events/schema.ts";
import { durationMs } from "../lib/duration.ts";
import type { FieldRegistry, FieldValue, SingleValue } from "../fields/field.ts";
import { ConditionError } from "./condition-error.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { scalarBoolean } from "./raw-items.ts";
import { linesOf, placeAt, type SourceText } from "./source-text.ts";
import { readStatedKey, readStatedValue, type StatedScene } from "./stated-fields.ts";

/**
 * One test of rules: what is stated of an event, and which rules match it, or whether a bare
 * condition does (DESIGN, section 4).
 */
export interface RuleTest {
  readonly name: string;
  /** Rule files, as the test names them; undefined: the shipped rules. */
  readonly rules: readonly string[] | undefined;
  readonly condition: { readonly text: string; readonly offset: number } | undefined;
  readonly capture: string | undefined;
  /** One for `event`; for `events` one after the other, in their order. */
  readonly scenes: readonly StatedScene[];
  /** The rules that match, or whether any does. */
  readonly expect: readonly string[] | boolean;
  readonly line: number;
}

const KEYS: readonly string[] = [
  "test",
  "rules",
  "condition",
  "event",
  "events",
  "capture",
  "expect",
];

/**
 * Reads a file of rule tests. What is wrong is a list of diagnostics with places; such tests are
 * left out.
 */
export function readRuleTests(
  file: { readonly name: string; readonly text: string },
  fields: FieldRegistry,
): { readonly tests: readonly RuleTest[]; readonly problems: readonly Diagnostic[] } {
  const source: SourceText = { ...file, lines: linesOf(file.text) };
  const problems: Diagnostic[] = [];
  const fail = (message: string, node: YamlNode | undefined, hint?: string): void => {
    problems.push({
      code: "LOAD_ERR_YAML_VALIDATE",
      message,
      hint,
      place: placeAt(source, node?.start ?? 0, scalarText(node)?.length ?? 1),
    });
  };
  let list: YamlNode | undefined;
  try {
    list = parseYaml(file.text).next().value ?? undefined;
  } catch (thrown) {
    if (!(thrown instanceof YamlError)) throw thrown;
    const { message, hint, offset } = thrown;
    problems.push({ code: "LOAD_ERR_YAML_PARSE", message, hint, place: placeAt(source, offset) });
    return { tests: [], problems };
  }
  if (list?.kind !== "sequence") {
    fail(
      "Tests are a list: each begins with a dash and its name",
      list,
      "- test: what it is about",
    );
    return { tests: [], problems };
  }
  const tests = list.items.flatMap((node) => readTest(node, { source, fields, fail }) ?? []);
  return { tests: problems.length > 0 ? [] : tests, problems };
}

interface Reading {
  readonly source: SourceText;
  readonly fields: FieldRegistry;
  readonly fail: (message: string, node: YamlNode | undefined, hint?: string) => void;
}

function readTest(node: YamlNode, reading: Reading): RuleTest | undefined {
  const { source, fail } = reading;
  if (node.kind !== "map") {
    fail("Test is not a map of keys", node);
    return undefined;
  }
  for (const { key } of node.entries) {
    const text = scalarText(key) ?? "";
    if (!KEYS.includes(text)) fail(`Unknown key "${text}"`, key, didYouMean(text, KEYS));
  }
  const get = (key: string): YamlNode | undefined => valueOfKey(node, key);
  const name = scalarText(get("test")) ?? "";
  if (name === "") fail('Test has no name: "test" says what it is about', get("test") ?? node);
  if (["event", "events", "capture"].every((key) => get(key) === undefined))
    fail(`Test "${name}" has neither an event nor a capture`, get("test") ?? node);
  const condition = get("condition");
  return {
    name,
    rules:
      get("rules") === undefined
        ? undefined
        : readTexts(get("rules"), `rules of test "${name}"`, reading),
    condition:
      condition === undefined
        ? undefined
        : { text: scalarText(condition) ?? "", offset: condition.start },
    capture: scalarText(get("capture")),
    scenes:
      get("events") === undefined
        ? [sceneOf(readStatedFields(get("event"), name, reading), 0)]
        : readEvents(get("events"), { name, isCondition: condition !== undefined }, reading),
    expect: readExpectation(get("expect"), { name, isCondition: condition !== undefined }, reading),
    line: placeAt(source, node.start).line,
  };
}

function readTexts(node: YamlNode | undefined, what: string, { fail }: Reading): readonly string[] {
  const texts = node?.kind === "sequence" ? node.items.map(scalarText) : [undefined];
  if (texts.every((text) => text !== undefined)) return texts;
  fail(`The ${what} must be a list of single values`, node);
  return [];
}

function readExpectation(
  node: YamlNode | undefined,
  { name, isCondition }: { readonly name: string; readonly isCondition: boolean },
  reading: Reading,
): readonly string[] | boolean {
  const answer = scalarBoolean(node);
  if (answer !== undefined) return answer;
  if (isCondition || node?.kind !== "sequence") {
    reading.fail(
      `Test "${name}" must expect ${isCondition ? "true or false" : "a list of rules, true or false"}`,
      node,
    );
    return false;
  }
  return readTexts(node, `expectation of test "${name}"`, reading);
}

/** Most events of one test. */
const MAX_EVENTS = 20_000;

/**
 * Events one after the other: beside its fields each may say when it is (`at: 10s`, after the
 * beginning; else when the one before is) and how often it comes (`times: 5`).
 */
function readEvents(
  node: YamlNode | undefined,
  { name, isCondition }: { readonly name: string; readonly isCondition: boolean },
  reading: Reading,
): readonly StatedScene[] {
  if (isCondition || node?.kind !== "sequence") {
    reading.fail(
      isCondition
        ? `Test "${name}" asks a condition of one event, not of several`
        : `The events of test "${name}" must be a list`,
      node,
    );
    return [];
  }
  let at = 0;
  let left = MAX_EVENTS;
  return node.items.flatMap((item) => {
    const [when, times] = [valueOfKey(item, "at"), valueOfKey(item, "times")];
    at = when === undefined ? at : (durationMs(scalarText(when) ?? "") ?? Number.NaN);
    const count = times === undefined ? 1 : Number(scalarText(times));
    if (Number.isNaN(at))
      reading.fail(`Time of an event of test "${name}" is none`, when, "write at: 10s");
    if (!Number.isInteger(count) || count < 1 || count > left)
      reading.fail(`An event of test "${name}" must come 1 to ${left} times`, times);
    else left -= count;
    const stated = readStatedFields(item, name, reading, ["at", "times"]);
    const shown = Number.isInteger(count) && left >= 0 ? Math.min(count, MAX_EVENTS) : 0;
    return Array.from({ length: shown }, () => sceneOf(stated, at));
  });
}

/**
 * What is stated of an event, by field. The event's number is 1 unless it is stated: rules say
 * "always" and "never" with it.
 */
function readStatedFields(
  node: YamlNode | undefined,
  name: string,
  reading: Reading,
  others: readonly string[] = [],
): ReadonlyMap<string, FieldValue> {
  const stated = new Map<string, FieldValue>([["evt.num", 1]]);
  if (node !== undefined && node.kind !== "map")
    reading.fail(`The event of test "${name}" must be a map of fields and values`, node);
  for (const { key, value } of node?.kind === "map" ? node.entries : []) {
    if (others.includes(scalarText(key) ?? "")) continue;
    try {
      readStated(key, value, { ...reading, stated });
    } catch (thrown) {
      if (!(thrown instanceof ConditionError)) throw thrown;
      reading.fail(`Test "${name}": ${thrown.message}`, key, thrown.hint);
    }
  }
  return stated;
}

/** An event so many milliseconds after the beginning. */
function sceneOf(stated: ReadonlyMap<string, FieldValue>, atMs: number): StatedScene {
  const type = EVENT_TYPE_BY_NAME.get(String(stated.get("evt.type") ?? ""));
  const timestamp = BigInt(Math.round((Number.isNaN(atMs) ? 0 : atMs) * 1e6));
  // Everything else that a scene has is asked by nobody: fields are read from what is stated.
  return { stated, event: { code: type?.code ?? GENERIC, timestamp } } as unknown as StatedScene;
}

/** The event that carries system calls without an event of their own. */
const GENERIC = 1;

function readStated(
  keyNode: YamlNode,
  node: YamlNode,
  { fields, fail, stated }: Reading & { readonly stated: Map<string, FieldValue> },
): void {
  const { key, type, takesList } = readStatedKey(scalarText(keyNode) ?? "", fields);
  const single = (item: YamlNode): SingleValue | undefined => {
    const text = scalarText(item);
    const value = text === undefined ? undefined : readStatedValue(text, type);
    if (value === undefined)
      fail(
        `Value of "${scalarText(keyNode) ?? ""}" must be of type ${type}`,
        isNull(item) ? keyNode : item,
      );
    return value;
  };
  if (node.kind === "sequence") {
    if (!takesList) fail(`Field "${scalarText(keyNode) ?? ""}" has one value, not a list`, keyNode);
    const values = node.items.map(single);
    if (values.every((value) => value !== undefined)) stated.set(key, values);
    return;
  }
  const value = single(node);
  if (value !== undefined) stated.set(key, takesList ? [value] : value);
}
