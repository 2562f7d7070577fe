import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadConfig, type LoadedConfig } from "../../src/config/config-file.ts";
import { type ConfigNode, parseConfigText } from "../../src/config/config-node.ts";
import type { Environment } from "../../src/config/variable.ts";
import { nodeAt } from "../../src/config/override.ts";
import { PRIORITIES } from "../../src/rules/priority.ts";
import { type Case, text, type Verdict } from "./case-file.ts";

/** A configuration of files and options: the merged document and what was read from it. */
export function assessConfig(one: Case): Verdict {
  if (one["yaml"] !== undefined) return assessValues(one);
  const folder = mkdtempSync(join(tmpdir(), "saker-config-"));
  const start = process.cwd();
  try {
    const files = one["files"] as Readonly<Record<string, string>>;
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    process.chdir(folder);
    return assessLoaded(one);
  } finally {
    process.chdir(start);
    rmSync(folder, { recursive: true, force: true });
  }
}

function assessLoaded(one: Case): Verdict {
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig(text(one["main"]) || "main.yaml", {
      environment: (one["env"] ?? {}) as Environment,
      overrides: (one["options"] ?? []) as readonly string[],
    });
  } catch (thrown) {
    return one["ok"] === false || String(thrown);
  }
  if (one["ok"] === false) return "loads";
  const merged = JSON.stringify(sorted(plain(loaded.root)));
  if (merged !== JSON.stringify(sorted(one["merged"]))) return merged;
  return assessSettings(loaded, one["config"] as Readonly<Record<string, unknown>>);
}

/** The settings that Falco's and ours have in common. */
function assessSettings(
  { settings }: LoadedConfig,
  expected: Readonly<Record<string, unknown>>,
): Verdict {
  const own: Readonly<Record<string, unknown>> = {
    json_output: settings.jsonOutput,
    json_include_output_property: settings.jsonProperties.output,
    json_include_message_property: settings.jsonProperties.message,
    json_include_tags_property: settings.jsonProperties.tags,
    time_format_iso_8601: settings.timeFormatIso8601,
    rule_matching: settings.ruleMatching,
    priority: PRIORITIES.indexOf(settings.priority),
    // Where none of them is there both refuse to start: Falco's list is empty, ours names them.
    rules_files: settings.rulesFiles.filter((path) => existsSync(path)),
  };
  const wrong = Object.entries(own).find(
    ([key, value]) => key in expected && JSON.stringify(value) !== JSON.stringify(expected[key]),
  );
  return wrong === undefined || `${wrong[0]}: ${JSON.stringify(wrong[1])}`;
}

/** A document and the values at some keys' paths. */
function assessValues(one: Case): Verdict {
  const environment = (one["env"] ?? {}) as Environment;
  const root = parseConfigText({ source: "x.yaml", text: text(one["yaml"]), environment });
  const expected = one["values"] as Readonly<Record<string, unknown>>;
  for (const key of one["keys"] as readonly string[]) {
    const answer = valueAt(root, key);
    const wanted = expected[key];
    const isError = typeof wanted === "object" && wanted !== null;
    if (isError ? answer !== "error" : answer !== wanted) return `${key}: ${answer}`;
  }
  return true;
}

function valueAt(root: ConfigNode, key: string): string | null {
  try {
    const node = nodeAt(root, key);
    if (node === undefined) return null;
    return node.kind === "scalar" ? node.text : "<not a scalar>";
  } catch {
    return "error";
  }
}

function plain(node: ConfigNode): unknown {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
}

/** With the keys of every map in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
