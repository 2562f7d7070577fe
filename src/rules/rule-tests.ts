import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { EVENT_TYPE_BY_NAME } from "../events/schema.ts";
import type { FieldRegistry, FieldValue, SingleValue } from "../fields/field.ts";
import { ConditionError } from "./condition-error.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { scalarText } from "./raw-items.ts";
import { placeAt, type SourceText } from "./source-text.ts";
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
  readonly scene: StatedScene;
  /** The rules that match, or whether any does. */
  readonly expect: readonly string[] | boolean;
  readonly line: number;
}

const KEYS: readonly string[] = ["test", "rules", "condition", "event", "capture", "expect"];

/**
 * Reads a file of rule tests. What is wrong is a list of diagnostics with places; such tests are
 * left out.
 */
export function readRuleTests(
  file: { readonly name: string; readonly text: string },
  fields: FieldRegistry,
): { readonly tests: readonly RuleTest[]; readonly problems: readonly Diagnostic[] } {
  const source: SourceText = { ...file, lines: new LineCounter() };
  const problems: Diagnostic[] = [];
  const fail = (message: string, node: Node | null | undefined, hint?: string): void => {
    problems.push({
      code: "LOAD_ERR_YAML_VALIDATE",
      message,
      hint,
      place: placeAt(source, node?.range?.[0] ?? 0, scalarText(node)?.length ?? 1),
    });
  };
  const document = parseDocument(file.text, { lineCounter: source.lines, prettyErrors: false });
  for (const error of document.errors)
    problems.push({
      code: "LOAD_ERR_YAML_PARSE",
      message: error.message,
      place: placeAt(source, error.pos[0]),
    });
  if (problems.length > 0) return { tests: [], problems };
  const list = document.contents as Node | null;
  if (!isSeq(list)) {
    fail(
      "Tests are a list: each begins with a dash and its name",
      list,
      "- test: what it is about",
    );
    return { tests: [], problems };
  }
  const tests = (list.items as Node[]).flatMap(
    (node) => readTest(node, { source, fields, fail }) ?? [],
  );
  return { tests: problems.length > 0 ? [] : tests, problems };
}

interface Reading {
  readonly source: SourceText;
  readonly fields: FieldRegistry;
  readonly fail: (message: string, node: Node | null | undefined, hint?: string) => void;
}

function readTest(node: Node, reading: Reading): RuleTest | undefined {
  const { source, fail } = reading;
  if (!isMap(node)) {
    fail("Test is not a map of keys", node);
    return undefined;
  }
  const map = node as YAMLMap<Node, Node | null>;
  for (const { key } of map.items) {
    const text = scalarText(key) ?? "";
    if (!KEYS.includes(text)) fail(`Unknown key "${text}"`, key, didYouMean(text, KEYS));
  }
  const get = (key: string): Node | undefined => map.get(key, true);
  const name = scalarText(get("test")) ?? "";
  if (name === "") fail('Test has no name: "test" says what it is about', get("test") ?? node);
  if (get("event") === undefined && get("capture") === undefined)
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
        : { text: scalarText(condition) ?? "", offset: condition.range?.[0] ?? 0 },
    capture: scalarText(get("capture")),
    scene: readScene(get("event"), name, reading),
    expect: readExpectation(get("expect"), { name, isCondition: condition !== undefined }, reading),
    line: placeAt(source, node.range?.[0] ?? 0).line,
  };
}

function readTexts(node: Node | undefined, what: string, { fail }: Reading): readonly string[] {
  const texts = isSeq(node) ? (node.items as Node[]).map((item) => scalarText(item)) : [undefined];
  if (texts.every((text) => text !== undefined)) return texts;
  fail(`The ${what} must be a list of single values`, node);
  return [];
}

function readExpectation(
  node: Node | undefined,
  { name, isCondition }: { readonly name: string; readonly isCondition: boolean },
  reading: Reading,
): readonly string[] | boolean {
  if (isScalar(node) && typeof node.value === "boolean") return node.value;
  if (isCondition || node === undefined || !isSeq(node)) {
    reading.fail(
      `Test "${name}" must expect ${isCondition ? "true or false" : "a list of rules, true or false"}`,
      node,
    );
    return false;
  }
  return readTexts(node, `expectation of test "${name}"`, reading);
}

/**
 * What is stated of the event, by field. The event's number is 1 unless it is stated: rules say
 * "always" and "never" with it.
 */
function readScene(node: Node | undefined, name: string, reading: Reading): StatedScene {
  const stated = new Map<string, FieldValue>([["evt.num", 1]]);
  if (node !== undefined && !isMap(node))
    reading.fail(`The event of test "${name}" must be a map of fields and values`, node);
  for (const { key, value } of isMap(node) ? (node as YAMLMap<Node, Node | null>).items : []) {
    try {
      readStated(key, value, { ...reading, stated });
    } catch (thrown) {
      if (!(thrown instanceof ConditionError)) throw thrown;
      reading.fail(`Test "${name}": ${thrown.message}`, key, thrown.hint);
    }
  }
  const type = EVENT_TYPE_BY_NAME.get(String(stated.get("evt.type") ?? ""));
  // Everything else that a scene has is asked by nobody: fields are read from what is stated.
  return { stated, event: { code: type?.code ?? GENERIC } } as unknown as StatedScene;
}

/** The event that carries system calls without an event of their own. */
const GENERIC = 1;

function readStated(
  keyNode: Node,
  node: Node | null,
  { fields, fail, stated }: Reading & { readonly stated: Map<string, FieldValue> },
): void {
  const { key, type, takesList } = readStatedKey(scalarText(keyNode) ?? "", fields);
  const single = (item: Node | null): SingleValue | undefined => {
    const value =
      isScalar(item) && item.value !== null
        ? readStatedValue(
            typeof item.value === "string" ? item.value : (item.source ?? item.value),
            type,
          )
        : undefined;
    if (value === undefined)
      fail(`Value of "${scalarText(keyNode) ?? ""}" must be of type ${type}`, item ?? keyNode);
    return value;
  };
  if (isSeq(node)) {
    if (!takesList) fail(`Field "${scalarText(keyNode) ?? ""}" has one value, not a list`, keyNode);
    const values = (node.items as Node[]).map(single);
    if (values.every((value) => value !== undefined)) stated.set(key, values);
    return;
  }
  const value = single(node);
  if (value !== undefined) stated.set(key, takesList ? [value] : value);
}
