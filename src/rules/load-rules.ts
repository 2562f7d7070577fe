import { eventType } from "../events/schema.ts";
import type { FieldRegistry } from "../fields/field.ts";
import { type AppendedOutput, withAppendedOutput } from "./append-output.ts";
import type { Expression } from "./ast.ts";
import { callClausesOf } from "./call-clauses.ts";
import { Collector } from "./collector.ts";
import { compileCondition, type SharedParts } from "./compile-condition.ts";
import { ConditionError, FailedCheck } from "./condition-error.ts";
import type { RuleDefinition } from "./definitions.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { eventCodesOf } from "./event-codes.ts";
import { withExceptions } from "./exceptions.ts";
import { ListExpander } from "./expand-lists.ts";
import { MacroResolver, PlacedConditionError, UndefinedMacroError } from "./macros.ts";
import { bindOperand, UnknownFieldError } from "./operands.ts";
import { compileOutput } from "./output.ts";
import { parseOperandAt } from "./parse-condition.ts";
import { isAtLeast, type Priority } from "./priority.ts";
import { readItems } from "./raw-items.ts";
import { PLUGINS, unmetPlugin } from "./requirements.ts";
import type { CompiledRule } from "./rule-set.ts";

/** A rule that loaded: compiled, whether it is switched on or not. */
export interface LoadedRule extends CompiledRule {
  readonly enabled: boolean;
  readonly file: string;
  /** The condition as it is written, with what was appended to it. */
  readonly conditionText: string;
  /** The condition with exceptions, lists and macros in place. */
  readonly expression: Expression;
  readonly outputText: string;
}

export interface FileResult {
  readonly name: string;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

export interface LoadResult {
  /** In the order in which they were first defined. */
  readonly rules: readonly LoadedRule[];
  readonly files: readonly FileResult[];
}

export interface LoadOptions {
  readonly fields: FieldRegistry;
  /** Rules that are less urgent are loaded but switched off. */
  readonly minimumPriority?: Priority;
  /** What is added to the outputs of some rules (falco.yaml, `append_output`). */
  readonly appendOutput?: readonly AppendedOutput[];
  /**
   * Plugins that count as loaded, by name and version; `unchecked` leaves requirements of plugins
   * alone.
   */
  readonly plugins?: ReadonlyMap<string, string> | "unchecked";
}

/**
 * A rule whose event types are more than this many is warned of: it is asked on nearly every event.
 */
const MANY_EVENT_CODES = 100;

/**
 * Loads rule files in their order, each on top of those before it. Every error of every file is
 * reported; a rule with an error is not among `rules`. Pure: the texts come in, nothing is read.
 */
export function loadRules(
  files: readonly { readonly name: string; readonly text: string }[],
  options: LoadOptions,
): LoadResult {
  const diagnostics = new Map<string, Diagnostic[]>(files.map((file) => [file.name, []]));
  const report = (diagnostic: Diagnostic, fallback: string): void =>
    void (diagnostics.get(diagnostic.place?.source ?? fallback) ?? diagnostics.get(fallback))?.push(
      diagnostic,
    );
  const collector = new Collector((name) => isField(name, options.fields));
  for (const file of files) {
    const raw = readItems(file);
    for (const diagnostic of [...raw.diagnostics, ...collector.add(raw.items)])
      report(diagnostic, file.name);
  }
  const plugins = options.plugins ?? PLUGINS;
  const unmet = plugins === "unchecked" ? undefined : unmetPlugin(collector.plugins, plugins);
  if (unmet !== undefined) report(unmet, "");
  const rules = compileAll(collector, options, report);
  const results = files.map(({ name }) => {
    const all = diagnostics.get(name) ?? [];
    return {
      name,
      errors: listed(
        all.filter((diagnostic) => isError(diagnostic)),
        "errors",
      ),
      warnings: listed(
        all.filter((diagnostic) => !isError(diagnostic)),
        "warnings",
      ),
    };
  });
  return { rules, files: results };
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

/** True for `proc.name`, `evt.arg.flags`, `proc.aname[2]`. */
function isField(name: string, fields: FieldRegistry): boolean {
  try {
    const { operand, end } = parseOperandAt(name, 0);
    bindOperand(operand, fields, "left");
    return end === name.length && operand.kind === "field";
  } catch (thrown) {
    if (thrown instanceof ConditionError) return false;
    throw thrown;
  }
}

type Report = (diagnostic: Diagnostic, fallback: string) => void;

function compileAll(collector: Collector, options: LoadOptions, report: Report): LoadedRule[] {
  const lists = new ListExpander(collector.lists);
  const macros = new MacroResolver(collector.macros, lists);
  for (const macro of collector.macros.values()) {
    try {
      macros.resolveMacro(macro);
    } catch (thrown) {
      const isKnown = thrown instanceof PlacedConditionError && thrown.isReported;
      if (!isKnown)
        report(
          { ...conditionDiagnostic(thrown), itemType: "macro", itemName: macro.name },
          macro.place.source,
        );
      if (thrown instanceof PlacedConditionError) thrown.isReported = true;
    }
  }
  const shared: SharedParts = {
    isShared: (expression) => macros.isShared(expression),
    compiled: new Map(),
  };
  const rules: LoadedRule[] = [];
  for (const rule of collector.rules.values()) {
    const compiled = compileRule(rule, { lists, macros, options, report, shared });
    if (compiled !== undefined) rules.push(compiled);
  }
  for (const macro of collector.macros.values()) {
    if (!macros.used.has(macro.name))
      report(
        {
          code: "LOAD_UNUSED_MACRO",
          message: "Macro not referred to by any other rule/macro",
          place: macro.place,
          itemType: "macro",
          itemName: macro.name,
        },
        "",
      );
  }
  for (const list of collector.lists.values()) {
    if (!lists.used.has(list.name))
      report(
        {
          code: "LOAD_UNUSED_LIST",
          message: "List not referred to by any other rule/macro/list",
          place: list.place,
          itemType: "list",
          itemName: list.name,
        },
        "",
      );
  }
  return rules;
}

interface RuleContext {
  readonly lists: ListExpander;
  readonly macros: MacroResolver;
  readonly options: LoadOptions;
  readonly report: Report;
  readonly shared: SharedParts;
}

function compileRule(rule: RuleDefinition, context: RuleContext): LoadedRule | undefined {
  const { options, report } = context;
  const about = { itemType: "rule", itemName: rule.name } as const;
  if (rule.isUnknownSource) return undefined;
  try {
    const { output, extraFields, outputText } = compileRuleOutput(rule, context);
    const { usedFields, ...condition } = compileRuleCondition(rule, context);
    for (const fields of [usedFields, output.fields]) {
      for (const field of fields)
        if (field.deprecated)
          report(
            {
              ...about,
              code: "LOAD_DEPRECATED_ITEM",
              message: `Field "${field.name}" is deprecated: ${field.doc}`,
              place: rule.place,
            },
            rule.file,
          );
    }
    const isEverywhere = condition.eventCodes.size > MANY_EVENT_CODES;
    if (isEverywhere && rule.warnEventTypes) {
      report(
        {
          ...about,
          code: "LOAD_NO_EVTTYPE",
          message:
            "Rule matches too many evt.type values. This has a significant performance penalty.",
          place: rule.place,
        },
        rule.file,
      );
    }
    const { name, priority, source, tags, desc, file, capture, captureDuration } = rule;
    const enabled = rule.enabled && isAtLeast(priority, options.minimumPriority ?? "Debug");
    const printed = [output.fields, ...extraFields.map(({ template }) => template.fields)].flatMap(
      (fields) => [...fields],
    );
    return {
      name,
      priority,
      source,
      tags: tags.toSorted(),
      desc,
      file,
      enabled,
      capture,
      captureDuration,
      ...condition,
      conditionText: rule.condition.text,
      output,
      outputText,
      extraFields,
      outputNeedsMetadata: printed.some((field) => field.metadata === true),
      outputNeedsAccounts: printed.some((field) => field.accounts === true),
      needsEnvironment: [...condition.conditionFields, ...printed].some(
        ({ environment }) =>
          environment === "process" ||
          (environment === "event" && startsPrograms(condition.eventCodes)),
      ),
    };
  } catch (thrown) {
    const diagnostic = conditionDiagnostic(thrown);
    const isSkipped =
      rule.skipIfUnknownFilter &&
      thrown instanceof PlacedConditionError &&
      thrown.error instanceof UnknownFieldError;
    if (isSkipped) report({ ...diagnostic, ...about, code: "LOAD_UNKNOWN_FILTER" }, rule.file);
    // A macro's own error is reported once, with the macro.
    else if (!(thrown instanceof PlacedConditionError && thrown.isReported))
      report({ ...diagnostic, ...about }, rule.file);
    return undefined;
  }
}

const STARTS = ["execve", "execveat"].map((name) => eventType(name).code);

/** Whether events are among these that have an environment as a parameter. */
function startsPrograms(codes: ReadonlySet<number>): boolean {
  return STARTS.some((code) => codes.has(code));
}

function compileRuleCondition(
  rule: RuleDefinition,
  { macros, options, report, shared }: RuleContext,
) {
  const expression = macros.resolveRule(conditionOf(rule));
  try {
    const { predicate, fields, hostNames, advice } = compileCondition(
      expression,
      options.fields,
      shared,
    );
    for (const {
      check,
      advice: { message, hint, start, end },
    } of advice) {
      report(
        {
          code: "LOAD_COMPILE_CONDITION",
          message,
          hint,
          place: macros.textOf(check)?.place(start, end) ?? rule.place,
          itemType: "rule",
          itemName: rule.name,
        },
        rule.file,
      );
    }
    return {
      usedFields: fields,
      conditionFields: fields,
      hostNames,
      condition: predicate,
      expression,
      eventCodes: eventCodesOf(expression),
      callClauses: callClausesOf(expression),
      needsMetadata: [...fields].some((field) => field.metadata === true),
      needsAccounts: [...fields].some((field) => field.accounts === true),
    };
  } catch (thrown) {
    if (thrown instanceof FailedCheck)
      throw new PlacedConditionError(thrown.error, macros.textOf(thrown.check) ?? rule.condition);
    throw thrown;
  }
}

function conditionOf(rule: RuleDefinition) {
  try {
    return withExceptions(rule.condition, rule.exceptions);
  } catch (thrown) {
    if (!(thrown instanceof ConditionError)) throw thrown;
    throw new PlacedConditionError(thrown, rule.condition, "LOAD_ERR_VALIDATE");
  }
}

/**
 * Once the place where Falco's options -pk and -pc put things; rules of these days still carry it.
 */
const CONTAINER_INFO = /%container\.info\b/g;

function compileRuleOutput(rule: RuleDefinition, { options, report }: RuleContext) {
  const { text, fields } = withAppendedOutput(rule, options.appendOutput ?? [], options.fields);
  if (text.includes("%container.info")) {
    const message =
      "%container.info is deprecated and prints nothing: name the fields, such as %container.name";
    report(
      {
        code: "LOAD_DEPRECATED_ITEM",
        message,
        place: rule.place,
        itemType: "rule",
        itemName: rule.name,
      },
      rule.file,
    );
  }
  try {
    const outputText = text.replace(CONTAINER_INFO, "");
    // Falco always prints <NA> for what is missing.
    const output = compileOutput(`*${outputText}`, options.fields);
    return {
      output,
      outputText,
      extraFields: fields.map(({ key, format, isRaw }) => ({
        key,
        isRaw,
        template: compileOutput(`*${format}`, options.fields),
      })),
    };
  } catch (thrown) {
    if (!(thrown instanceof ConditionError)) throw thrown;
    // The star in front is ours.
    const error = new ConditionError(thrown.message, {
      start: Math.max(0, thrown.start - 1),
      end: Math.max(1, thrown.end - 1),
      hint: thrown.hint,
    });
    throw new PlacedConditionError(
      thrown instanceof UnknownFieldError ? new UnknownFieldError(error.message, error) : error,
      rule.output,
      "LOAD_ERR_COMPILE_OUTPUT",
    );
  }
}

function conditionDiagnostic(thrown: unknown): Diagnostic {
  if (!(thrown instanceof PlacedConditionError)) throw thrown;
  const { error, text } = thrown;
  const code =
    thrown.code ??
    (error instanceof UndefinedMacroError ? "LOAD_ERR_VALIDATE" : "LOAD_ERR_COMPILE_CONDITION");
  return {
    code,
    message: error.message,
    hint: error.hint,
    place: text.place(error.start, error.end),
  };
}

function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.code.startsWith("LOAD_ERR_");
}
