import type { LoadedConfig } from "../config/config-file.ts";
import { readRuleFiles } from "../config/rule-files.ts";
import { FREQUENT_CODES } from "../events/call-filter.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { fieldSyntax } from "../fields/describe-field.ts";
import { ALL_FIELDS } from "../fields/registry.ts";
import { AppError } from "../lib/errors.ts";
import { libc } from "../libc/libc.ts";
import { ENGINE_VERSION } from "../rules/requirements.ts";
import { configSchemaText } from "./config.ts";
import type { FalcoCommandOptions } from "./falco-options.ts";
import { describeRules, validateRules } from "./falco-rules.ts";
import { loadRuleSet } from "./load-rule-set.ts";
import { printAside, printJson, printLine } from "./print.ts";
import { printSchema } from "./rules-schema.ts";
import { VERSION } from "./version.ts";

/** What was read of the options: file, overrides, and what they came to. */
export interface FalcoConfig {
  readonly config: string | undefined;
  readonly override: readonly string[];
  readonly loaded: LoadedConfig;
  /** Rule files and folders: of the options, else of the configuration. */
  readonly rules: readonly string[];
}

type Answer = (options: FalcoCommandOptions, config: FalcoConfig) => void | Promise<void>;

/** What Falco prints and ends, in the order in which it looks. */
const ANSWERS: readonly (readonly [when: keyof FalcoCommandOptions, answer: Answer])[] = [
  ["configSchema", configSchemaText],
  ["ruleSchema", printSchema],
  ["version", printVersion],
  ["pageSize", () => printLine(String(libc.getpagesize()))],
  ["i", printFrequentCalls],
  ["list", printFields],
  ["listEvents", printEvents],
  ["listPlugins", () => printLine("0 plug-ins: Saker loads none")],
  ["support", printSupport],
  ["validate", validateRules],
  ["L", describeRules],
  ["l", describeRules],
  ["dryRun", dryRun],
];

/** Prints the first answer that is asked for. Throws `USAGE_…`, `RULE_…`. */
export async function printFalcoAnswer(
  asked: ReadonlySet<string>,
  options: FalcoCommandOptions,
  config: FalcoConfig,
): Promise<void> {
  const found = ANSWERS.find(([name]) => asked.has(name));
  await found?.[1](options, config);
}

function printVersion(_: FalcoCommandOptions, { loaded }: FalcoConfig): void {
  if (loaded.settings.jsonOutput)
    return printJson({ saker_version: VERSION, engine_version_semver: ENGINE_VERSION });
  printLine(`Saker version: ${VERSION}`);
  printLine(`Engine:        ${ENGINE_VERSION}`);
}

function printFrequentCalls(): void {
  printLine("These calls are sent where a rule asks for them and base_syscalls.all is on:");
  const names = [...FREQUENT_CODES].map((code) => EVENT_TYPES[code]?.name ?? "");
  for (const name of [...new Set(names)].filter((known) => known !== "").toSorted())
    printLine(name);
}

/** Throws `USAGE_SOURCE`, `USAGE_FORMAT`. */
function printFields(options: FalcoCommandOptions): void {
  const { list, N } = options;
  if (typeof list === "string" && list !== "" && list !== "syscall")
    throw new AppError("USAGE_SOURCE", `Cannot list fields of "${list}": there is no such source`, {
      hint: '"syscall" is the only one without plug-ins',
    });
  const format = formatOf(options);
  if (N === true) for (const field of ALL_FIELDS) printLine(field.name);
  else if (format === "json")
    printJson(ALL_FIELDS.map(({ name, class: of, type, doc }) => ({ name, class: of, type, doc })));
  else
    for (const field of ALL_FIELDS)
      printLine(
        format === "markdown"
          ? `\`${fieldSyntax(field)}\` | ${field.type} | ${field.doc}`
          : `${fieldSyntax(field)}  ${field.type}  ${field.doc}`,
      );
}

/** Throws `USAGE_FORMAT`. */
function printEvents(options: FalcoCommandOptions): void {
  const format = formatOf(options);
  const types = EVENT_TYPES.filter((type) => type !== undefined);
  if (format === "json") return printJson(types);
  for (const { name, params } of types) {
    const text = params.map((param) => `${param.type} ${param.name}`).join(", ");
    printLine(format === "markdown" ? `\`${name}\` | ${text}` : `${name}(${text})`);
  }
}

const FORMATS = ["text", "markdown", "json"] as const;

function formatOf({ format, markdown }: FalcoCommandOptions): (typeof FORMATS)[number] {
  if (format === undefined) return markdown === true ? "markdown" : "text";
  const known = FORMATS.find((name) => name === format.toLowerCase());
  if (known !== undefined && markdown !== true) return known;
  throw new AppError(
    "USAGE_FORMAT",
    `Cannot use --format "${format}"${known === undefined ? "" : " together with --markdown"}`,
    { hint: `formats are ${FORMATS.join(", ")}` },
  );
}

function printSupport(_: FalcoCommandOptions, { loaded, rules }: FalcoConfig): void {
  printJson({
    version: VERSION,
    node: process.version,
    cmdline: process.argv.slice(2).join(" "),
    config_files: loaded.files,
    notes: loaded.notes,
    rules_files: readRuleFiles(rules).map(({ name }) => name),
  });
}

/** What would keep a watch from starting: nothing is asked of the kernel. */
function dryRun(_: FalcoCommandOptions, { loaded, rules: paths }: FalcoConfig): void {
  for (const note of loaded.notes) printAside(note);
  const { rules } = loadRuleSet(paths, {
    settings: loaded.settings,
    enable: [],
    onWarning: (text) => printAside(text),
  });
  printLine(`dry run: the configuration is read, rules that load: ${rules.length}`);
}
