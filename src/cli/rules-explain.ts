import { hostname } from "node:os";
import { styleText } from "node:util";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { LiveWatch } from "../engine/live-watch.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError } from "../lib/errors.ts";
import { compileExplanation, decisiveChecks, type Explanation } from "../rules/explain.ts";
import type { LoadedRule } from "../rules/load-rules.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import type { Scene } from "../state/scene.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { parseDuration } from "./duration.ts";
import { loadOrTell, ruleNamed } from "./rules-list.ts";
import { parseWhere } from "./where.ts";
import { stopSignal, untilStopped } from "./stop.ts";

export interface ExplainOptions {
  readonly rules: readonly string[];
  readonly capture?: string;
  readonly duration: string;
  readonly limit: string;
  readonly where?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/**
 * `saker rules explain`: the host's events that the rule is asked about, each with what decided. Ends after `--duration`, after `--limit`
 * events, or with Ctrl-C.
 */
export async function explainRule(name: string, options: ExplainOptions): Promise<void> {
  if (options.capture !== undefined) throw new AppError("USAGE_CAPTURE", `Cannot explain events of capture "${options.capture}": captures are not read yet`, { hint: "leave --capture out to explain this host's events as they happen" });
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new AppError("USAGE_LIMIT", `Cannot use --limit "${options.limit}": it must be a whole number from 1`);
  const durationMs = parseDuration(options.duration, "--duration");
  const rule = ruleNamed(name, loadOrTell(options.rules));
  const told = await explainLive(rule, { options, limit, durationMs });
  if (told === 0) process.stderr.write(`no event of ${rule.name} within ${options.duration}\n`);
}

interface Run {
  readonly options: ExplainOptions;
  readonly limit: number;
  readonly durationMs: number;
}

async function explainLive(rule: LoadedRule, { options, limit, durationMs }: Run): Promise<number> {
  const explain = compileExplanation(rule.expression, FIELDS);
  const isMeant = options.where === undefined ? () => true : parseWhere(options.where);
  let told = 0;
  let enough = (): void => {};
  const full = new Promise<void>((resolve) => (enough = resolve));
  const condition = (scene: Scene): boolean => {
    if (told >= limit || !isMeant(scene)) return false;
    const explanation = explain(scene);
    // Of the events that a rule is asked about nearly all are not of the type that it names.
    if (options.all !== true && !explanation.holds && decisiveChecks(explanation).every((part) => part.check?.startsWith("evt.type ") === true)) return false;
    told += 1;
    tell(rule, explanation, scene, options);
    if (told >= limit) enough();
    return false;
  };
  const onProblem = (text: string): void => void process.stderr.write(`${text}\n`);
  const containers = containersOfHost({ environment: process.env, onProblem });
  const live = new LiveWatch({
    rules: compileRuleSet([{ ...rule, condition }], { matching: "all" }),
    containers,
    hostname: hostname(),
    ringBytes: DEFAULT_SETTINGS.ringBytes,
    utcOffsetMinutes: () => 0,
    onAlert: () => {},
    onNote: () => {},
    onProblem,
    examiner: undefined,
  });
  const stopped = stopSignal();
  try {
    await Promise.race([containers.start(), stopped]);
    process.stderr.write(`explaining ${rule.name} on this host's events\n`);
    await Promise.race([live.start(), stopped]);
    await untilStopped(Promise.race([stopped, full]), durationMs);
  } finally {
    live.close();
    containers.stop();
  }
  return told;
}

function tell(rule: LoadedRule, explanation: Explanation, scene: Scene, options: ExplainOptions): void {
  const { event, process: actor } = scene;
  if (options.json === true) {
    console.log(JSON.stringify({ rule: rule.name, matches: explanation.holds, event: event.type?.name ?? "", pid: actor?.pid ?? 0, process: actor?.comm ?? "", condition: explanation }));
    return;
  }
  const verdict = explanation.holds ? styleText("green", "matches") : styleText("red", "does not match");
  console.log(`${styleText("bold", rule.name)} ${verdict} ${event.type?.name ?? "event"} of ${actor?.comm ?? "?"} (${actor?.pid ?? "?"}), because`);
  for (const part of decisiveChecks(explanation)) {
    const saw = (part.values ?? []).map(({ name, value }) => `${name} is ${JSON.stringify(value)}`).join(", ");
    console.log(`  ${part.holds ? "holds" : "fails"}  ${part.check ?? ""}  (${saw})`);
  }
}
