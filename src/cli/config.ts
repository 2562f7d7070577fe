import { placeText } from "../config/config-node.ts";
import { allKeys, type EffectiveValue, loadConfig } from "../config/config-file.ts";
import { variablesNote } from "../config/sidekick.ts";
import type { Place } from "../lib/errors.ts";
import { OUTPUT_KINDS } from "../outputs/registry.ts";
import { configSchema } from "../config/config-schema.ts";
import { ruleFileNames } from "../config/rule-files.ts";
import { fieldsFor } from "./appended-output.ts";
import { EXIT } from "./exit.ts";
import { printAside, printJson, printLine } from "./print.ts";

/** The options of `saker config`. */
export interface ConfigOptions {
  readonly json?: boolean;
  readonly override: readonly string[];
}

/** `saker config print`: what holds, and where it is from. Throws `CONFIG_…`. */
export function configPrint(file: string | undefined, options: ConfigOptions): void {
  const { values, notes } = load(file, options);
  for (const note of notes) printAside(note);
  const isOff = servicesOff(values);
  const known = values.filter(({ key }) => key.doc !== "" && !isOff(key.name));
  if (options.json === true) {
    const entries = known.map((one) => [one.key.name, shownValue(one)]);
    const text = JSON.stringify(Object.fromEntries(entries), null, 2);
    printLine(masked(text));
    return;
  }
  for (const value of known) printLine(valueLine(value));
  for (const { key, place } of values) {
    const reason = key.neutral ?? key.unsupported?.reason;
    if (key.doc === "" && place !== undefined && reason !== undefined)
      printLine(`${key.name}: no effect, ${reason}  # ${originOf(place)}`);
  }
}

/** Of services of which nothing is said there would be hundreds of defaults. */
function servicesOff(values: readonly EffectiveValue[]): (name: string) => boolean {
  const sections = Object.values(OUTPUT_KINDS)
    .filter(({ options }) => "minimumPriority" in options)
    .map(({ section }) => `${section}.`);
  const off = sections.filter((section) =>
    values.every(({ key, place }) => place === undefined || !key.name.startsWith(section)),
  );
  return (name) => off.some((section) => name.startsWith(section));
}

/** `saker config check`: every wrong value (an error) and everything that has no effect. */
export function configCheck(file: string, options: ConfigOptions): void {
  const { notes: all, variables, files, settings } = load(file, options);
  const [aside] = variablesNote(variables);
  const notes = all.filter((note) => note !== aside);
  fieldsFor(settings);
  if (aside !== undefined) printAside(aside);
  if (notes.length > 0) process.exitCode = EXIT.finding;
  if (options.json === true) printJson({ files, notes });
  else for (const note of notes) printLine(note);
  // Where none of them is there no watch starts.
  ruleFileNames(settings.rulesFiles);
  if (options.json === true) return;
  printLine(
    `${files.join(", ")}: ${notes.length === 0 ? "ok" : `${notes.length} note${notes.length === 1 ? "" : "s"}`}`,
  );
}

/** `saker config schema`: a JSON Schema for editors. */
export function configSchemaText(): void {
  printJson(configSchema(allKeys()), 2);
}

function load(file: string | undefined, { override }: ConfigOptions) {
  return loadConfig(file, { environment: process.env, overrides: override });
}

/** A secret that is set is not shown. */
function shownValue({ key, value }: EffectiveValue): unknown {
  return key.secret === true && value !== "" ? "***" : value;
}

function valueLine(one: EffectiveValue): string {
  const { key, place } = one;
  const origin = place === undefined ? "default" : originOf(place);
  return `${key.name}: ${masked(JSON.stringify(shownValue(one)))}  # ${origin}`;
}

function originOf(place: Place): string {
  return masked(placeText(place));
}

/** A URL's password is nobody's business. */
function masked(text: string): string {
  return text.replace(/:\/\/[^/@\s"]*@/g, "://***@");
}
