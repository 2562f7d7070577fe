import { hostname } from "node:os";
import { styleText } from "node:util";
import { readCapture } from "../capture/scap-reader.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { LiveWatch } from "../engine/live-watch.ts";
import { Replay } from "../engine/replay.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError } from "../lib/errors.ts";
import { compileExplanation, decisiveChecks, type Explanation } from "../rules/explain.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { ANY_CALL } from "../events/call-filter.ts";
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
 * `saker rules explain`: the host's events that the rule is asked about, each with what decided.
 * Ends after `--duration`, after `--limit` events, or with Ctrl-C.
 */
export async function explainRule(name: string, options: ExplainOptions): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1)
    throw new AppError(
      "USAGE_LIMIT",
      `Cannot use --limit "${options.limit}": it must be a whole number from 1`,
    );
  const durationMs = parseDuration(options.duration, "--duration");
  const rule = ruleNamed(name, loadOrTell(options.rules));
  const told =
    options.capture === undefined
      ? await explainLive(rule, { options, limit, durationMs })
      : await explainCapture(rule, options.capture, { options, limit, durationMs });
  if (told === 0)
    process.stderr.write(
      `no event of ${rule.name} ${options.capture === undefined ? `within ${options.duration}` : `in ${options.capture}`}\n`,
    );
}

interface Run {
  readonly options: ExplainOptions;
  readonly limit: number;
  readonly durationMs: number;
}

/** The rule's condition put in a way that tells of each event, and how many it told of. */
function explainer(
  rule: LoadedRule,
  { options, limit }: Run,
  onEnough: () => void,
): { readonly condition: (scene: Scene) => boolean; readonly told: () => number } {
  const explain = compileExplanation(rule.expression, FIELDS);
  const isMeant = options.where === undefined ? () => true : parseWhere(options.where);
  let told = 0;
  const condition = (scene: Scene): boolean => {
    if (told >= limit || !isMeant(scene)) return false;
    const explanation = explain(scene);
    // Of the events that a rule is asked about nearly all are not of the type that it names.
    if (
      options.all !== true &&
      !explanation.holds &&
      decisiveChecks(explanation).every((part) => part.check?.startsWith("evt.type ") === true)
    )
      return false;
    told += 1;
    tell(rule, explanation, scene, options);
    if (told >= limit) onEnough();
    return false;
  };
  return { condition, told: () => told };
}

async function explainCapture(rule: LoadedRule, path: string, run: Run): Promise<number> {
  const stop = new AbortController();
  const { condition, told } = explainer(rule, run, () => stop.abort());
  void stopSignal().then(() => stop.abort());
  const rules = compileRuleSet([{ ...rule, condition }], { matching: "all" });
  const end = await readCapture(
    path,
    new Replay({ rules, hostname: hostname(), utcOffsetMinutes: () => 0, onMatch: () => {} }),
    { signal: stop.signal },
  );
  if (end.truncated !== undefined)
    process.stderr.write(`capture "${path}" is not whole: ${end.truncated}\n`);
  return told();
}

async function explainLive(rule: LoadedRule, run: Run): Promise<number> {
  let enough = (): void => {};
  const full = new Promise<void>((resolve) => (enough = resolve));
  const { condition, told } = explainer(rule, run, () => enough());
  const onProblem = (text: string): void => void process.stderr.write(`${text}\n`);
  const containers = containersOfHost({ environment: process.env, onProblem });
  const live = new LiveWatch({
    // What cannot match is explained, too.
    rules: compileRuleSet([{ ...rule, condition, callClauses: [ANY_CALL] }], { matching: "all" }),
    containers,
    hostname: hostname(),
    ringBytes: DEFAULT_SETTINGS.ringBytes,
    utcOffsetMinutes: () => 0,
    onAlert: () => {},
    onNote: () => {},
    onProblem,
    source: "ebpf",
    drops: {
      ...DEFAULT_SETTINGS.drops,
      onTold: ({ events }) => onProblem(`${events} events were lost`),
    },
    examiner: undefined,
  });
  const stopped = stopSignal();
  try {
    await Promise.race([containers.start(), stopped]);
    process.stderr.write(`explaining ${rule.name} on this host's events\n`);
    await Promise.race([live.start(), stopped]);
    await untilStopped(Promise.race([stopped, full]), run.durationMs);
  } finally {
    live.close();
    containers.stop();
  }
  return told();
}

function tell(
  rule: LoadedRule,
  explanation: Explanation,
  scene: Scene,
  options: ExplainOptions,
): void {
  const { event, process: actor } = scene;
  if (options.json === true) {
    console.log(
      JSON.stringify({
        rule: rule.name,
        matches: explanation.holds,
        event: event.type?.name ?? "",
        pid: actor?.pid ?? 0,
        process: actor?.comm ?? "",
        condition: explanation,
      }),
    );
    return;
  }
  const verdict = explanation.holds
    ? styleText("green", "matches")
    : styleText("red", "does not match");
  console.log(
    `${styleText("bold", rule.name)} ${verdict} ${event.type?.name ?? "event"} of ${actor?.comm ?? "?"} (${actor?.pid ?? "?"}), because`,
  );
  for (const part of decisiveChecks(explanation)) {
    const saw = (part.values ?? [])
      .map(({ name, value }) => `${name} is ${JSON.stringify(value)}`)
      .join(", ");
    console.log(`  ${part.holds ? "holds" : "fails"}  ${part.check ?? ""}  (${saw})`);
  }
}
