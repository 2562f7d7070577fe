import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FIELDS } from "../../src/fields/registry.ts";
import type { FieldRegistry, FieldValue } from "../../src/fields/field.ts";
import { EVENT_TYPES } from "../../src/events/schema.ts";
import { addressBytes } from "../../src/lib/ip-bytes.ts";
import { compileCondition, type Predicate } from "../../src/rules/compile-condition.ts";
import { eventCodesOf } from "../../src/rules/event-codes.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import { ConditionError, parseCondition } from "../../src/rules/parse-condition.ts";
import { compilePathPrefixes } from "../../src/rules/path-prefixes.ts";
import { priorityByName } from "../../src/rules/priority.ts";
import { joinPath } from "../../src/state/path.ts";
import type { Case, CaseFile, Judge, Verdict } from "./case-file.ts";
import { type MockScene, referenceFields } from "./reference-fields.ts";

/** One judge a kind of case file. A kind without a judge is printed as such by the runner. */
export const JUDGES: Readonly<Record<string, Judge>> = {
  condition_parser: () => (one) => {
    if (one["entry"] !== undefined) return "entry points of outputs are not judged yet";
    const error = errorOf(() => parseCondition(text(one["expr"]), Number(one["max_depth"] ?? 100)));
    return (error === undefined) === one["valid"] || (error ?? "valid");
  },
  operators: (file) => {
    const fields = referenceFields(file);
    return (one) => {
      const compiled = compile(text(one["expr"]), fields);
      if (typeof compiled === "string") return one["compiles"] === false || one["expected"] === "throw" || compiled;
      if (one["compiles"] === false) return "compiles";
      const answer = compiled(mockScene(one["fields"] as Readonly<Record<string, unknown>>, file));
      return answer === one["expected"] || String(answer);
    };
  },
  filter_compile: (file) => {
    const fields = referenceFields(file);
    return (one) => {
      const compiled = compile(text(one["expr"]), fields);
      return (typeof compiled !== "string") === one["compiles"] || (typeof compiled === "string" ? compiled : "compiles");
    };
  },
  boolean_logic: (file) => {
    const fields = referenceFields(file);
    return (one) => {
      const compiled = compile(text(one["expr"]), fields);
      const answer = typeof compiled === "string" ? "throw" : compiled({} as MockScene);
      return answer === one["expected"] || String(answer);
    };
  },
  event_type_codes: () => (one) => {
    const wanted = one["event_names"] as { only?: string[]; all_but?: string[] } | undefined;
    if (wanted === undefined) return true;
    const names = EVENT_TYPES.flatMap((type) => (type === undefined ? [] : [type.name]));
    const expected = names.filter((name) => (wanted.only === undefined ? !(wanted.all_but ?? []).includes(name) : wanted.only.includes(name)));
    const codes = eventCodesOf(parseCondition(text(one["expr"])));
    const got = [...codes].map((code) => EVENT_TYPES[code]?.name ?? "");
    return [...new Set(got)].toSorted().join() === [...new Set(expected)].toSorted().join() || got.slice(0, 8).join();
  },
  paths: () => (one) => {
    if (typeof one["path1"] === "object" || typeof one["path2"] === "object") return "paths that are no UTF-8 are not judged yet";
    if (one["op"] !== "concatenate") {
      const found = compilePathPrefixes((one["prefixes"] as string[] | undefined) ?? [])(text(one["path"]));
      return found === one["match"] || `${String(one["op"])} ${found}`;
    }
    const joined = joinPath(text(one["path1"]), text(one["path2"]));
    return joined === one["out"] || joined;
  },
  rule_loading: (file) => {
    const [all, bare] = [referenceFields(file), referenceFields(file, { withContainers: false })];
    return (one) => judgeLoading(one, one["container_plugin"] === false ? bare : all);
  },
  official_rules: (_, folder) => {
    const loaded = new Map<string, ReturnType<typeof loadRules>>();
    return (one) => {
      const name = text(one["file"]);
      const path = join(folder, "../falco-rules", name);
      if (!existsSync(path)) return `needs ${path}`;
      const result = loaded.get(name) ?? loadRules([{ name, text: readFileSync(path, "utf8") }], { fields: FIELDS });
      loaded.set(name, result);
      const rule = result.rules.find((candidate) => candidate.name === one["name"]);
      const [got, wanted] = [[rule?.enabled, rule?.priority, [...(rule?.tags ?? [])].toSorted()], [one["enabled"], one["priority"], [...(one["tags"] as string[])].toSorted()]];
      // asyncevent is always among the real engine's events.
      const events = [...(rule?.eventCodes ?? [])].map((code) => EVENT_TYPES[code]?.name ?? "");
      const all = [...new Set([...events, "asyncevent"])].toSorted();
      return JSON.stringify([...got, all]) === JSON.stringify([...wanted, [...(one["events"] as string[])].toSorted()]) || JSON.stringify([...got, all]);
    };
  },
};

function judgeLoading(one: Case, fields: FieldRegistry): Verdict {
  const previous = [one["previously_loaded"] ?? []].flat().map((content, index) => ({ name: `previous ${index}`, text: text(content) }));
  const own = (one["files"] as { name: string; content: string }[] | undefined)?.map(({ name, content }) => ({ name, text: content })) ?? [
    { name: text(one["file_name"] ?? "rules.yaml"), text: text(one["rules_content"]) },
  ];
  const minimumPriority = priorityByName(text(one["min_priority"] ?? "debug"));
  const { files } = loadRules([...previous, ...own], { fields, ...(minimumPriority === undefined ? {} : { minimumPriority }) });
  const [errors, warnings] = [files.flatMap((file) => file.errors), files.flatMap((file) => file.warnings)];
  const got = errors.length > 0 ? "error" : warnings.length > 0 ? "warning" : "ok";
  if (got !== one["expect"]) return `${got} ${errors[0]?.message ?? warnings[0]?.message ?? ""}`;
  const codes = (list: unknown): string => [...new Set((list as { code: string }[]).map(({ code }) => code))].toSorted().join();
  if (got === "warning") return codes(warnings) === codes(one["warnings"]) || codes(warnings);
  // The real engine stops at its first error; ours tells all, so its own must be among them.
  const first = (one["errors"] as { code: string }[] | undefined)?.[0]?.code;
  return got !== "error" || first === undefined || errors.some((error) => error.code === first) || codes(errors);
}

function compile(expression: string, fields: FieldRegistry): Predicate | string {
  try {
    return compileCondition(parseCondition(expression), fields).predicate;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function errorOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof ConditionError || error instanceof Error) return error.message;
    throw error;
  }
}

function mockScene(values: Readonly<Record<string, unknown>>, { mockTypes }: CaseFile): MockScene {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, mockValue(value, mockTypes[name] ?? "")])) as unknown as MockScene;
}

function mockValue(value: unknown, type: string): FieldValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === "object") return Buffer.from((value as { hex?: string }).hex ?? "", "hex");
  if (typeof value === "boolean" || typeof value === "number") return value;
  const written = text(value);
  if (type === "BYTEBUF") return Buffer.from(written);
  if (type.startsWith("IP")) return addressBytes(written);
  const isNumber = !/^(?:CHARBUF|FSPATH|FSRELPATH)$/.test(type) && /^-?\d+$/.test(written);
  return isNumber ? BigInt(written) : written;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
