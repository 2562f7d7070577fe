import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { allKeys, loadConfig } from "./config-file.ts";

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
}

const FILE = "../shared/reference/schemas/falco_config.schema.json";

/** Each key of Falco's schema with its type. */
function falcoKeys(): readonly (readonly [name: string, type: string])[] {
  const { definitions } = JSON.parse(readFileSync(FILE, "utf8")) as {
    definitions: Readonly<Record<string, Schema>>;
  };
  const below = (schema: Schema | undefined, prefix: string): [string, string][] =>
    Object.entries(schema?.properties ?? {}).flatMap(([key, inner]) => {
      const name = `${prefix}${key}`;
      const section = inner.$ref === undefined ? undefined : definitions[inner.$ref.slice(14)];
      return section === undefined ? [[name, inner.type ?? ""]] : below(section, `${name}.`);
    });
  return below(definitions["FalcoConfig"], "");
}

/** Options (`-o`) that ask for something else than the default, where the type does not tell. */
const OPTIONS: Readonly<Record<string, string>> = {
  append_output: "append_output[]={extra_output: x}",
  "base_syscalls.custom_set": "base_syscalls.custom_set[]=getpid",
  "capture.mode": "capture.mode=all_rules",
  config_files: "config_files[]=/none.yaml",
  "engine.kind": "engine.kind=replay",
  load_plugins: "load_plugins[]=k8saudit",
  log_level: "log_level=debug",
  "metrics.interval": "metrics.interval=30s",
  plugins: "plugins[]={name: a, library_path: liba.so}",
  priority: "priority=error",
  rule_files: "rule_files[]=a.yaml",
  rule_matching: "rule_matching=all",
  rules: "rules[]={disable: {tag: a}}",
  rules_files: "rules_files[]=a.yaml",
  static_fields: "static_fields.a=b",
  "syscall_event_drops.actions": "syscall_event_drops.actions[]=exit",
  "webserver.listen_address": "webserver.listen_address=::1",
};

/** What a key means nothing without. */
const BESIDE: readonly (readonly [key: RegExp, ...options: readonly string[]])[] = [
  [/^capture\.(?!enabled)/, "capture.enabled=true"],
  [/^metrics\.(?!enabled)/, "metrics.enabled=true"],
  [/^webserver\.(?!enabled)/, "webserver.enabled=true", "metrics.enabled=true"],
  [/^webserver\.ssl_certificate/, "webserver.ssl_enabled=true"],
  [/^engine\.kmod/, "engine.kind=kmod"],
  [/^engine\.ebpf/, "engine.kind=ebpf"],
  [/^engine\.kind/, "engine.replay.capture_file=a.scap"],
  [/^engine\.replay/, "engine.kind=replay", "engine.replay.capture_file=a.scap"],
  [/^http_output\.enabled/, "http_output.url=http://a/"],
  [/^program_output\.enabled/, "program_output.program=cat"],
  [/^log_level/, "log_syslog=true"],
];

/** Keys by which a user gets the same either way; each has its reason in the table. */
const NEUTRAL: readonly string[] = [
  "base_syscalls.repair",
  "buffered_outputs",
  // Read where files are joined.
  "config_files",
  "engine.modern_ebpf.cpus_for_each_buffer",
  "engine.modern_ebpf.disable_iterators",
  "falco_libs.thread_table_auto_purging_interval_s",
  "falco_libs.thread_table_auto_purging_thread_timeout_s",
  "file_output.keep_alive",
  "http_output.keep_alive",
  "http_output.max_consecutive_timeouts",
  "libs_logger.enabled",
  "libs_logger.severity",
  "plugins_hostinfo",
  "syscall_event_timeouts.max_consecutives",
  "webserver.threadiness",
];

const KEYS = new Map(allKeys().map((key) => [key.name, key]));
const OTHER: Readonly<Record<string, string>> = { integer: "7", number: "0.5", string: "other" };

function optionFor(name: string, type: string): string {
  const other = type === "boolean" ? String(KEYS.get(name)?.default !== true) : OTHER[type];
  return OPTIONS[name] ?? `${name}=${other}`;
}

/** What a user gets, and what he is told. */
function outcome(overrides: readonly string[]): string {
  const { settings, notes } = loadConfig(undefined, { environment: {}, overrides });
  return JSON.stringify([settings, notes]);
}

test("every key of Falco's schema does something, is named with a reason, or changes nothing", (t) => {
  if (!existsSync(FILE)) return t.skip(`${FILE} is not there`);
  const silent = falcoKeys().flatMap(([name, type]) => {
    const beside = BESIDE.flatMap(([key, ...options]) => (key.test(name) ? options : []));
    const changes = outcome(beside) !== outcome([...beside, optionFor(name, type)]);
    return changes && KEYS.get(name)?.neutral === undefined ? [] : [name];
  });
  assert.deepEqual(silent.toSorted(), NEUTRAL);
});

test("every key that changes nothing has its reason in the table", () => {
  for (const name of NEUTRAL) {
    const [section = ""] = name.split(".");
    const { neutral, doc } = KEYS.get(name) ?? KEYS.get(section) ?? {};
    assert.match(neutral ?? doc ?? "", /\w/, name);
  }
});
