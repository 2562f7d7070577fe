import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EVENT_TYPES } from "../../src/events/schema.ts";
import { FIELDS } from "../../src/fields/registry.ts";
import type { FieldRegistry } from "../../src/fields/field.ts";
import { addressBytes } from "../../src/lib/ip-bytes.ts";
import { compileCondition, type CompiledCondition } from "../../src/rules/compile-condition.ts";
import { ConditionError } from "../../src/rules/condition-error.ts";
import { eventCodesOf } from "../../src/rules/event-codes.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import type { LoadedRule } from "../../src/rules/loaded-rule.ts";
import {
  compileOutput,
  type OutputTemplate,
  renderOutput,
  textOf,
  valueOf,
} from "../../src/rules/output.ts";
import { parseCondition, parseOperandAt } from "../../src/rules/parse-condition.ts";
import { compilePathPrefixes } from "../../src/rules/path-prefixes.ts";
import { printCondition, printOperand } from "../../src/rules/print-condition.ts";
import { escapeValue } from "../../src/rules/quote-value.ts";
import { unescapeQuoted } from "../../src/rules/quoted-text.ts";
import { compileWildcard } from "../../src/rules/select-rules.ts";
import { UNARY_TRANSFORMERS } from "../../src/rules/transformers.ts";
import { concatenatePaths } from "../../src/state/path.ts";
import type { Scene } from "../../src/state/scene.ts";
import { scene } from "../fixtures/scenes.ts";
import { type Case, type Judge, text, type Verdict } from "./case-file.ts";
import {
  assessBadCapture,
  assessGolden,
  assessRegression,
  assessRuleScenario,
} from "./capture-judges.ts";
import { assessConfig } from "./config-judges.ts";
import { assessConverting } from "./converter-judges.ts";
import { assessScenario } from "./event-judges.ts";
import { assessEnabling, assessLoading, assessPlugins, assessResolving } from "./loading-judges.ts";
import { assessSelection } from "./selection-judges.ts";
import { fieldsWithMocks, type MockScene, mockScene } from "./mock-fields.ts";

const SHARED_RULES = fileURLToPath(new URL("../../../shared/falco-rules/", import.meta.url));

/** One judge a kind of case file. A kind without a judge is printed as such by the runner. */
export const JUDGES: Readonly<Record<string, Judge>> = {
  config: () => assessConfig,
  interesting_syscalls: () => assessSelection,
  condition_parser: () => (one) => {
    const depth = Number(one["max_depth"] ?? 100);
    const parsed = attempt(() =>
      one["entry"] === undefined
        ? printCondition(parseCondition(text(one["expr"]), depth))
        : printOperand(parseOperandAt(text(one["expr"]), 0, depth).operand),
    );
    if (parsed instanceof Error) return one["valid"] === false || parsed.message;
    return one["valid"] === true ? parsed === text(one["ast"]) || parsed : "valid";
  },
  operators: (file) => {
    const fields = fieldsWithMocks(file);
    return (one) => {
      const compiled = compile(one, fields);
      if (compiled instanceof Error)
        return one["compiles"] === false || one["expected"] === "throw" || compiled.message;
      if (one["compiles"] === false) return "compiles";
      const answer = compiled.predicate(
        mockScene(one["fields"] as Readonly<Record<string, unknown>>, file),
      );
      return answer === one["expected"] ? sameWarnings(compiled, one) : String(answer);
    };
  },
  filter_compile: (file) => {
    const fields = fieldsWithMocks(file);
    return (one) => {
      const compiled = compile(one, fields);
      if (compiled instanceof Error) return one["compiles"] === false || compiled.message;
      return one["compiles"] === true ? sameWarnings(compiled, one) : "compiles";
    };
  },
  boolean_logic: (file) => {
    const fields = fieldsWithMocks(file);
    return (one) => {
      const compiled = compile(one, fields);
      const answer = compiled instanceof Error ? "throw" : compiled.predicate({} as MockScene);
      return answer === one["expected"] || String(answer);
    };
  },
  event_type_codes: () => (one) => {
    const wanted = one["event_names"] as { only?: string[]; all_but?: string[] } | undefined;
    if (wanted === undefined)
      return (
        attempt(() => eventCodesOf(parseCondition(text(one["expr"])))) instanceof Error ||
        compile(one, FIELDS) instanceof Error ||
        "compiles"
      );
    const names = EVENT_TYPES.flatMap((type) => (type === undefined ? [] : [type.name]));
    const expected = names.filter((name) =>
      wanted.only === undefined
        ? !(wanted.all_but ?? []).includes(name)
        : wanted.only.includes(name),
    );
    const got = [...eventCodesOf(parseCondition(text(one["expr"])))].map(
      (code) => EVENT_TYPES[code]?.name ?? "",
    );
    return sorted(got) === sorted(expected) || got.slice(0, 8).join();
  },
  paths: () => (one) => {
    if (one["op"] === "concatenate")
      return same(concatenatePaths(text(one["path1"]), text(one["path2"])), text(one["out"]));
    const prefixes = (one["prefixes"] as unknown[] | undefined) ?? [];
    return same(compilePathPrefixes(prefixes.map(text))(text(one["path"])), one["match"]);
  },
  wildcard: () => (one) =>
    same(compileWildcard(text(one["pattern"]))(text(one["str"])), one["match"]),
  escaping: () => (one) => {
    const got = attempt(() =>
      one["op"] === "escape"
        ? escapeValue(text(one["in"]))
        : unescapeQuoted(text(one["in"]).slice(1, -1), text(one["in"]).slice(0, 1)),
    );
    if (got instanceof Error) return one["error"] !== undefined || got.message;
    return one["error"] === undefined ? same(got, text(one["out"])) : got;
  },
  transformers: () => assessTransformer,
  output_format: () => {
    const scenes = formattingScenes();
    return (one) => assessFormat(one, scenes);
  },
  macro_resolver: () => assessResolving,
  plugin_requirements: () => assessPlugins,
  rule_enable: () => assessEnabling,
  scap_converter: () => assessConverting,
  event_scenarios: assessScenario,
  capture_goldens: assessGolden,
  bad_captures: assessBadCapture,
  rule_scenarios: assessRuleScenario,
  regression_e2e: assessRegression,
  rule_loading: (file) => {
    const [all, bare] = [fieldsWithMocks(file), fieldsWithMocks(file, { withContainers: false })];
    return (one) => assessLoading(one, one["container_plugin"] === false ? bare : all);
  },
  official_rules: (_, folder) => {
    const loaded = new Map<string, readonly LoadedRule[]>();
    return (one) => {
      const name = text(one["file"]);
      // Beside the folder of cases, or where this project's own tests have them.
      const path = [join(folder, "../falco-rules", name), join(SHARED_RULES, name)].find(
        (candidate) => existsSync(candidate),
      );
      if (path === undefined) return `needs falco-rules/${name} beside the folder`;
      const rules =
        loaded.get(name) ??
        loadRules([{ name, text: readFileSync(path, "utf8") }], { fields: FIELDS }).rules;
      loaded.set(name, rules);
      return assessOfficial(
        one,
        rules.find((rule) => rule.name === one["name"]),
      );
    };
  },
};

function assessOfficial(one: Case, rule: LoadedRule | undefined): Verdict {
  if (rule === undefined) return "no such rule";
  // asyncevent is always among the real engine's events.
  const events = [
    ...[...rule.eventCodes].map((code) => EVENT_TYPES[code]?.name ?? ""),
    "asyncevent",
  ];
  const got = [
    rule.enabled,
    rule.priority,
    sorted(rule.tags),
    sorted(events),
    printCondition(rule.expression),
  ];
  const wanted = [
    one["enabled"],
    one["priority"],
    sorted(one["tags"] as string[]),
    sorted(one["events"] as string[]),
    one["condition"],
  ];
  return same(JSON.stringify(got), JSON.stringify(wanted));
}

function assessTransformer(one: Case): Verdict {
  const rule = UNARY_TRANSFORMERS[text(one["transformer"]) as keyof typeof UNARY_TRANSFORMERS];
  if (rule === undefined) return "unknown transformer";
  const type = text(one["type"]);
  const isList = one["list"] === true;
  const result = rule.result(type as "CHARBUF", isList);
  if (one["error"] !== undefined) return result === undefined || `gives ${result}`;
  if (result !== one["out_type"]) return String(result);
  const values = (one["in"] as unknown[]).map((value) =>
    type.startsWith("IP") ? (addressBytes(text(value)) ?? "") : text(value),
  );
  const got = isList ? rule.apply(values) : rule.apply(values[0] ?? "");
  const out = got === undefined ? undefined : Array.isArray(got) ? got : [got];
  return one["ok"] === false
    ? out === undefined || String(out)
    : same(
        JSON.stringify(out),
        JSON.stringify(
          (one["out"] as unknown[]).map((value) =>
            typeof value === "object" ? text(value) : value,
          ),
        ),
      );
}

/**
 * Who may stand in a case about formats: the first process, or a child of a shell that it started.
 */
function formattingScenes(): readonly Scene[] {
  const params = { res: 0, path: "/test/dir" };
  const init = {
    pid: 1,
    ppid: 0,
    comm: "init",
    exe: "/sbin/init",
    exepath: "/sbin/init",
    args: ["context", "ls", "--format", "{{json .}}"],
    cwd: "/root/",
    uid: 0,
    gid: 0,
  };
  const bash = { ...init, pid: 2, ppid: 1, comm: "bash", exe: "bash", args: [] };
  const child = { ...init, pid: 3, ppid: 2, comm: "child", exe: "child", args: [] };
  return [[init], [init, bash], [init, bash, child]].map((chain) =>
    scene("getcwd", params, { chain }),
  );
}

function assessFormat(one: Case, scenes: readonly Scene[]): Verdict {
  const template = attempt(() => compileOutput(text(one["fmt"]), FIELDS));
  if (template instanceof Error) return one["error"] !== undefined || template.message;
  if (one["error"] !== undefined) return "compiles";
  if (one["tokens"] !== undefined)
    return same(
      template.named.map(({ key }) => key).join(" "),
      (one["tokens"] as string[]).join(" "),
    );
  const verdicts = scenes.map((shown) => assessFormatted(one, template, shown));
  return verdicts.includes(true) || String(verdicts[0]);
}

function assessFormatted(one: Case, template: OutputTemplate, shown: Scene): Verdict {
  const present = template.named.filter(({ operand }) => textOf(operand, shown) !== undefined);
  if (!template.printsMissing && (present.length === template.named.length) !== one["complete"])
    return "complete differs";
  if (one["json"] === true) {
    const values = template.named
      .filter(({ isTransformed }) => !isTransformed || one["resolve_transformed"] === true)
      .map(({ key, operand }) => [key, valueOf(operand, shown)] as const);
    return same(
      values.length === 0
        ? "null"
        : JSON.stringify(
            Object.fromEntries(values.toSorted(([left], [right]) => (left < right ? -1 : 1))),
          ),
      text(one["out"]),
    );
  }
  if (one["out"] !== undefined) return same(renderOutput(template, shown), text(one["out"]));
  // Upstream's test keeps what earlier formats left in its map, so it may hold more than ours; it
  // ends at the first missing value.
  const wanted = one["values"] as Readonly<Record<string, string>>;
  const end = template.named.findIndex((field) => !present.includes(field));
  const told = template.named.slice(0, end < 0 || template.printsMissing ? undefined : end);
  const wrong = told.find(({ key, operand }) => wanted[key] !== (textOf(operand, shown) ?? "<NA>"));
  return wrong === undefined || `${wrong.key} ${String(textOf(wrong.operand, shown))}`;
}

function compile(one: Case, fields: FieldRegistry): CompiledCondition | Error {
  return attempt(() => compileCondition(parseCondition(text(one["expr"])), fields));
}

/** The wording is ours, so warnings are compared by their number. */
function sameWarnings({ advice }: CompiledCondition, one: Case): Verdict {
  const wanted = (one["warnings"] as string[] | undefined) ?? [];
  return (
    advice.length === wanted.length ||
    `warns ${advice.map((each) => each.advice.message).join("; ")}`
  );
}

function attempt<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (error) {
    if (error instanceof ConditionError || error instanceof Error) return error;
    throw error;
  }
}

function same(got: unknown, wanted: unknown): Verdict {
  return got === wanted || String(got);
}

function sorted(names: readonly string[]): string {
  return [...new Set(names)].toSorted().join();
}
