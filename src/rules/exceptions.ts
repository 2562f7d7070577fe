import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import type { ExceptionDefinition, ExceptionValue } from "./definitions.ts";
import type { Diagnostic, ErrorCode, WarningCode } from "./diagnostic.ts";
import { type RawItem, scalarText } from "./raw-items.ts";
import { MappedText, placeAt } from "./source-text.ts";

export interface ReadExceptions {
  readonly exceptions: readonly ExceptionDefinition[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Operators that one field alone may have: those that take a set. */
const SET_OPERATORS: ReadonlySet<string> = new Set(["in", "pmatch", "intersects"]);

/** The `exceptions` of a rule item. `known`: the rule's earlier ones, whose fields an appended one of the same name takes over. */
export function readExceptions(item: RawItem, known: readonly ExceptionDefinition[]): ReadExceptions {
  const diagnostics: Diagnostic[] = [];
  const report: Report = (code, message, node, name = "") => {
    const place = placeAt(item.source, node?.range?.[0] ?? item.offset);
    diagnostics.push({ code, message, place, itemType: "exception", itemName: name === "" ? item.name : name });
    return undefined;
  };
  const node = item.keys.get("exceptions") ?? null;
  if (!isSeq(node)) {
    report("LOAD_ERR_YAML_VALIDATE", 'Value of "exceptions" must be a list', node);
    return { exceptions: [], diagnostics };
  }
  const exceptions: ExceptionDefinition[] = [];
  for (const entry of node.items as Node[]) {
    const exception = isMap(entry) ? readOne(entry as YAMLMap<Node, Node | null>, { item, known, report }) : undefined;
    if (!isMap(entry)) report("LOAD_ERR_YAML_VALIDATE", "Exception must be a map of keys", entry);
    if (exception === undefined) continue;
    if (exceptions.some((other) => other.name === exception.name)) report("LOAD_EXCEPTION_NAME_NOT_UNIQUE", `Exception name "${exception.name}" stands twice`, entry, exception.name);
    exceptions.push(exception);
  }
  return { exceptions, diagnostics };
}

interface ReadContext {
  readonly item: RawItem;
  readonly known: readonly ExceptionDefinition[];
  readonly report: Report;
}

/** Keeps a diagnostic; what it is about is then left out, hence `undefined`. */
type Report = (code: ErrorCode | WarningCode, message: string, node: Node | null, name?: string) => undefined;

function readOne(map: YAMLMap<Node, Node | null>, { item, known, report }: ReadContext): ExceptionDefinition | undefined {
  const name = scalarText(map.get("name", true)) ?? "";
  if (name === "") return report("LOAD_ERR_YAML_VALIDATE", "Exception has no name", map);
  const before = known.find((exception) => exception.name === name);
  const fieldsNode = map.get("fields", true) as Node | undefined;
  if (fieldsNode === undefined && before === undefined) return report("LOAD_ERR_VALIDATE", `Exception "${name}" has no fields`, map, name);
  const isSingle = fieldsNode === undefined ? (before?.isSingle ?? false) : isScalar(fieldsNode);
  const fields = fieldsNode === undefined ? (before?.fields ?? []) : textsOf(fieldsNode);
  const comparisonsNode = map.get("comps", true) as Node | undefined;
  const fallback = before !== undefined && fieldsNode === undefined ? before.comparisons : fields.map(() => (isSingle ? "in" : "="));
  const comparisons = comparisonsNode === undefined ? fallback : textsOf(comparisonsNode);
  if (comparisons.length !== fields.length) return report("LOAD_ERR_VALIDATE", `Exception "${name}" must have as many comps as fields`, map, name);
  const single = comparisons[0] ?? "";
  if (isSingle && !SET_OPERATORS.has(single) && !/ (?:oneof|anyof|allof)$/.test(single)) {
    return report("LOAD_ERR_VALIDATE", `Exception "${name}" with one field must compare with in, pmatch or intersects`, map, name);
  }
  const valuesNode = map.get("values", true) as Node | undefined;
  const values = isSeq(valuesNode) ? (valuesNode.items as Node[]).map(rowOf) : [];
  if (!isSingle && values.some((row) => row.length !== fields.length)) {
    return report("LOAD_ERR_VALIDATE", `Exception "${name}" must have as many values in each row as fields`, valuesNode ?? map, name);
  }
  const offset = map.range?.[0] ?? item.offset;
  return { name, fields, comparisons, isSingle, values, place: placeAt(item.source, offset), source: item.source, offset };
}

/** Appended exceptions: rows are added to one of the same name, a new name is a further exception. */
export function mergeExceptions(before: readonly ExceptionDefinition[], added: readonly ExceptionDefinition[]): { readonly exceptions: readonly ExceptionDefinition[]; readonly problem?: string } {
  const merged = new Map(before.map((exception) => [exception.name, exception]));
  for (const exception of added) {
    const known = merged.get(exception.name);
    if (known === undefined) {
      merged.set(exception.name, exception);
      continue;
    }
    if (known.fields.join() !== exception.fields.join() || known.comparisons.join() !== exception.comparisons.join()) {
      return { exceptions: before, problem: `Appended exception "${exception.name}" cannot change fields or comps` };
    }
    merged.set(exception.name, { ...known, values: [...known.values, ...exception.values] });
  }
  return { exceptions: [...merged.values()] };
}

/** `(condition) and not …` for each exception that has values, as text. */
export function withExceptions(condition: MappedText, exceptions: readonly ExceptionDefinition[]): MappedText {
  const filled = exceptions.filter((exception) => exception.values.length > 0);
  if (filled.length === 0) return condition;
  const [first] = filled as [ExceptionDefinition];
  const open = MappedText.at("(", first.source, first.offset);
  const close = MappedText.at(")", first.source, first.offset);
  const parts = filled.map((exception) => MappedText.at(` and not ${exceptionText(exception)}`, exception.source, exception.offset));
  return MappedText.join([open, condition, close, ...parts], "");
}

function exceptionText({ fields, comparisons, isSingle, values }: ExceptionDefinition): string {
  if (isSingle) {
    const all = values.flatMap((row) => row.flatMap((value) => (typeof value === "string" ? [value] : value)));
    return `(${fields[0] ?? ""} ${comparisons[0] ?? ""} (${all.map(quoted).join(", ")}))`;
  }
  const rows = values.map((row) => `(${fields.map((field, index) => `${field} ${comparisons[index] ?? "="} ${operandText(row[index] ?? "", comparisons[index] ?? "=")}`).join(" and ")})`);
  return `(${rows.join(" or ")})`;
}

function operandText(value: ExceptionValue, comparison: string): string {
  if (typeof value !== "string") return `(${value.map(quoted).join(", ")})`;
  const wantsList = SET_OPERATORS.has(comparison) || / (?:oneof|anyof|allof)$/.test(comparison);
  return wantsList && !value.startsWith("(") ? `(${quoted(value)})` : value.startsWith("(") ? value : quoted(value);
}

function quoted(value: string): string {
  if (/^(["']).*\1$/.test(value)) return value;
  return /[\s(),="']/.test(value) || value === "" ? `"${value.replaceAll('"', '\\"')}"` : value;
}

function textsOf(node: Node): string[] {
  return isSeq(node) ? (node.items as Node[]).map((item) => scalarText(item) ?? "") : [scalarText(node) ?? ""];
}

function rowOf(node: Node): ExceptionValue[] {
  if (!isSeq(node)) return [scalarText(node) ?? ""];
  return (node.items as Node[]).map((item) => (isSeq(item) ? textsOf(item) : (scalarText(item) ?? "")));
}
