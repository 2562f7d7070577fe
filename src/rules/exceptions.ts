import { isNull, scalarText, valueOfKey, type YamlMap, type YamlNode } from "../yaml/node.ts";
import { OPERATORS, TEXT_OPERATORS } from "./ast.ts";
import { ConditionError } from "./condition-error.ts";
import type { ExceptionDefinition, ExceptionEntry } from "./definitions.ts";
import type { ErrorCode, WarningCode } from "./diagnostic.ts";
import type { RawItem } from "./raw-items.ts";
import { MappedText, placeAt } from "./source-text.ts";

/** Keeps a diagnostic about an exception; `node` is where. */
export type ReportException = (
  code: ErrorCode | WarningCode,
  message: string,
  node: YamlNode | undefined,
  name?: string,
) => void;

/**
 * The `exceptions` of a rule item, as they are written. Those that are appended may leave out their
 * fields, which the rule's exception of the same name has. What is wrong is reported, and the
 * exception left out.
 */
export function readExceptions(
  item: RawItem,
  isAppended: boolean,
  report: ReportException,
): readonly ExceptionDefinition[] {
  const node = item.keys.get("exceptions");
  if (node === undefined || isNull(node)) return [];
  if (node.kind !== "sequence") {
    report("LOAD_ERR_YAML_VALIDATE", "Rule exceptions must be a list", node);
    return [];
  }
  const exceptions: ExceptionDefinition[] = [];
  for (const entry of node.items) {
    if (entry.kind !== "map") {
      report("LOAD_ERR_YAML_VALIDATE", "Exception must be a map of keys", entry);
      continue;
    }
    const exception = readOne(entry, { item, isAppended, report });
    if (exception === undefined) continue;
    if (exceptions.some((other) => other.name === exception.name))
      report(
        "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
        `Exception name "${exception.name}" stands twice`,
        entry,
        exception.name,
      );
    exceptions.push(exception);
  }
  return exceptions;
}

interface ReadContext {
  readonly item: RawItem;
  readonly isAppended: boolean;
  readonly report: ReportException;
}

function readOne(
  map: YamlMap,
  { item, isAppended, report }: ReadContext,
): ExceptionDefinition | undefined {
  const get = (key: string): YamlNode | undefined => valueOfKey(map, key);
  const refuse = (message: string, node: YamlNode): undefined => {
    report("LOAD_ERR_YAML_VALIDATE", message, node, name);
    return undefined;
  };
  const name = scalarText(get("name")) ?? "";
  if (name === "") {
    report(
      "LOAD_ERR_YAML_VALIDATE",
      get("name") === undefined ? 'Item has no mapping for key "name"' : "Exception has no name",
      get("name") ?? map,
    );
    return undefined;
  }
  if (get("fields") === undefined && !isAppended)
    return refuse(`Exception "${name}" has no mapping for key "fields"`, map);
  const valuesNode = get("values");
  if (valuesNode !== undefined && valuesNode.kind !== "sequence")
    return refuse(`Values of exception "${name}" must be a list`, valuesNode);
  if (valuesNode === undefined && isAppended)
    report("LOAD_APPEND_NO_VALUES", `Exception "${name}" is appended without values`, map, name);
  try {
    const count = { entries: 0 };
    const values = valuesNode?.items.map((row) => readEntry(row, count)) ?? [];
    const offset = map.start;
    const fields = readOptional(get("fields"));
    const comparisons = normalizedOperators(readOptional(get("comps")));
    return {
      name,
      fields,
      comparisons,
      values,
      place: placeAt(item.source, offset),
      source: item.source,
      offset,
    };
  } catch (thrown) {
    if (!(thrown instanceof UnfitValue)) throw thrown;
    return refuse(`Exception "${name}" holds ${thrown.message}`, thrown.node);
  }
}

/** Blanks around operators are nobody's. */
function normalizedOperators(entry: ExceptionEntry | undefined): ExceptionEntry | undefined {
  if (typeof entry === "string") return entry.trim();
  return entry?.map((one) => (typeof one === "string" ? one.trim() : one));
}

class UnfitValue extends Error {
  readonly node: YamlNode;

  constructor(message: string, node: YamlNode) {
    super(message);
    this.node = node;
  }
}

/** What is neither a text nor a list counts as not there. */
function readOptional(node: YamlNode | undefined): ExceptionEntry | undefined {
  return node === undefined || node.kind === "map" || isNull(node) ? undefined : readEntry(node);
}

/** Lists of aliases of lists hold more than their file is long. */
const MAX_ENTRIES = 1_000_000;

/** A text, or a list of entries. */
function readEntry(node: YamlNode, count = { entries: 0 }, depth = 0): ExceptionEntry {
  count.entries += 1;
  if (count.entries > MAX_ENTRIES) throw new UnfitValue("too many values", node);
  if (node.kind === "sequence" && depth < 4)
    return node.items.map((item) => readEntry(item, count, depth + 1));
  // Nothing at all passes here, and does not compile.
  if (node.kind !== "scalar" || node.isNull) return "";
  if (node.text === "") throw new UnfitValue("a value that is empty", node);
  return node.text;
}

/** Operators that compare with a set. */
const SET_OPERATORS: ReadonlySet<string> = new Set(["in", "pmatch", "intersects"]);
const MODIFIED = /^(\S+)\s+(?:oneof|anyof|allof)$/;

function isOperator(text: string): boolean {
  const [, base] = MODIFIED.exec(text) ?? [];
  return base === undefined
    ? (OPERATORS as readonly string[]).includes(text)
    : TEXT_OPERATORS.some((one) => one === base);
}

function takesSet(operator: string): boolean {
  return SET_OPERATORS.has(operator) || MODIFIED.test(operator);
}

/**
 * What is wrong with an exception's fields and operators, as Falco checks them when a rule is
 * defined; undefined when nothing is.
 */
export function exceptionProblem(
  exception: ExceptionDefinition,
  isKnownField: (name: string) => boolean,
): { readonly message: string; readonly isUnknownField: boolean } | undefined {
  const problem = (message: string, isUnknownField = false) => ({
    message: `Exception "${exception.name}": ${message}`,
    isUnknownField,
  });
  const { fields, comparisons } = exception;
  if (fields === undefined) return problem("it must have fields");
  const names = typeof fields === "string" ? [fields] : fields.map(String);
  if (typeof fields === "string") {
    if (comparisons !== undefined && typeof comparisons !== "string")
      return problem("fields and comps must both be single values");
    if (comparisons !== undefined && !(takesSet(comparisons) && isOperator(comparisons)))
      return problem(
        "one field alone must compare with in, pmatch, intersects or an operator with oneof, anyof or allof",
      );
  } else {
    const operators =
      comparisons === undefined
        ? names.map(() => "=")
        : typeof comparisons === "string"
          ? []
          : comparisons.map(String);
    if (operators.length !== names.length)
      return problem("fields and comps must be lists of the same length");
    const wrong = operators.find((operator) => !isOperator(operator));
    if (wrong !== undefined) return problem(`"${wrong}" is no operator`);
  }
  const unknown = names.find((name) => !isKnownField(name));
  return unknown === undefined ? undefined : problem(`"${unknown}" is no field`, true);
}

/**
 * Appended exceptions: rows are added to the one of the same name, a new name is a further
 * exception. Throws `ConditionError`'s message as text.
 */
export function mergeExceptions(
  before: readonly ExceptionDefinition[],
  added: readonly ExceptionDefinition[],
): { readonly exceptions: readonly ExceptionDefinition[]; readonly problem?: string } {
  const merged = new Map(before.map((exception) => [exception.name, exception]));
  for (const exception of added) {
    const known = merged.get(exception.name);
    if (known === undefined) {
      if (exception.fields === undefined)
        return {
          exceptions: before,
          problem: `Exception "${exception.name}" is new and must have fields`,
        };
      if (exception.values.length === 0)
        return {
          exceptions: before,
          problem: `Exception "${exception.name}" is new and must have values`,
        };
      merged.set(exception.name, exception);
      continue;
    }
    if (exception.fields !== undefined || exception.comparisons !== undefined) {
      return {
        exceptions: before,
        problem: `Exception "${exception.name}" has its fields and comps already: only values can be appended`,
      };
    }
    merged.set(exception.name, { ...known, values: [...known.values, ...exception.values] });
  }
  return { exceptions: [...merged.values()] };
}

/** Longest text that a rule's exceptions may make of its condition. */
const MAX_LENGTH = 1 << 20;

/**
 * `(condition) and not …` for each exception that has values, as text. Throws `ConditionError`
 * where values do not fit the fields.
 */
export function withExceptions(
  condition: MappedText,
  exceptions: readonly ExceptionDefinition[],
): MappedText {
  const [first] = exceptions;
  if (first === undefined) return condition;
  const open = MappedText.at("(", first.source, first.offset);
  const close = MappedText.at(")", first.source, first.offset);
  const parts = exceptions.flatMap((exception) => {
    const text = exceptionText(exception);
    return text === ""
      ? []
      : [MappedText.at(` and not ${text}`, exception.source, exception.offset)];
  });
  return MappedText.join([open, condition, close, ...parts], "");
}

function exceptionText(exception: ExceptionDefinition): string {
  if (exception.values.length === 0) return "";
  const text =
    typeof exception.fields === "string"
      ? singleText(exception, exception.fields)
      : rowsText(exception);
  if (text.length > MAX_LENGTH)
    throw new ConditionError(
      `exception "${exception.name}" is longer than ${MAX_LENGTH} characters`,
      { start: 0 },
    );
  return text;
}

function singleText({ name, comparisons, values }: ExceptionDefinition, field: string): string {
  const texts = values.map((value) => {
    if (typeof value !== "string")
      throw new ConditionError(
        `values of exception "${name}", which has one field, must be single values`,
        { start: 0 },
      );
    return quoted(value);
  });
  return `(${field} ${typeof comparisons === "string" ? comparisons : "in"} (${texts.join(", ")}))`;
}

function rowsText({ name, fields, comparisons, values }: ExceptionDefinition): string {
  const names = (fields as readonly ExceptionEntry[]).map(String);
  const rows = values.map((row) => {
    if (typeof row === "string" || row.length !== names.length)
      throw new ConditionError(
        `exception "${name}" must have as many values in each row as it has fields`,
        { start: 0 },
      );
    const checks = names.map((field, index) => {
      const operator = comparisons === undefined ? "=" : String(comparisons[index]);
      return `${field} ${operator} ${operandText(row[index] ?? "", operator)}`;
    });
    return `(${checks.join(" and ")})`;
  });
  return `(${rows.join(" or ")})`;
}

function operandText(value: ExceptionEntry, operator: string): string {
  if (typeof value !== "string") return `(${value.map((item) => quoted(String(item))).join(", ")})`;
  if (!takesSet(operator)) return quoted(value);
  return value.startsWith("(") ? value : `(${value})`;
}

/**
 * As Falco writes a value: in quotes when it holds a blank and does not begin with a quote itself.
 */
function quoted(value: string): string {
  return value.includes(" ") && !/^["']/.test(value) ? `"${value}"` : value;
}
