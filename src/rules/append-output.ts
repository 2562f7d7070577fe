import type { FieldRegistry } from "../fields/field.ts";
import type { Place } from "../lib/errors.ts";
import { ConditionError } from "./condition-error.ts";
import type { AlertingDefinition } from "./definitions.ts";
import { compileOutput } from "./output.ts";

/**
 * One entry of `append_output` (falco.yaml): what is added to the outputs of the rules that it is
 * for.
 */
export interface AppendedOutput {
  /** For this rule alone, for this source, for rules that have all these tags. */
  readonly rule?: string | undefined;
  readonly source?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Text appended to the output, with a blank between. */
  readonly format?: string | undefined;
  /** Where `format` stands in the configuration. */
  readonly at?: Place | undefined;
  /** Further `output_fields`. */
  readonly fields?: readonly AppendedField[] | undefined;
  /**
   * Appends ` name=%field` for each field that is marked as suggested, where the output does not say
   * just that itself.
   */
  readonly suggested?: boolean | undefined;
}

/** A further output field: a field as it is, with its type, or a format, which gives a text. */
export interface AppendedField {
  readonly key: string;
  readonly format: string;
  readonly isRaw: boolean;
  /** Where it stands in the configuration. */
  readonly at?: Place | undefined;
}

/** A part of `append_output` that no output can have. */
export interface AppendedOutputError {
  readonly error: ConditionError;
  readonly at: Place | undefined;
}

/**
 * What is wrong in the entries themselves, told once for all rules that they are for. Fields of
 * another source than the kernel's are not known here, so nothing is said of them.
 */
export function appendedOutputErrors(
  entries: readonly AppendedOutput[],
  fields: FieldRegistry,
): readonly AppendedOutputError[] {
  return entries
    .filter(({ source = "syscall" }) => source === "syscall")
    .flatMap(({ format = "", at, fields: added = [] }) => [{ format, at }, ...added])
    .flatMap(({ format, at }) => {
      try {
        compileOutput(`*${format}`, fields);
        return [];
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error;
        return [{ error, at }];
      }
    });
}

/** A rule's output with everything that is appended to it, and the fields that are added. */
export function withAppendedOutput(
  rule: AlertingDefinition,
  entries: readonly AppendedOutput[],
  fields: FieldRegistry,
): { readonly text: string; readonly fields: readonly AppendedField[] } {
  const mine = entries.filter((entry) => isFor(entry, rule));
  const own = rule.output.text;
  const texts = mine.flatMap((entry) => [
    ...(entry.format === undefined || entry.format === "" ? [] : [entry.format]),
    ...(entry.suggested === true ? suggestions(fields, own) : []),
  ]);
  // The last entry of a key counts.
  const added = new Map(
    mine.flatMap((entry) => entry.fields ?? []).map((field) => [field.key, field]),
  );
  return { text: [own, ...texts].join(" "), fields: [...added.values()] };
}

function isFor(entry: AppendedOutput, rule: AlertingDefinition): boolean {
  if (entry.rule !== undefined && entry.rule !== rule.name) return false;
  if (entry.source !== undefined && entry.source !== rule.source) return false;
  return (entry.tags ?? []).every((tag) => rule.tags.includes(tag));
}

/** What an output says itself, word for word, is not said again; Falco says it twice. */
function suggestions(fields: FieldRegistry, own: string): string[] {
  const said = new Set(own.split(/[\s(),]+/));
  return [...fields.names()]
    .filter((name) => fields.get(name)?.suggested === true)
    .map((name) => `${name.replaceAll(".", "_")}=%${name}`)
    .filter((pair) => !said.has(pair));
}
