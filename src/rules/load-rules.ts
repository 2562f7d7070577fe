import type { FieldRegistry } from "../fields/field.ts";
import { Collector } from "./collector.ts";
import { compileCondition, FailedCheck } from "./compile-condition.ts";
import type { ExceptionDefinition, RuleDefinition } from "./definitions.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { eventCodesOf } from "./event-codes.ts";
import { withExceptions } from "./exceptions.ts";
import { ListExpander } from "./expand-lists.ts";
import { MacroResolver, PlacedConditionError, UndefinedMacroError } from "./macros.ts";
import { findField, UnknownFieldError } from "./operands.ts";
import { compileOutput } from "./output.ts";
import { ConditionError } from "./parse-condition.ts";
import { isAtLeast, type Priority } from "./priority.ts";
import { readItems } from "./raw-items.ts";
import type { CompiledRule } from "./rule-set.ts";
import { MappedText } from "./source-text.ts";

/** A rule that loaded: compiled, whether it is switched on or not. */
export interface LoadedRule extends CompiledRule {
  readonly enabled: boolean;
  readonly file: string;
}

export interface FileResult {
  readonly name: string;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

export interface LoadResult {
  readonly rules: readonly LoadedRule[];
  readonly files: readonly FileResult[];
}

export interface LoadOptions {
  readonly fields: FieldRegistry;
  /** Rules that are less urgent are loaded but switched off. */
  readonly minimumPriority?: Priority;
}

/** A rule whose event types are more than this many is warned of: it is asked on nearly every event. */
const MANY_EVENT_CODES = 100;

/**
 * Loads rule files in their order, each on top of those before it. Every error of every file is reported; a rule with an error is
 * not among `rules`. Pure: the texts come in, nothing is read.
 */
export function loadRules(files: readonly { readonly name: string; readonly text: string }[], options: LoadOptions): LoadResult {
  const diagnostics = new Map<string, Diagnostic[]>(files.map((file) => [file.name, []]));
  const report = (diagnostic: Diagnostic, fallback: string): void => void diagnostics.get(diagnostic.place?.source ?? fallback)?.push(diagnostic);
  const collector = new Collector();
  for (const file of files) {
    const raw = readItems(file);
    for (const diagnostic of [...raw.diagnostics, ...collector.add(raw.items)]) report(diagnostic, file.name);
  }
  const rules = compileAll(collector, options, report);
  const results = files.map(({ name }) => {
    const all = diagnostics.get(name) ?? [];
    return { name, errors: all.filter((diagnostic) => isError(diagnostic)), warnings: all.filter((diagnostic) => !isError(diagnostic)) };
  });
  return { rules, files: results };
}

type Report = (diagnostic: Diagnostic, fallback: string) => void;

function compileAll(collector: Collector, options: LoadOptions, report: Report): LoadedRule[] {
  const lists = new ListExpander(collector.lists.values());
  const macros = new MacroResolver(collector.macros, lists);
  for (const macro of collector.macros.values()) {
    try {
      macros.resolveMacro(macro);
    } catch (thrown) {
      const isKnown = thrown instanceof PlacedConditionError && thrown.isReported;
      if (!isKnown) report({ ...conditionDiagnostic(thrown), itemType: "macro", itemName: macro.name }, macro.place.source);
      if (thrown instanceof PlacedConditionError) thrown.isReported = true;
    }
  }
  const rules: LoadedRule[] = [];
  for (const rule of collector.rules.values()) {
    const compiled = compileRule(rule, { lists, macros, options, report });
    if (compiled !== undefined) rules.push(compiled);
  }
  for (const macro of collector.macros.values()) {
    if (!macros.used.has(macro.name)) report({ code: "LOAD_UNUSED_MACRO", message: "Macro not referred to by any other rule/macro", place: macro.place, itemType: "macro", itemName: macro.name }, "");
  }
  for (const list of collector.lists.values()) {
    if (!lists.used.has(list.name)) report({ code: "LOAD_UNUSED_LIST", message: "List not referred to by any other rule/macro/list", place: list.place, itemType: "list", itemName: list.name }, "");
  }
  return rules;
}

interface RuleContext {
  readonly lists: ListExpander;
  readonly macros: MacroResolver;
  readonly options: LoadOptions;
  readonly report: Report;
}

function compileRule(rule: RuleDefinition, context: RuleContext): LoadedRule | undefined {
  const { options, report } = context;
  const about = { itemType: "rule", itemName: rule.name } as const;
  if (rule.source !== "syscall") {
    report({ ...about, code: "LOAD_UNKNOWN_SOURCE", message: `Unknown source ${rule.source}, skipping`, place: rule.place }, rule.file);
    return undefined;
  }
  try {
    const { usedFields, ...condition } = compileRuleCondition(rule, context);
    const output = compileRuleOutput(rule, context);
    for (const field of new Set([...usedFields, ...output.fields])) {
      if (field.deprecated) report({ ...about, code: "LOAD_DEPRECATED_ITEM", message: `Field "${field.name}" is deprecated: ${field.doc}`, place: rule.place }, rule.file);
    }
    const isEverywhere = condition.eventCodes.size > MANY_EVENT_CODES;
    if (isEverywhere && rule.warnEventTypes) {
      report({ ...about, code: "LOAD_NO_EVTTYPE", message: "Rule matches too many evt.type values. This has a significant performance penalty.", place: rule.place }, rule.file);
    }
    const { name, priority, source, tags, desc, file } = rule;
    const enabled = rule.enabled && isAtLeast(priority, options.minimumPriority ?? "Debug");
    return { name, priority, source, tags, desc, file, enabled, ...condition, output, outputNeedsMetadata: [...output.fields].some((field) => field.metadata === true) };
  } catch (thrown) {
    const diagnostic = conditionDiagnostic(thrown);
    const isSkipped = rule.skipIfUnknownFilter && thrown instanceof PlacedConditionError && thrown.error instanceof UnknownFieldError;
    if (isSkipped) report({ ...diagnostic, ...about, code: "LOAD_UNKNOWN_FILTER" }, rule.file);
    // A macro's own error is reported once, with the macro.
    else if (!(thrown instanceof PlacedConditionError && thrown.isReported)) report({ ...diagnostic, ...about }, rule.file);
    return undefined;
  }
}

function compileRuleCondition(rule: RuleDefinition, { macros, options }: RuleContext) {
  for (const exception of rule.exceptions) checkException(exception, options.fields);
  const expression = macros.resolveRule(withExceptions(rule.condition, rule.exceptions));
  try {
    const { predicate, fields } = compileCondition(expression, options.fields);
    return { usedFields: fields, condition: predicate, eventCodes: eventCodesOf(expression), needsMetadata: [...fields].some((field) => field.metadata === true) };
  } catch (thrown) {
    if (!(thrown instanceof FailedCheck)) throw thrown;
    throw new PlacedConditionError(thrown.error, macros.textOf(thrown.check) ?? rule.condition);
  }
}

/** An exception without values adds nothing, but its fields must exist all the same. */
function checkException(exception: ExceptionDefinition, fields: FieldRegistry): void {
  for (const name of exception.fields) {
    const [, field = name, argument] = /^([^[]*)(?:\[(.*)\])?$/.exec(name) ?? [];
    try {
      findField({ kind: "field", name: field, argument, start: 0, end: 1 }, fields);
    } catch (thrown) {
      if (!(thrown instanceof ConditionError)) throw thrown;
      throw new PlacedConditionError(thrown, MappedText.at(name, exception.source, exception.offset));
    }
  }
}

/** Once the place where Falco's options -pk and -pc put things; rules of these days still carry it. */
const CONTAINER_INFO = /%container\.info\b/g;

function compileRuleOutput(rule: RuleDefinition, { options, report }: RuleContext) {
  // A folded block ends with a newline that nobody means.
  const text = rule.output.text.trimEnd();
  if (text.includes("%container.info")) {
    const message = "%container.info is deprecated and prints nothing: name the fields, such as %container.name";
    report({ code: "LOAD_DEPRECATED_ITEM", message, place: rule.place, itemType: "rule", itemName: rule.name }, rule.file);
  }
  try {
    return compileOutput(text.replace(CONTAINER_INFO, ""), options.fields);
  } catch (thrown) {
    if (!(thrown instanceof ConditionError)) throw thrown;
    throw new PlacedConditionError(thrown, rule.output, "LOAD_ERR_COMPILE_OUTPUT");
  }
}

function conditionDiagnostic(thrown: unknown): Diagnostic {
  if (!(thrown instanceof PlacedConditionError)) throw thrown;
  const { error, text } = thrown;
  const code = thrown.code ?? (error instanceof UndefinedMacroError ? "LOAD_ERR_VALIDATE" : "LOAD_ERR_COMPILE_CONDITION");
  return { code, message: error.message, hint: error.hint, place: text.place(error.start, error.end) };
}

function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.code.startsWith("LOAD_ERR_");
}
