import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { AppError, messageOf } from "../lib/errors.ts";
import { priorityByName } from "../rules/priority.ts";
import { readAppendedOutputs, readSelections, readStaticFields } from "./rule-options.ts";
import {
  type CaptureSettings,
  DEFAULT_CAPTURE,
  DEFAULT_SETTINGS,
  DROP_ACTIONS,
  ringBytesOfPreset,
  type Settings,
} from "./settings.ts";

export interface LoadedConfig {
  readonly settings: Settings;
  /**
   * Keys that mean something to Falco and nothing to Saker yet, with their place: `FILE:LINE: key`.
   */
  readonly ignored: readonly string[];
}

/**
 * Reads a saker.yaml or an existing falco.yaml; keys that are not there keep their defaults.
 * Relative rule files start at the config's folder.
 * Throws `CONFIG_…` with the place of what is wrong.
 */
export function loadConfig(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): LoadedConfig {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    throw new AppError("CONFIG_READ", `Cannot read configuration "${path}": ${messageOf(thrown)}`);
  }
  return parseConfig(text, { path, environment });
}

interface ConfigContext {
  readonly path: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** `loadConfig` of a text. */
export function parseConfig(text: string, context: ConfigContext): LoadedConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined) throw configError(context, lines, problem.pos[0], problem.message);
  const settings: Mutable<Settings> = { ...DEFAULT_SETTINGS };
  const ignored: string[] = [];
  if (document.contents === null) return { settings, ignored };
  if (!isMap(document.contents)) throw configError(context, lines, 0, "it must be a map of keys");
  walk(document.contents.items, "", (key, node, offset) => {
    const fail = (state: string): never => {
      throw configError(context, lines, offset, `"${key}" ${state}`);
    };
    const option = OPTIONS[key];
    if (option !== undefined) option(settings, { node, context, fail });
    else if (!NEUTRAL.has(key.split(".")[0] ?? ""))
      ignored.push(`${context.path}:${lines.linePos(offset).line}: ${key}`);
  });
  return { settings, ignored };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface OptionContext {
  readonly node: Node | null;
  readonly context: ConfigContext;
  readonly fail: (state: string) => never;
}

type ReadOption = (settings: Mutable<Settings>, option: OptionContext) => void;

/**
 * One entry a key, dotted; the first word that Falco knows under another name has an entry of its
 * own.
 */
const OPTIONS: Readonly<Record<string, ReadOption>> = {
  rules_files: (settings, option) => void (settings.rulesFiles = readPaths(option)),
  rules_file: (settings, option) => void (settings.rulesFiles = readPaths(option)),
  priority: (settings, option) => {
    settings.priority =
      priorityByName(readText(option)) ??
      option.fail("must be one of emergency, alert, critical, error, warning, notice, info, debug");
  },
  rule_matching: (settings, option) => {
    const value = readText(option);
    settings.ruleMatching =
      value === "first" || value === "all" ? value : option.fail('must be "first" or "all"');
  },
  rules: (settings, { node, fail }) => void (settings.ruleSelections = readSelections(node, fail)),
  append_output: (settings, { node, fail }) =>
    void (settings.appendOutput = readAppendedOutputs(node, fail)),
  static_fields: (settings, { node, fail }) =>
    void (settings.staticFields = readStaticFields(node, fail)),
  watch_config_files: (settings, option) => void (settings.watchRules = readBoolean(option)),
  json_output: (settings, option) => void (settings.jsonOutput = readBoolean(option)),
  time_format_iso_8601: (settings, option) =>
    void (settings.timeFormatIso8601 = readBoolean(option)),
  "stdout_output.enabled": (settings, option) =>
    void (settings.stdoutEnabled = readBoolean(option)),
  "file_output.enabled": (settings, option) => {
    if (!readBoolean(option)) settings.fileOutput = undefined;
    else settings.fileOutput ??= "./events.txt";
  },
  "file_output.filename": (settings, option) => {
    if (settings.fileOutput !== undefined) settings.fileOutput = readText(option);
  },
  "ports.host": (settings, option) => void (settings.hostPorts = readBoolean(option)),
  "syscall_event_drops.threshold": (settings, option) => {
    const threshold = Number(readText(option));
    settings.drops = {
      ...settings.drops,
      threshold:
        threshold >= 0 && threshold <= 1 ? threshold : option.fail("must be a number from 0 to 1"),
    };
  },
  "syscall_event_drops.rate": (settings, option) => {
    const rate = Number(readText(option));
    settings.drops = {
      ...settings.drops,
      rate: rate > 0 ? rate : option.fail("must be a number of times a second, more than 0"),
    };
  },
  "syscall_event_drops.actions": (settings, option) => {
    const actions = readTexts(option).map(
      (name) =>
        DROP_ACTIONS.find((action) => action === name) ??
        option.fail(`"${name}" is none of ${DROP_ACTIONS.join(", ")}`),
    );
    settings.drops = { ...settings.drops, actions };
  },
  capture: (settings, option) => void (settings.capture = readCapture(option)),
  "engine.modern_ebpf.buf_size_preset": (settings, option) => {
    const preset = Number(readText(option));
    if (!Number.isInteger(preset) || preset < 1 || preset > 10)
      option.fail("must be a whole number from 1 to 10");
    settings.ringBytes = ringBytesOfPreset(preset);
  },
};

/** Falco's capture, and the two keys of ours; undefined where it is not switched on. */
function readCapture(option: OptionContext): CaptureSettings | undefined {
  if (!isMap(option.node)) return option.fail("must be a map of keys");
  let [settings, isEnabled] = [DEFAULT_CAPTURE, false];
  for (const { key, value } of option.node.items as Pair<Node, Node | null>[]) {
    const name = isScalar(key) ? String(key.value) : "";
    const own: OptionContext = {
      ...option,
      node: value,
      fail: (state) => option.fail(`: "${name}" ${state}`),
    };
    if (name === "enabled") isEnabled = readBoolean(own);
    const read = CAPTURE_KEYS[name];
    if (read !== undefined) settings = { ...settings, ...read(own) };
  }
  return isEnabled ? settings : undefined;
}

const CAPTURE_KEYS: Readonly<Record<string, (option: OptionContext) => Partial<CaptureSettings>>> =
  {
    path_prefix: (option) => ({ pathPrefix: readText(option) }),
    mode: (option) => {
      const mode = readText(option);
      return mode === "rules" || mode === "all_rules"
        ? { mode }
        : option.fail(`'${mode}' is not a valid mode: it must be rules or all_rules`);
    },
    default_duration: (option) => ({ durationMs: readWhole(option, "milliseconds") }),
    max_file_size_mb: (option) => ({ maxBytes: readWhole(option, "megabytes") * 1_000_000 }),
    before: (option) => ({ beforeMs: readWhole(option, "milliseconds") }),
    memory_mb: (option) => ({ ringBytes: readWhole(option, "megabytes") << 20 }),
  };

function readWhole(option: OptionContext, what: string): number {
  const value = Number(readText(option));
  return Number.isInteger(value) && value >= 0 && value <= 1_000_000_000
    ? value
    : option.fail(`must be a whole number of ${what}`);
}

/**
 * Keys of falco.yaml that only tune Falco's own machinery: nothing is lost when Saker leaves them.
 */
const NEUTRAL: ReadonlySet<string> = new Set([
  "engine",
  "file_output",
  "stdout_output",
  "log_stderr",
  "log_syslog",
  "log_level",
  "libs_logger",
  "buffered_outputs",
  "outputs_queue",
  "output_timeout",
  "syscall_event_timeouts",
  "syscall_event_drops",
  "base_syscalls",
  "falco_libs",
  "json_include_output_property",
  "json_include_tags_property",
  "json_include_output_fields_property",
  "json_include_message_property",
  "plugins",
  "load_plugins",
  "plugins_hostinfo",
  "webserver",
  "metrics",
]);

function walk(
  items: readonly Pair<Node, Node | null>[],
  prefix: string,
  visit: (key: string, node: Node | null, offset: number) => void,
): void {
  for (const pair of items) {
    const key = `${prefix}${isScalar(pair.key) ? String(pair.key.value) : ""}`;
    // What is switched off needs no word: falco.yaml as shipped lists every output there is.
    if (
      isMap(pair.value) &&
      pair.value.get("enabled") === false &&
      OPTIONS[`${key}.enabled`] === undefined
    )
      continue;
    if (isMap(pair.value) && OPTIONS[key] === undefined)
      walk(pair.value.items as Pair<Node, Node | null>[], `${key}.`, visit);
    else visit(key, pair.value, pair.key.range?.[0] ?? 0);
  }
}

function readText({ node, context, fail }: OptionContext): string {
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
    return fail("must be a single value");
  return expand(String(value), context.environment);
}

function readBoolean(option: OptionContext): boolean {
  const text = readText(option).toLowerCase();
  if (["true", "yes", "on"].includes(text)) return true;
  return ["false", "no", "off"].includes(text) ? false : option.fail("must be true or false");
}

function readPaths(option: OptionContext): string[] {
  const { context } = option;
  return readTexts(option).map((path) => resolve(dirname(context.path), path));
}

/** A list of texts, or one alone. */
function readTexts(option: OptionContext): string[] {
  const { node } = option;
  const items = isSeq(node) ? (node.items as Node[]) : [node];
  return items.map((item) => readText({ ...option, node: item }));
}

/** `${NAME}` becomes the variable's value, `$${NAME}` stays `${NAME}` (Falco, configuration). */
function expand(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/(\$?)\$\{(\w+)\}/g, (_, escape: string, name: string) =>
    escape === "" ? (environment[name] ?? "") : `\${${name}}`,
  );
}

function configError(
  context: ConfigContext,
  lines: LineCounter,
  offset: number,
  state: string,
): AppError {
  const { line, col } = lines.linePos(offset);
  const at = { source: context.path, line, column: col, length: 1 };
  return new AppError(
    "CONFIG_VALUE",
    `Cannot use configuration "${context.path}:${line}:${col}": ${state}`,
    { at },
  );
}
