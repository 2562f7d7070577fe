import { hostname } from "node:os";
import { ownHostPid } from "../capture/own-process.ts";
import { readCapture } from "../capture/scap-reader.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { HostPorts } from "../engine/host-ports.ts";
import { LiveWatch } from "../engine/live-watch.ts";
import { Replay } from "../engine/replay.ts";
import { PROBE_EVENTS } from "../capture/probe-sight.ts";
import { DEFAULT_BASE_SYSCALLS, sentEvents } from "../rules/selected-calls.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError } from "../lib/errors.ts";
import { compileExplanation, decisiveChecks, type Explanation } from "../rules/explain.ts";
import { ExplanationTally } from "../rules/explanation-tally.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { unseenOf, unseenWarning } from "../rules/unseen-rules.ts";
import { ANY_CALL } from "../events/call-filter.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import type { Scene } from "../state/scene.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { parseDuration } from "./duration.ts";
import { type Explained, explainedCorrelation } from "./explained-correlation.ts";
import {
  codesOf,
  eventNames,
  isCorrelation,
  type Listed,
  loadOrReport,
  ruleNamed,
} from "./rules-list.ts";
import { parseWhere } from "./where.ts";
import { endSoon, stopSignal, untilStopped } from "./stop.ts";
import { escaped } from "../reports/escaped.ts";
import { painted, printAside, printJson, printLine } from "./print.ts";

/** The options of `saker rules explain`, as they were typed. */
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
 * Ends after `--duration`, after `--limit` matches, or with Ctrl-C.
 */
export async function explainRule(
  name: string,
  paths: readonly string[],
  options: ExplainOptions,
): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1)
    throw new AppError(
      "USAGE_LIMIT",
      `Cannot use --limit "${options.limit}": it must be a whole number from 1`,
    );
  const durationMs = parseDuration(options.duration, "--duration");
  const named = ruleNamed(name, loadOrReport([...paths, ...options.rules]));
  const explained = isCorrelation(named)
    ? explainedCorrelation(named, { ...options, limit })
    : explainedRule(named, options, limit);
  const run = { ...explained, name: named.name, options, durationMs };
  if (options.capture === undefined) await explainLive(run);
  else await explainCapture(options.capture, run);
  const summary = explained.summary();
  const lines = summary.length > 0 ? summary : noEvents(named, options);
  printAside(lines.join("\n"));
}

/** None came: which would have, and whether any can. */
function noEvents(rule: Listed, { capture, duration }: ExplainOptions): readonly string[] {
  const when = capture === undefined ? `within ${duration}` : `in ${capture}`;
  const none = `no event of ${rule.name} ${when}: it is asked on ${eventNames(codesOf(rule)).join(", ") || "no event at all"}`;
  const asked = isCorrelation(rule) ? undefined : rule;
  const unseen = capture === undefined && asked ? unseenOf(asked, SENT) : undefined;
  return unseen === undefined ? [none] : [none, unseenWarning(unseen, SENT).message];
}

const ALL_SYSCALLS = { ...DEFAULT_BASE_SYSCALLS, all: true };
const SENT = sentEvents(PROBE_EVENTS, ALL_SYSCALLS);

interface Run extends Explained {
  readonly name: string;
  readonly options: ExplainOptions;
  readonly durationMs: number;
}

/** The rule's condition put in a way that tells of each event. */
function explainedRule(rule: LoadedRule, options: ExplainOptions, limit: number): Explained {
  const tally = new ExplanationTally(limit);
  const explain = compileExplanation(rule.expression, FIELDS);
  const isMeant = options.where === undefined ? () => true : parseWhere(options.where);
  const { promise: enough, resolve: onEnough } = Promise.withResolvers<void>();
  const condition = (scene: Scene): boolean => {
    if (tally.isFull || !isMeant(scene)) return false;
    const explanation = explain(scene);
    // Of the events that a rule is asked about nearly all are not of the type that it names.
    if (
      options.all !== true &&
      !explanation.holds &&
      decisiveChecks(explanation).every((part) => part.check?.startsWith("evt.type ") === true)
    )
      return false;
    if (tally.add(explanation)) printExplanation(rule, explanation, scene, options);
    if (tally.isFull) onEnough();
    return false;
  };
  return { rules: [{ ...rule, condition }], enough, summary: () => tally.summary() };
}

async function explainCapture(path: string, { rules: explained, enough }: Run): Promise<void> {
  const stop = new AbortController();
  void Promise.race([stopSignal(), enough]).then(() => stop.abort());
  const rules = compileRuleSet(explained, { matching: "all" });
  const end = await readCapture(
    path,
    new Replay({ rules, hostname: hostname(), utcOffsetMinutes: () => 0, onMatch: () => {} }),
    { signal: stop.signal },
  );
  if (end.truncated !== undefined) printAside(`capture "${path}" is not whole: ${end.truncated}`);
}

async function explainLive({ rules, name, enough, durationMs }: Run): Promise<void> {
  const onProblem = (text: string): void => printAside(text);
  const containers = containersOfHost({ environment: process.env, onProblem });
  const ports = new HostPorts({ containers, publish: () => {}, reports: undefined });
  const live = new LiveWatch({
    // What cannot match is explained, too.
    rules: compileRuleSet(
      rules.map((rule) => ({ ...rule, callClauses: [ANY_CALL] })),
      { matching: "all" },
    ),
    containers,
    hostname: hostname(),
    ringBytes: DEFAULT_SETTINGS.ringBytes,
    // Who wants a rule explained has asked.
    baseSyscalls: ALL_SYSCALLS,
    utcOffsetMinutes: () => 0,
    publish: (news) => {
      if (news.kind === "problem") onProblem(news.text);
    },
    onAlert: () => {},
    ports,
    ownPid: ownHostPid(),
    isRoot: process.geteuid?.() === 0,
    source: "ebpf",
    drops: {
      ...DEFAULT_SETTINGS.drops,
      onLoss: ({ events }) => onProblem(`${events} events were lost`),
    },
  });
  const stopped = stopSignal();
  try {
    await Promise.race([containers.start(), stopped]);
    printAside(`explaining ${name} on this host's events`);
    await Promise.race([live.start(), stopped]);
    await untilStopped(Promise.race([stopped, enough]), durationMs);
  } finally {
    live.close();
    ports.close();
    containers.stop();
    endSoon();
  }
}

function printExplanation(
  rule: LoadedRule,
  explanation: Explanation,
  scene: Scene,
  options: ExplainOptions,
): void {
  const { event, process: actor } = scene;
  if (options.json === true) {
    printJson({
      rule: rule.name,
      matches: explanation.holds,
      event: event.type?.name ?? "",
      pid: actor?.pid ?? 0,
      process: actor?.comm ?? "",
      condition: explanation,
    });
    return;
  }
  const verdict = explanation.holds
    ? painted("green", "matches")
    : painted("red", "does not match");
  printLine(
    painted("bold", rule.name),
    " ",
    verdict,
    ` ${event.type?.name ?? "event"} of ${escaped(actor?.comm ?? "?")} (${actor?.pid ?? "?"}), because`,
  );
  for (const part of decisiveChecks(explanation)) {
    const saw = (part.values ?? [])
      .map(({ name, value }) => `${name} is ${JSON.stringify(value)}`)
      .join(", ");
    printLine(`  ${part.holds ? "holds" : "fails"}  ${part.check ?? ""}  (${saw})`);
  }
}
