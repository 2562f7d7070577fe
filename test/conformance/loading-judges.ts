import type { FieldRegistry } from "../../src/fields/field.ts";
import { FIELDS } from "../../src/fields/registry.ts";
import type { AppendedOutput } from "../../src/rules/append-output.ts";
import { BaseUses } from "../../src/rules/base-uses.ts";
import { ListExpander } from "../../src/rules/expand-lists.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import type { LoadedRule } from "../../src/rules/loaded-rule.ts";
import { MacroResolver, PlacedConditionError } from "../../src/rules/macros.ts";
import { printCondition } from "../../src/rules/print-condition.ts";
import { priorityByName } from "../../src/rules/priority.ts";
import { type RuleSelection, selectRules } from "../../src/rules/select-rules.ts";
import { MappedText } from "../../src/rules/source-text.ts";
import { type Case, text, type Verdict } from "./case-file.ts";

/**
 * `rule_loading`: codes, and each rule as it was compiled. Where several files are loaded, the
 * answer is that of the last.
 */
export function assessLoading(one: Case, fields: FieldRegistry): Verdict {
  // What does not load before does not stay.
  const previous = [one["previously_loaded"] ?? []]
    .flat()
    .map((content, index) => ({ name: `previous ${index}`, text: text(content) }))
    .filter((file) =>
      loadRules([file], { fields, plugins: "unchecked" }).files.every(
        ({ errors }) => errors.length === 0,
      ),
    );
  const own = (one["files"] as { name: string; content: string }[] | undefined)?.map(
    ({ name, content }) => ({ name, text: content }),
  ) ?? [{ name: text(one["file_name"] ?? "rules.yaml"), text: text(one["rules_content"]) }];
  const minimumPriority = priorityByName(text(one["min_priority"] ?? "debug"));
  const appendOutput = [
    ...((one["append_output"] as Case[] | undefined) ?? []),
    ...((one["extra_format"] as Case[] | undefined) ?? []),
  ].map(appendedOutput);
  const options = {
    fields,
    appendOutput,
    plugins: "unchecked" as const,
    ...(minimumPriority === undefined ? {} : { minimumPriority }),
  };
  const loaded = loadRules([...previous, ...own], options);
  const { rules } = loaded;
  const files = loaded.files.slice(previous.length);
  const [errors, warnings] = [
    files.flatMap((file) => file.errors),
    files.flatMap((file) => file.warnings),
  ];
  const got = errors.length > 0 ? "error" : warnings.length > 0 ? "warning" : "ok";
  if (got !== one["expect"]) return `${got} ${errors[0]?.message ?? warnings[0]?.message ?? ""}`;
  if (got === "error") {
    // The real engine stops at its first error; ours tells all, so its own must be among them.
    const first = (one["errors"] as { code: string }[] | undefined)?.[0]?.code;
    return (
      first === undefined ||
      errors.some((error) => error.code === first) ||
      errors.map((error) => error.code).join()
    );
  }
  const codes = (list: readonly { readonly code: string }[]): string =>
    [...new Set(list.map(({ code }) => code))].toSorted().join();
  if (codes(warnings) !== codes((one["warnings"] as { code: string }[] | undefined) ?? []))
    return codes(warnings);
  return assessRules(one, rules);
}

function appendedOutput(entry: Case): AppendedOutput {
  const orNone = (key: string): string | undefined =>
    text(entry[key]) === "" ? undefined : text(entry[key]);
  const about = {
    rule: orNone("rule"),
    source: orNone("source"),
    tags: (entry["tags"] as string[] | undefined) ?? [],
  };
  if (entry["k"] === "extra_format" || entry["key"] === undefined)
    return { ...about, format: text(entry["format"]) };
  return {
    ...about,
    fields: [
      { key: text(entry["key"]), format: text(entry["format"]), isRaw: entry["raw"] === true },
    ],
  };
}

function assessRules(one: Case, rules: readonly LoadedRule[]): Verdict {
  const wanted = one["rules"] as Readonly<Record<string, Case>> | undefined;
  if (wanted === undefined) return true;
  const compiled = Object.fromEntries(rules.map((rule) => [rule.name, rule]));
  if (Object.keys(compiled).toSorted().join() !== Object.keys(wanted).toSorted().join())
    return `rules ${Object.keys(compiled).join()}`;
  for (const [name, rule] of Object.entries(wanted)) {
    const own = compiled[name] as LoadedRule;
    const got: Case = {
      condition: printCondition(own.expression),
      output: own.outputText,
      priority: own.priority,
      source: own.source,
      enabled: own.enabled,
      tags: own.tags,
      description: own.desc,
    };
    for (const key of Object.keys(got))
      if (rule[key] !== undefined && JSON.stringify(got[key]) !== JSON.stringify(rule[key]))
        return `${name}: ${key} ${JSON.stringify(got[key])}`;
  }
  const selection = ((one["selection"] as Case[] | undefined) ?? []).flatMap(
    ({ op, rule, tag }): RuleSelection[] => {
      const action = op === "enable" ? "enable" : "disable";
      return [
        ...(rule === undefined ? [] : [{ action, by: { rule: text(rule) } } as const]),
        ...(tag === undefined ? [] : [{ action, by: { tag: text(tag) } } as const]),
      ];
    },
  );
  const count = selectRules(rules, selection).length;
  return one["enabled_count"] === undefined || count === one["enabled_count"] || `${count} enabled`;
}

/** `rule_enable`: rules switched on and off in named sets. */
export function assessEnabling(one: Case): Verdict {
  let rules: readonly LoadedRule[] = [];
  const sets = new Map<string, ReadonlySet<string>>();
  for (const step of one["steps"] as Case[]) {
    const name = text(step["ruleset"]);
    const on = sets.get(name) ?? new Set<string>();
    if (step["op"] === "load") {
      rules = loadRules([{ name: "rules.yaml", text: text(step["content"]) }], {
        fields: FIELDS,
      }).rules;
      sets.set("falco-default-ruleset", new Set(selectRules(rules, []).map((rule) => rule.name)));
    } else if (step["op"] === "count") {
      if (on.size !== step["expected"]) return `${name}: ${on.size} rules`;
    } else {
      const current = rules.map((rule) => ({ ...rule, enabled: on.has(rule.name) }));
      sets.set(name, new Set(selectRules(current, selectionsOf(step)).map((rule) => rule.name)));
    }
  }
  return true;
}

function selectionsOf(step: Case): RuleSelection[] {
  const action = step["enabled"] === true ? "enable" : "disable";
  const [op, arg] = [text(step["op"]), step["arg"]];
  if (op === "by_any_tag") return (arg as string[]).map((tag) => ({ action, by: { tag } }));
  if (op === "by_wildcard") return [{ action, by: { rule: text(arg) } }];
  if (op === "by_substring") return [{ action, by: { rule: `*${text(arg)}*` } }];
  if (op === "by_exact") return [{ action, by: { rule: text(arg) } }];
  throw new Error(`unknown step ${op}`);
}

/** `plugin_requirements`: what rules ask for against the plugins that are loaded. */
export function assessPlugins(one: Case): Verdict {
  const plugins = new Map(
    (one["plugins"] as { name: string; version: string }[]).map(({ name, version }) => [
      name,
      version,
    ]),
  );
  const { files } = loadRules([{ name: "rules.yaml", text: text(one["rules_content"]) }], {
    fields: FIELDS,
    plugins,
  });
  const errors = files.flatMap((file) => file.errors);
  return (errors.length === 0) === one["satisfied"] || (errors[0]?.message ?? "satisfied");
}

/** `macro_resolver`: macros put in their place, as far as they are known. */
export function assessResolving(one: Case): Verdict {
  const source = { name: "macros", text: "", lines: [0] };
  const at = (content: string): MappedText => MappedText.at(content, source, 0);
  const macros = Object.entries(
    (one["macros"] as Record<string, string | null> | undefined) ?? {},
  ).filter(([, condition]) => condition !== null);
  const place = { source: "macros", line: 1, column: 1, length: 1 };
  const defined = new Map(
    macros.map(([name, condition], order) => [
      name,
      {
        name,
        condition: at(condition ?? ""),
        order,
        visibility: Number.MAX_SAFE_INTEGER,
        place,
        isBase: false,
      },
    ]),
  );
  const uses = new BaseUses("");
  const resolver = new MacroResolver(defined, new ListExpander(new Map(), uses), uses);
  const isBroken =
    (one["unknown"] as string[]).length > 0 || (one["errors"] as unknown[]).length > 0;
  try {
    // Cases are printed trees, which leave the quotes of a separator out.
    const resolved = printCondition(
      resolver.resolveRule(at(text(one["expr"]).replaceAll("join(,,", 'join(",",'))),
    );
    if (isBroken) return resolved;
    const used = [...resolver.used].toSorted().join();
    if (used !== (one["used"] as string[]).toSorted().join()) return `uses ${used}`;
    return resolved === one["resolved"] || resolved;
  } catch (error) {
    // The real engine resolves what it can and then refuses; ours refuses.
    if (error instanceof PlacedConditionError) return isBroken || error.message;
    throw error;
  }
}
