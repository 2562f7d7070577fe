import type { SentEvents } from "./selected-calls.ts";
import type { FieldRegistry } from "../fields/field.ts";
import type { AppendedOutput } from "./append-output.ts";
import { BaseUses } from "./base-uses.ts";
import { Collector } from "./collector.ts";
import type { SharedParts } from "./compile-condition.ts";
import { compileCorrelation, type LoadedCorrelation } from "./compile-correlation.ts";
import { compileRule } from "./compile-rule.ts";
import { ConditionError } from "./condition-error.ts";
import type { MacroDefinition } from "./definitions.ts";
import { type Diagnostic, isErrorCode } from "./diagnostic.ts";
import { ListExpander } from "./expand-lists.ts";
import type { LoadedRule } from "./loaded-rule.ts";
import { MacroResolver, PlacedConditionError } from "./macros.ts";
import { bindOperand } from "./operands.ts";
import { parseOperandAt } from "./parse-condition.ts";
import type { OutputOptions } from "./output.ts";
import type { Priority } from "./priority.ts";
import { readItems } from "./raw-items.ts";
import { conditionDiagnostic, type Report } from "./rule-context.ts";
import { PLUGINS, unmetPlugin } from "./requirements.ts";

/** What one file came to. */
export interface FileResult {
  readonly name: string;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** The rules of all files that are of use, and what each file came to. */
export interface LoadResult {
  /** In the order in which they were first defined. */
  readonly rules: readonly LoadedRule[];
  /** Counts and sequences, in the same order. */
  readonly correlations: readonly LoadedCorrelation[];
  readonly files: readonly FileResult[];
}

/** What rules are checked against, and what is added to them. */
export interface LoadOptions {
  readonly fields: FieldRegistry;
  /** Rules that are less urgent are loaded but switched off. */
  readonly minimumPriority?: Priority;
  /** What is added to the outputs of some rules (falco.yaml, `append_output`). */
  readonly appendOutput?: readonly AppendedOutput[];
  readonly outputs?: OutputOptions;
  /**
   * Plugins that count as loaded, by name and version; `unchecked` leaves requirements of plugins
   * alone.
   */
  readonly plugins?: ReadonlyMap<string, string> | "unchecked";
  /** Macros and lists that are known beneath all files; what files define themselves wins. */
  readonly base?: RulesText;
  /**
   * The events that are sent where the rules are for, and by whom: rules that ask for none of them
   * are warned of.
   */
  readonly sentEvents?: SentEvents;
  /** Files that lean on the base are warned of: Falco has no such thing. */
  readonly warnsOfBase?: boolean;
}

/** A rules file, read. */
export interface RulesText {
  readonly name: string;
  readonly text: string;
}

/**
 * Loads rule files in their order, each on top of those before it. Every error of every file is
 * reported; a rule with an error is not among `rules`. Pure: the texts come in, nothing is read.
 */
export function loadRules(files: readonly RulesText[], options: LoadOptions): LoadResult {
  const diagnostics = new Map<string, Diagnostic[]>(files.map((file) => [file.name, []]));
  const report: Report = (diagnostic, fallback) =>
    void (diagnostics.get(diagnostic.place?.source ?? fallback) ?? diagnostics.get(fallback))?.push(
      diagnostic,
    );
  const baseUses = new BaseUses(options.base?.name ?? "");
  const collector = new Collector((name) => isField(name, options.fields), baseUses);
  if (options.base !== undefined) collector.addBase(readItems(options.base).items);
  for (const file of files) {
    const raw = readItems(file);
    for (const diagnostic of [...raw.diagnostics, ...collector.add(raw.items)])
      report(diagnostic, file.name);
  }
  const plugins = options.plugins ?? PLUGINS;
  const unmet = plugins === "unchecked" ? undefined : unmetPlugin(collector.plugins, plugins);
  if (unmet !== undefined) report(unmet, "");
  const loaded = compileAll(collector, { options, report, baseUses });
  if (options.warnsOfBase === true) for (const warning of baseUses.warnings()) report(warning, "");
  const results = files.map(({ name }) => {
    const all = diagnostics.get(name) ?? [];
    return {
      name,
      errors: listed(
        all.filter((diagnostic) => isErrorCode(diagnostic.code)),
        "errors",
      ),
      warnings: listed(
        all.filter((diagnostic) => !isErrorCode(diagnostic.code)),
        "warnings",
      ),
    };
  });
  return { ...loaded, files: results };
}

/**
 * A file of a hundred thousand wrong keys is told of in few words: so many errors, and so many
 * warnings, are listed.
 */
const MAX_LISTED = 100;

function listed(diagnostics: readonly Diagnostic[], what: string): readonly Diagnostic[] {
  const next = diagnostics[MAX_LISTED];
  if (next === undefined) return diagnostics;
  const { code, place, itemType } = next;
  return [
    ...diagnostics.slice(0, MAX_LISTED),
    {
      code,
      message: `${diagnostics.length - MAX_LISTED} more ${what} from here on are not listed`,
      place,
      itemType,
    },
  ];
}

/** True for `proc.name`, `evt.arg.flags`, `proc.aname[2]`, `tolower(proc.name)`. */
function isField(name: string, fields: FieldRegistry): boolean {
  try {
    const { operand, end } = parseOperandAt(name, 0);
    bindOperand(operand, fields, "left");
    return name.slice(end).trim() === "";
  } catch (thrown) {
    if (thrown instanceof ConditionError) return false;
    throw thrown;
  }
}

interface Loading {
  readonly options: LoadOptions;
  readonly report: Report;
  readonly baseUses: BaseUses;
}

function compileAll(
  collector: Collector,
  loading: Loading,
): Pick<LoadResult, "rules" | "correlations"> {
  const { options, report, baseUses } = loading;
  const lists = new ListExpander(collector.lists, baseUses);
  const macros = new MacroResolver(collector.macros, lists, baseUses);
  for (const macro of collector.macros.values()) checkMacro(macro, macros, report);
  const shared: SharedParts = {
    isShared: (expression) => macros.isShared(expression),
    compiled: new Map(),
    negated: new Map(),
  };
  const context = { macros, options, report, shared };
  const rules = [...collector.rules.values()].flatMap((rule) => compileRule(rule, context) ?? []);
  const { rules: defined, correlations: all } = collector;
  const correlations = [...all.values()].flatMap(
    (one) =>
      compileCorrelation(one, { ...context, defined, loaded: rules, correlations: all }) ?? [],
  );
  reportUnused(collector, { lists, macros, report });
  return { rules, correlations };
}

/** A macro's own errors are told with it, and not again with every rule that uses it. */
function checkMacro(macro: MacroDefinition, macros: MacroResolver, report: Report): void {
  // What nobody uses of the base costs nothing.
  if (macro.isBase) return;
  try {
    macros.resolveMacro(macro);
  } catch (thrown) {
    if (!(thrown instanceof PlacedConditionError)) throw thrown;
    const about = { itemType: "macro", itemName: macro.name } as const;
    for (const error of thrown.all()) {
      if (!error.isReported)
        report({ ...conditionDiagnostic(error), ...about }, macro.place.source);
      error.isReported = true;
    }
  }
}

function reportUnused(
  collector: Collector,
  {
    lists,
    macros,
    report,
  }: { readonly lists: ListExpander; readonly macros: MacroResolver; readonly report: Report },
): void {
  for (const { name, place, isBase } of collector.macros.values()) {
    if (isBase || macros.used.has(name)) continue;
    const message = "Macro not referred to by any other rule/macro";
    report({ code: "LOAD_UNUSED_MACRO", message, place, itemType: "macro", itemName: name }, "");
  }
  for (const { name, place, isBase } of collector.lists.values()) {
    if (isBase || lists.used.has(name)) continue;
    const message = "List not referred to by any other rule/macro/list";
    report({ code: "LOAD_UNUSED_LIST", message, place, itemType: "list", itemName: name }, "");
  }
}
