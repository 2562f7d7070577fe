import { randomUUID } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { hostname } from "node:os";
import { parseAlert } from "../alerts/parse.ts";
import { LineSplitter } from "../capture/line-splitter.ts";
import { readCapture } from "../capture/scap-reader.ts";
import { Replay } from "../engine/replay.ts";
import type { FieldType, FieldValue, SingleValue } from "../fields/field.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { checksOf } from "../rules/checks-of.ts";
import { ConditionError } from "../rules/condition-error.ts";
import { formatValue } from "../rules/format-value.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { bindOperand } from "../rules/operands.ts";
import { parseOperandAt } from "../rules/parse-condition.ts";
import { printOperand } from "../rules/print-condition.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { type AlertValues, RuleAlerts } from "../rules/suggest-exception.ts";
import { TUNING_FIELDS } from "../rules/tuning-fields.ts";
import type { Scene } from "../state/scene.ts";

/** Alerts by rule, and what of the files was none. */
export interface TunedAlerts {
  readonly byRule: ReadonlyMap<string, RuleAlerts>;
  readonly badLines: number;
}

/** Which fields exceptions may be made of, and the rules that captures are asked by. */
export interface GatherOptions {
  readonly fields: readonly string[];
  readonly rules: readonly LoadedRule[];
}

/** Rules that are told apart. */
const MAX_RULES = 10_000;

/**
 * The alerts of files: Falco's JSON lines (`-` is standard input), or captures, over which the rules
 * are run. Throws `USAGE_FILE`, `INPUT_CAPTURE_…`.
 */
export async function gatherAlerts(
  paths: readonly string[],
  options: GatherOptions,
): Promise<TunedAlerts> {
  const byRule = new Map<string, RuleAlerts>();
  const add = (rule: string, values: AlertValues): void => {
    if (byRule.size >= MAX_RULES && !byRule.has(rule)) return;
    const alerts = byRule.get(rule) ?? new RuleAlerts();
    byRule.set(rule, alerts);
    alerts.add(values, options.fields);
  };
  let badLines = 0;
  for (const path of paths) {
    if (isCapture(path)) await readMatches(path, options, add);
    else badLines += await readLines(path, add);
  }
  return { byRule, badLines };
}

/** How captures begin: their section block, or gzip. */
const CAPTURE_STARTS = ["0a0d0d0a", "1f8b"];

function isCapture(path: string): boolean {
  if (path === "-") return false;
  const first = Buffer.alloc(4);
  try {
    const file = openSync(path, "r");
    try {
      readSync(file, first);
      return CAPTURE_STARTS.some((start) => first.toString("hex").startsWith(start));
    } finally {
      closeSync(file);
    }
  } catch (thrown) {
    throw new AppError("USAGE_FILE", `Cannot read alerts from "${path}": ${messageOf(thrown)}`);
  }
}

type Add = (rule: string, values: AlertValues) => void;

/** Returns how many lines were no alerts. */
async function readLines(path: string, add: Add): Promise<number> {
  const input = path === "-" ? process.stdin : createReadStream(path);
  const splitter = new LineSplitter();
  let badLines = 0;
  const take = (line: string): void => {
    const parsed = parseAlert(line, randomUUID);
    if ("reason" in parsed) badLines += 1;
    // What Falco tells of itself is no rule's.
    else if (parsed.alert.source !== "internal")
      add(parsed.alert.rule, new Map(Object.entries(parsed.alert.outputFields)));
  };
  for await (const bytes of input) for (const line of splitter.push(bytes as Buffer)) take(line);
  for (const line of splitter.finish()) take(line);
  return badLines + splitter.tooLong;
}

async function readMatches(path: string, { rules }: GatherOptions, add: Add): Promise<void> {
  const readers = new Map(rules.map((rule) => [rule.name, readersOf(rule)]));
  const onMatch = ({ name }: { readonly name: string }, scene: Scene): void => {
    const read = readers.get(name) ?? [];
    add(name, new Map(read.map(({ field, get }) => [field, get(scene) ?? null])));
  };
  const set = compileRuleSet(rules, { matching: "first" });
  const options = { rules: set, hostname: hostname(), utcOffsetMinutes: () => 0, onMatch };
  await readCapture(path, new Replay(options));
}

interface Reader {
  readonly field: string;
  readonly get: (scene: Scene) => FieldValue | undefined;
}

/** Of the fields that exceptions may be made of, and of those that the rule asks for. */
function readersOf(rule: LoadedRule): readonly Reader[] {
  const asked = [...checksOf(rule.expression)].map(({ left }) => printOperand(left, "source"));
  return [...new Set([...TUNING_FIELDS, ...asked])].flatMap((field) => readerOf(field) ?? []);
}

function readerOf(field: string): Reader | undefined {
  try {
    const { operand } = parseOperandAt(field, 0);
    if (operand.kind !== "field") return undefined;
    const { get, getAll, type } = bindOperand(operand, FIELDS, "left");
    const read: Reader["get"] = (scene) =>
      getAll === undefined ? get(scene) : getAll(scene).flat();
    return { field, get: (scene) => lastingValue(read(scene), type) };
  } catch (thrown) {
    if (!(thrown instanceof ConditionError)) throw thrown;
    return undefined;
  }
}

/** Bytes are the event's own, and gone with it. */
function lastingValue(value: FieldValue | undefined, type: FieldType): FieldValue | undefined {
  if (Array.isArray(value)) return value.map((one: SingleValue) => formatValue(one, type));
  return value instanceof Uint8Array || typeof value === "bigint"
    ? formatValue(value, type)
    : value;
}
