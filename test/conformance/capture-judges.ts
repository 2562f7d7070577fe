import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { gunzipSync, inflateSync } from "node:zlib";
import type { Alert } from "../../src/alerts/alert.ts";
import { jsonLine } from "../../src/alerts/format.ts";
import { makeAlert } from "../../src/alerts/make-alert.ts";
import { CaptureParser } from "../../src/capture/capture-parser.ts";
import { parseConfig } from "../../src/config/config-file.ts";
import { Replay, type ReplayOptions } from "../../src/engine/replay.ts";
import type { Field, FieldRegistry } from "../../src/fields/field.ts";
import { FIELDS } from "../../src/fields/registry.ts";
import { AppError } from "../../src/lib/errors.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import { renderOutput } from "../../src/rules/output.ts";
import { type Priority, priorityByName } from "../../src/rules/priority.ts";
import { compileRuleSet, type RuleSet } from "../../src/rules/rule-set.ts";
import { type RuleSelection, selectRules } from "../../src/rules/select-rules.ts";
import type { CurrentScene } from "../../src/state/current-scene.ts";
import { type Case, type Judge, text } from "./case-file.ts";
import { unlikeFields } from "./event-judges.ts";

const NO_RULES = compileRuleSet([], { matching: "first" });
const NOTHING: ReplayOptions = {
  rules: NO_RULES,
  hostname: "",
  utcOffsetMinutes: () => 0,
  onMatch: () => {},
};

/** Whole captures: every field of every event that the real engine shows. */
export const assessGolden: Judge = (_file, folder) => (one) => {
  const lines = gunzipSync(readFileSync(join(folder, text(one["golden"]))))
    .toString()
    .split("\n");
  const golden = lines.filter(Boolean).map((line) => JSON.parse(line) as Case);
  let next = 0;
  const unlike: string[] = [];
  const replay = new Replay({
    ...NOTHING,
    onScene: (scene) => {
      next += 1;
      const expected = golden[next];
      if (unlike.length > 0) return;
      if (expected?.["num"] !== scene.event.num) unlike.push(`event ${scene.event.num} is shown`);
      else
        unlike.push(
          ...unlikeFields(scene, expected["fields"] as Case).map(
            (field) => `event ${scene.event.num}: ${field}`,
          ),
        );
    },
  });
  replayFile(captureOf(folder, one), replay);
  return unlike.length === 0 ? next === one["events"] || `${next} events` : unlike.join("; ");
};

/** The official rules over made captures: which match which event, with their outputs. */
export const assessRuleScenario: Judge = (_file, folder) => {
  let current: Case = {};
  const files = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"].map(
    (name) => ({ name, text: readFileSync(officialRules(folder, name), "utf8") }),
  );
  const loaded = loadRules(files, { fields: withConstants(() => current) }).rules;
  const all = compileRuleSet(
    loaded.filter(({ source }) => source === "syscall"),
    { matching: "all" },
  );
  const first = compileRuleSet(selectRules(loaded, []), { matching: "first" });
  return (one) => {
    current = one["container_fields"] as Case;
    const path = join(folder, text(one["capture"]));
    let last: CurrentScene | undefined;
    const run = (rules: RuleSet, render: boolean): unknown[][] => {
      const matches: unknown[][] = [];
      const onMatch: ReplayOptions["onMatch"] = (rule, scene) =>
        matches.push([
          scene.event.num,
          rule.name,
          ...(render ? [renderOutput(rule.output, scene)] : []),
        ]);
      const replay = new Replay({ ...NOTHING, rules, onMatch, onScene: (scene) => (last = scene) });
      replayFile(path, replay);
      return matches.toSorted(
        ([num, rule], [otherNum, otherRule]) =>
          Number(num) - Number(otherNum) || (String(rule) < String(otherRule) ? -1 : 1),
      );
    };
    const unlike =
      difference(run(all, true), one["matches_all"] as unknown[][]) ??
      difference(run(first, false), one["matches_first"] as unknown[][]);
    if (unlike !== undefined) return unlike;
    const fields = (one["last_event"] as Case | undefined)?.["fields"];
    // These dumps leave out memory sizes, which the others have.
    const bad =
      fields === undefined || last === undefined
        ? []
        : unlikeFields(last, fields as Case).filter(
            (field) => !/^(?:proc|thread)\.vmsize: .* and not missing$/.test(field),
          );
    return bad.length === 0 || bad.join("; ");
  };
};

function difference(got: readonly unknown[][], expected: readonly unknown[][]): string | undefined {
  const at = Array.from({ length: Math.max(got.length, expected.length) }).findIndex(
    (_, index) => !isDeepStrictEqual(got[index], expected[index]),
  );
  return at < 0
    ? undefined
    : `${JSON.stringify(got[at] ?? null)} and not ${JSON.stringify(expected[at] ?? null)}`;
}

/** Our fields, but that those of containers have the case's values on every event. */
function withConstants(current: () => Case): FieldRegistry {
  const constant = (field: Field): Field => ({
    ...field,
    bind: (argument) => () => {
      const value = current()[argument === undefined ? field.name : `${field.name}[${argument}]`];
      return value === undefined || value === null
        ? undefined
        : field.type === "BOOL"
          ? value === "true" || value === true
          : text(value);
    },
  });
  const made = new Map(
    [...FIELDS.names()]
      .filter((name) => /^(?:container|k8s)\./.test(name))
      .map((name): [string, Field] => [name, constant(FIELDS.get(name) as Field)]),
  );
  return { get: (name) => made.get(name) ?? FIELDS.get(name), names: () => FIELDS.names() };
}

/** Falco's own tests on captures: the alerts, as JSON. */
export const assessRegression: Judge = (_file, folder) => (one) => {
  const oracle = one["oracle"] as Case | undefined;
  if (oracle?.["by_rule"] === undefined) return true;
  const options = (one["options"] as string[]).map((option): [string, string] => [
    option.slice(0, option.indexOf("=")),
    option.slice(option.indexOf("=") + 1),
  ]);
  try {
    if (one["config"] !== null)
      parseConfig(text(one["config"]), { path: "falco.yaml", environment: {} });
  } catch (error) {
    return (oracle["exit_code"] === 1 && error instanceof AppError) || String(error);
  }
  const minimumPriority: Priority =
    priorityByName(options.find(([key]) => key === "priority")?.[1] ?? "debug") ?? "Debug";
  const files = (one["rules"] as Case[]).map((file) => ({
    name: text(file["name"]),
    text: text(file["content"]),
  }));
  const loaded = loadRules(files, { fields: FIELDS, minimumPriority, plugins: "unchecked" });
  const errors = loaded.files.flatMap((file) => file.errors);
  if (errors.length > 0)
    return oracle["exit_code"] === 1 || errors.map(({ message }) => message).join();
  if (oracle["exit_code"] !== 0) return "it runs";
  const rules = compileRuleSet(selectRules(loaded.rules, selectionsOf(options)), {
    matching: "first",
  });
  const alerts: Alert[] = [];
  replayFile(
    captureOf(folder, one),
    new Replay({
      ...NOTHING,
      rules,
      hostname: "test-host",
      onMatch: (rule, scene) => alerts.push(makeAlert(rule, scene, "")),
    }),
  );
  const got = alerts.map(
    (alert) => JSON.parse(jsonLine(alert, { isoTime: true, utcOffsetMinutes: () => 0 })) as Case,
  );
  const expected = (oracle["alerts"] as Case[] | undefined) ?? [];
  if (got.length !== expected.length) return `${got.length} alerts and not ${expected.length}`;
  for (const [index, alert] of expected.entries()) {
    // The properties that the case's options leave out are not there.
    const own = Object.fromEntries(Object.keys(alert).map((key) => [key, got[index]?.[key]]));
    if (!isDeepStrictEqual(own, alert))
      return `${JSON.stringify(own)} and not ${JSON.stringify(alert)}`;
  }
  return true;
};

function selectionsOf(options: readonly (readonly [string, string])[]): RuleSelection[] {
  return options.flatMap(([key, value]) => {
    const [, action, by] = /^rules\[\]\.(enable|disable)\.(rule|tag)$/.exec(key) ?? [];
    return action === undefined
      ? []
      : [{ action, by: by === "rule" ? { rule: value } : { tag: value } } as RuleSelection];
  });
}

/** Captures that must fail at their first event. */
export const assessBadCapture: Judge = () => (one) => {
  const parser = new CaptureParser({ host: () => {}, event: () => {} });
  try {
    parser.push(inflateSync(Buffer.from(text(one["zlib_base64"]), "base64")));
    parser.end();
    return "it is read";
  } catch (error) {
    return error instanceof AppError || String(error);
  }
};

/** Gives a whole file to a parser in pieces, so that blocks are cut anywhere. */
function replayFile(path: string, replay: Replay): void {
  const raw = readFileSync(path);
  const bytes = raw[0] === 0x1f ? gunzipSync(raw) : raw;
  const parser = new CaptureParser(replay);
  for (let at = 0; at < bytes.length; at += PIECE) parser.push(bytes.subarray(at, at + PIECE));
  const { truncated } = parser.end();
  if (truncated !== undefined) throw new Error(truncated);
}

const PIECE = 10_007;

const SHARED = fileURLToPath(new URL("../../../shared/", import.meta.url));

/** Beside the folder of cases, or where this project's own tests have them. */
function captureOf(folder: string, one: Case): string {
  return firstThere(
    [join(folder, "../captures"), join(folder, "captures"), join(SHARED, "captures")],
    text(one["capture"]),
  );
}

function officialRules(folder: string, name: string): string {
  return firstThere([join(folder, "../falco-rules"), join(SHARED, "falco-rules")], name);
}

function firstThere(folders: readonly string[], name: string): string {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name;
}
