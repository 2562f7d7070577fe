import { isNull, scalarText } from "../yaml/node.ts";
import type { Place } from "../lib/errors.ts";
import type { BaseUses } from "./base-uses.ts";
import { changeCorrelation, readCorrelation } from "./correlation-items.ts";
import type {
  CorrelationDefinition,
  ListDefinition,
  MacroDefinition,
  RuleDefinition,
} from "./definitions.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type Diagnostic, isErrorCode, type WarningCode } from "./diagnostic.ts";
import { ExceptionItems } from "./exception-items.ts";
import { type Overrides, overridesOf } from "./item-overrides.ts";
import {
  aboutItem,
  failItem,
  flagOf,
  ItemError,
  itemError,
  millisecondsOf,
  priorityOf,
  textOf,
  textsOf,
} from "./item-values.ts";
import type { RawItem } from "./raw-items.ts";
import {
  checkEngineVersion,
  type PluginRequirement,
  readPluginRequirements,
} from "./requirements.ts";
import { MappedText, placeAt } from "./source-text.ts";

/**
 * Everything that all files define, in the order of definition. A later definition replaces an
 * earlier one of the same name, keeps its place and takes a new visibility; `append` and `override`
 * change it (FALCO, rules format).
 */
export class Collector {
  readonly lists = new Map<string, ListDefinition>();
  readonly macros = new Map<string, MacroDefinition>();
  readonly rules = new Map<string, RuleDefinition>();
  readonly correlations = new Map<string, CorrelationDefinition>();
  /** What `required_plugin_versions` ask for, over all files. */
  readonly plugins: PluginRequirement[] = [];
  readonly #exceptions: ExceptionItems;
  readonly #baseUses: BaseUses;
  #isBase = false;
  #visibility = 0;
  #diagnostics: Diagnostic[] = [];

  constructor(isKnownField: (name: string) => boolean, baseUses: BaseUses) {
    this.#exceptions = new ExceptionItems({
      isKnownField,
      report: (diagnostic) => void this.#diagnostics.push(diagnostic),
    });
    this.#baseUses = baseUses;
  }

  /** Takes in the base's lists and macros, beneath whatever files define. */
  addBase(items: readonly RawItem[]): readonly Diagnostic[] {
    this.#isBase = true;
    const diagnostics = this.add(items);
    this.#isBase = false;
    return diagnostics;
  }

  /** Takes in one file's items; returns what is wrong with them. Items with errors are left out. */
  add(items: readonly RawItem[]): readonly Diagnostic[] {
    this.#diagnostics = [];
    for (const item of items) {
      try {
        this.#item(item);
      } catch (thrown) {
        if (!(thrown instanceof ItemError)) throw thrown;
        this.#diagnostics.push(thrown.diagnostic);
      }
    }
    return this.#diagnostics;
  }

  #item(item: RawItem): void {
    this.#visibility += 1;
    switch (item.word) {
      case "list":
        return this.#list(item);
      case "macro":
        return this.#macro(item);
      case "rule":
        return this.#rule(item);
      case "count":
      case "sequence":
        return this.#correlation(item);
      case "required_engine_version": {
        const problem = checkEngineVersion(item);
        if (problem !== undefined) throw new ItemError(problem);
        return;
      }
      default: {
        const { requirements, problem } = readPluginRequirements(item);
        this.plugins.push(...requirements);
        if (problem !== undefined) throw new ItemError(problem);
      }
    }
  }

  #list(item: RawItem): void {
    this.#requireName(item, "LOAD_INVALID_LIST_NAME");
    const overrides = this.#overrides(item);
    const items = textsOf(item, "items");
    const known = this.lists.get(item.name);
    const change = overrides?.get("items");
    if (known === undefined && change === "append")
      throw itemError(
        item,
        "LOAD_ERR_VALIDATE",
        `List has no earlier definition to append to`,
        item.word,
      );
    const place = placeAt(item.source, item.offset);
    const visibility = this.#visibility;
    const isBase = this.#isBase;
    if (known === undefined) {
      const name = item.name;
      this.lists.set(name, { name, items, order: visibility, visibility, place, isBase });
      return;
    }
    known.items = change === "append" ? [...known.items, ...items] : items;
    this.#changed(known, place, change);
  }

  #macro(item: RawItem): void {
    this.#requireName(item, "LOAD_INVALID_MACRO_NAME");
    const overrides = this.#overrides(item);
    const condition = textOf(item, "condition");
    const known = this.macros.get(item.name);
    const change = overrides?.get("condition");
    if (known === undefined && change === "append")
      throw itemError(
        item,
        "LOAD_ERR_VALIDATE",
        "Macro has no earlier definition to append to",
        item.word,
      );
    const visibility = this.#visibility;
    const place = placeAt(item.source, item.offset);
    const isBase = this.#isBase;
    if (known === undefined) {
      const name = item.name;
      this.macros.set(name, { name, condition, order: visibility, visibility, place, isBase });
      return;
    }
    known.condition =
      change === "append" ? MappedText.join([known.condition, condition], " ") : condition;
    this.#changed(known, place, change);
  }

  /** A file's definition of a name of the base, or a change of it, makes the name the file's. */
  #changed(
    known: ListDefinition | MacroDefinition,
    place: Place,
    change: "append" | "replace" | undefined,
  ): void {
    if (known.isBase && change !== undefined) this.#baseUses.add(known.name, place);
    if (known.isBase) known.place = place;
    known.isBase = this.#isBase;
    known.visibility = this.#visibility;
  }

  #rule(item: RawItem): void {
    this.#requireName(item);
    const overrides = this.#overrides(item);
    const known = this.rules.get(item.name);
    const isToggle =
      overrides === undefined &&
      !["condition", "output", "desc", "priority"].some((key) => item.keys.has(key));
    if (isToggle) return this.#toggle(item, known);
    if (overrides !== undefined) return this.#change(item, known, overrides);
    this.rules.set(item.name, this.#newRule(item, known));
  }

  #correlation(item: RawItem): void {
    this.#requireName(item);
    const overrides = this.#overrides(item);
    const report = (diagnostic: Diagnostic): void => void this.#diagnostics.push(diagnostic);
    const known = this.correlations.get(item.name);
    if (overrides === undefined) this.correlations.set(item.name, readCorrelation(item, report));
    else if (known?.word === item.word) changeCorrelation(known, { item, overrides }, report);
    else
      throw itemError(
        item,
        "LOAD_ERR_VALIDATE",
        `No ${item.word} of this name was defined before`,
        item.word,
        didYouMean(item.name, this.correlations.keys()),
      );
  }

  #newRule(item: RawItem, known: RuleDefinition | undefined): RuleDefinition {
    const before = this.#diagnostics.length;
    const or = <T>(read: () => T, fallback: T): T => this.#orReported(read, fallback);
    const source = or(() => this.#source(item, known), "syscall");
    const isUnknownSource = source !== "syscall";
    const nothing = (text: string) => MappedText.at(text, item.source, item.offset);
    const rule = {
      word: "rule" as const,
      name: item.name,
      condition: or(() => textOf(item, "condition"), nothing("evt.num = 0")),
      output: or(() => textOf(item, "output").trimmed(), nothing("none")),
      desc: or(() => textOf(item, "desc").text, ""),
      priority: or(() => priorityOf(item), "Debug"),
      source,
      isUnknownSource,
      enabled: or(() => flagOf(item, "enabled", true), true),
      tags: or(() => (item.keys.has("tags") ? unique(textsOf(item, "tags")) : []), []),
      exceptions: or(() => this.#exceptions.of(item, isUnknownSource), []),
      warnEventTypes: or(() => flagOf(item, "warn_evttypes", true), true),
      skipIfUnknownFilter: or(() => flagOf(item, "skip-if-unknown-filter", false), false),
      capture: or(() => flagOf(item, "capture", false), false),
      captureDuration: or(() => millisecondsOf(item, "capture_duration"), 0),
      place: placeAt(item.source, item.offset),
      file: item.source.name,
    };
    const isBroken = this.#diagnostics.slice(before).some(({ code }) => isErrorCode(code));
    return { ...rule, isBroken };
  }

  /** What is wrong with one key is reported, and the others are read all the same. */
  #orReported<T>(read: () => T, fallback: T): T {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof ItemError)) throw thrown;
      this.#diagnostics.push(thrown.diagnostic);
      return fallback;
    }
  }

  #source(item: RawItem, known: RuleDefinition | undefined): string {
    const source = item.keys.has("source") ? textOf(item, "source").text : "syscall";
    this.#requireSource(item, known, source);
    if (source !== "syscall")
      this.#warn(
        item,
        "LOAD_UNKNOWN_SOURCE",
        `Unknown source "${source}": the rule is left out`,
        "source",
      );
    return source;
  }

  #requireSource(item: RawItem, known: RuleDefinition | undefined, source: string): void {
    if (known === undefined || known.source === source) return;
    const message = `Rule has another source here: it was "${known.source}"`;
    throw itemError(item, "LOAD_ERR_VALIDATE", message, "source");
  }

  /** The old way of switching a rule: an item with `enabled` and nothing that a rule must have. */
  #toggle(item: RawItem, known: RuleDefinition | undefined): void {
    if (!item.keys.has("enabled"))
      throw itemError(
        item,
        "LOAD_ERR_YAML_VALIDATE",
        'Rule has neither a condition nor "enabled"',
        item.word,
      );
    if (known === undefined)
      throw itemError(
        item,
        "LOAD_ERR_VALIDATE",
        "Rule has no earlier definition to enable or disable",
        item.word,
        didYouMean(item.name, this.rules.keys()),
      );
    this.#warn(
      item,
      "LOAD_DEPRECATED_ITEM",
      'Switching a rule with "enabled" alone is deprecated: add "override: {enabled: replace}"',
      "enabled",
    );
    known.enabled = flagOf(item, "enabled", true);
  }

  #change(item: RawItem, known: RuleDefinition | undefined, overrides: Overrides): void {
    if (known === undefined)
      throw itemError(
        item,
        "LOAD_ERR_VALIDATE",
        "Rule has no earlier definition to change",
        item.word,
        didYouMean(item.name, this.rules.keys()),
      );
    // Where the condition is changed the source must be the same, if it is there at all.
    const source = scalarText(item.keys.get("source")) ?? "";
    const isAppend = item.keys.has("append") && flagOf(item, "append", false);
    if (source !== "" && (isAppend || overrides.has("condition")))
      this.#requireSource(item, known, source);
    for (const [key, how] of overrides) {
      if (!this.#orReported(() => this.#changeKey(item, known, { key, how }), false))
        known.isBroken = true;
    }
  }

  #changeKey(
    item: RawItem,
    rule: RuleDefinition,
    { key, how }: { readonly key: string; readonly how: "append" | "replace" },
  ): true {
    const joined = (before: MappedText): MappedText =>
      how === "append" ? MappedText.join([before, textOf(item, key)], " ") : textOf(item, key);
    switch (key) {
      case "condition":
        rule.condition = joined(rule.condition);
        break;
      case "output":
        rule.output = joined(rule.output);
        break;
      case "desc":
        rule.desc =
          how === "append" ? `${rule.desc} ${textOf(item, key).text}` : textOf(item, key).text;
        break;
      case "tags":
        rule.tags = unique(
          how === "append" ? [...rule.tags, ...textsOf(item, key)] : textsOf(item, key),
        );
        break;
      case "exceptions":
        rule.exceptions =
          how === "append"
            ? this.#exceptions.merged(item, rule)
            : this.#exceptions.of(item, rule.isUnknownSource);
        break;
      case "priority":
        rule.priority = priorityOf(item);
        break;
      case "enabled":
        rule.enabled = flagOf(item, key, true);
        break;
      case "warn_evttypes":
        rule.warnEventTypes = flagOf(item, key, true);
        break;
      case "skip-if-unknown-filter":
        rule.skipIfUnknownFilter = flagOf(item, key, false);
        break;
      case "capture":
        rule.capture = flagOf(item, key, false);
        break;
      case "capture_duration":
        rule.captureDuration = millisecondsOf(item, key);
        break;
    }
    return true;
  }

  #overrides(item: RawItem): Overrides | undefined {
    return overridesOf(item, (code, message, key) => this.#warn(item, code, message, key));
  }

  #requireName(item: RawItem, warning?: WarningCode): void {
    const node = item.keys.get(item.word);
    if (item.name === "")
      failItem(
        item,
        item.word,
        node !== undefined && isNull(node)
          ? `Mapping for key "${item.word}" is empty`
          : "Value must be non-empty",
      );
    if (warning === "LOAD_INVALID_LIST_NAME" && !/^[^()"'\s=,]+$/.test(item.name)) {
      this.#warn(
        item,
        warning,
        "Name of a list should hold no blanks, quotes, parentheses, commas or =",
        item.word,
      );
    }
    if (warning === "LOAD_INVALID_MACRO_NAME" && !/^[a-zA-Z]+[a-zA-Z0-9_]*$/.test(item.name)) {
      this.#warn(
        item,
        warning,
        "Name of a macro should consist of letters, digits and _, and begin with a letter",
        item.word,
      );
    }
  }

  #warn(item: RawItem, code: WarningCode, message: string, key: string): void {
    this.#diagnostics.push({ ...aboutItem(item, key), code, message });
  }
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
