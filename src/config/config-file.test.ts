import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { AppError } from "../lib/errors.ts";
import { loadConfig, parseConfig } from "./config-file.ts";
import { readRuleFiles } from "./rule-files.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const context = {
  path: "/etc/falco/falco.yaml",
  environment: { RULES: "mine.yaml", NESTED: "${RULES}", SELF: "${SELF}x" },
};

test("parseConfig() reads what a falco.yaml says, the rest keeps its default", () => {
  const text = `rules_files: [rules.d/a.yaml, /abs/b.yaml, "\${RULES}"]
priority: warning
rule_matching: all
watch_config_files: false
json_output: true
time_format_iso_8601: yes
stdout_output: {enabled: false}
file_output: {enabled: true, keep_alive: false, filename: ./events.txt}
engine: {kind: modern_ebpf, modern_ebpf: {buf_size_preset: 5}}
syscall_event_drops: {threshold: .2, actions: [log, exit], rate: .5, max_burst: 1}
`;
  const { settings, notes } = parseConfig(text, context);
  assert.deepEqual(notes, []);
  assert.deepEqual(settings, {
    ...DEFAULT_SETTINGS,
    rulesFiles: ["rules.d/a.yaml", "/abs/b.yaml", "mine.yaml"],
    priority: "Warning",
    ruleMatching: "all",
    watchRules: false,
    jsonOutput: true,
    timeFormatIso8601: true,
    outputs: {
      ...DEFAULT_SETTINGS.outputs,
      stdout: { enabled: false },
      file: { enabled: true, keepAlive: false, filename: "./events.txt" },
    },
    ringBytes: 16 << 20,
    drops: { threshold: 0.2, actions: ["log", "exit"], rate: 0.5 },
  });
});

test("parseConfig() reads which rules are switched, what is appended to outputs, and constants", () => {
  const text = `rules:
  - disable: {rule: "*"}
  - enable: {tag: network, rule: Read*}
append_output:
  - match: {source: syscall, tags: [persistence]}
    extra_output: "pid=%proc.pid"
    extra_fields: [evt.hostname, {who: "%user.name"}]
  - suggested_output: true
static_fields: {region: eu-1, n: 010}
`;
  const { settings, notes } = parseConfig(text, context);
  assert.deepEqual(notes, []);
  assert.deepEqual(settings.ruleSelections, [
    { action: "disable", by: { rule: "*" } },
    { action: "enable", by: { tag: "network" } },
    { action: "enable", by: { rule: "Read*" } },
  ]);
  const at = (line: number, column: number) => ({ source: context.path, line, column, length: 1 });
  assert.deepEqual(settings.appendOutput, [
    {
      rule: undefined,
      source: "syscall",
      tags: ["persistence"],
      format: "pid=%proc.pid",
      at: at(6, 19),
      fields: [
        { key: "evt.hostname", format: "%evt.hostname", isRaw: true, at: at(7, 20) },
        { key: "who", format: "%user.name", isRaw: false, at: at(7, 40) },
      ],
      suggested: false,
    },
    {
      rule: undefined,
      source: undefined,
      tags: [],
      format: undefined,
      at: undefined,
      fields: [],
      suggested: true,
    },
  ]);
  assert.deepEqual(settings.staticFields, { region: "eu-1", n: "010" });
});

test("parseConfig() notes once a topic what is set and has no effect, and what nobody knows", () => {
  const text = `metrics: {enabled: true, interval: 1h, libbpf_stats_enabled: true, plugins_metrics_enabled: true}
webserver: {enabled: false, listen_port: 1}
load_plugins: [container, k8saudit]
log_level: info
rule_maching: all
file_output: {enable: true}
syscall_buf_size_preset: 4
`;
  assert.deepEqual(parseConfig(text, context).notes, [
    "/etc/falco/falco.yaml:3: load_plugins has no effect: Saker loads none, so rules of their sources are not evaluated",
    "/etc/falco/falco.yaml:1: metrics.libbpf_stats_enabled has no effect: Saker has no such parts, or counts them in one",
    '/etc/falco/falco.yaml:5: there is no key "rule_maching", did you mean "rule_matching"?',
    '/etc/falco/falco.yaml:6: there is no key "file_output.enable", did you mean "enabled"?',
  ]);
});

test("parseConfig() says of a key in one word how it is written", () => {
  const text = "file_output.enabled: true\notlp: {logs.endpoint: x}\notlp.logs: {endpoint: x}\n";
  assert.deepEqual(parseConfig(text, context).notes, [
    '/etc/falco/falco.yaml:1: file_output.enabled has no effect in one word: write "file_output: {enabled: …}"',
    '/etc/falco/falco.yaml:2: otlp.logs.endpoint has no effect in one word: write "logs: {endpoint: …}"',
    '/etc/falco/falco.yaml:3: otlp.logs has no effect in one word: write "otlp: {logs: …}"',
  ]);
});

test("parseConfig() reads a file's keys in any order", () => {
  const text = readFileSync("../shared/cases/rules/file-output-order.yaml", "utf8");
  assert.deepEqual(parseConfig(text, context).settings.outputs.file, {
    enabled: true,
    keepAlive: false,
    filename: "./wanted.log",
  });
});

test("loadConfig() and readRuleFiles() read UTF-16, as PowerShell writes it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-utf16-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "a.yaml");
  writeFileSync(path, Buffer.from("\uFEFFjson_output: true\r\n", "utf16le"));
  assert.equal(loadConfig(path, { environment: {} }).settings.jsonOutput, true);
  assert.equal(readRuleFiles([path])[0]?.text, "\uFEFFjson_output: true\r\n");
});

test("loadConfig() of the seed's falco.yaml gives no note", () => {
  const { settings, notes } = loadConfig("../shared/seed/falco.yaml", { environment: {} });
  // Whether Falco's rules are there is this machine's affair.
  const others = notes.filter((note) => !note.startsWith("rules_files:"));
  assert.deepEqual(others, []);
  assert.deepEqual(settings.outputs, {
    ...DEFAULT_SETTINGS.outputs,
    syslog: { enabled: true },
    file: { enabled: true, keepAlive: false, filename: "/var/log/falco_report.txt" },
    program: { enabled: true, keepAlive: false, program: "/etc/falco/event_handler.sh" },
    http: { ...DEFAULT_SETTINGS.outputs.http, url: "http://some.url" },
    logLevel: "info",
  });
});

test("loadConfig() takes the rules files that are there, and says which are not", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-config-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const there = join(folder, "there.yaml");
  writeFileSync(there, "");
  const load = (...files: string[]) => {
    const config = join(folder, "falco.yaml");
    writeFileSync(config, `rules_files: ${JSON.stringify(files)}\n`);
    const { settings, notes } = loadConfig(config, { environment: {} });
    return [settings.rulesFiles, ...notes];
  };
  const absent = join(folder, "absent.yaml");
  assert.deepEqual(load(there, absent), [
    [there],
    `rules_files: not there, and left out: ${absent}`,
  ]);
  // A wrong path of one's own is an error when rules are loaded, not a silent change of rules.
  assert.deepEqual(load(absent), [[absent]]);
  assert.deepEqual(load("/etc/falco/none_such.yaml"), [
    [],
    "rules_files: none is there (/etc/falco/none_such.yaml): the shipped rules are loaded",
  ]);
});

test("parseConfig() says nothing of keys that old Falcos had and nobody misses", () => {
  const text = `rules_file: [a.yaml]
outputs: {rate: 1, max_burst: 1000}
webserver: {enabled: false, k8s_audit_endpoint: /k8s-audit}
grpc: {enabled: false, bind_address: x, root_certs: y}
grpc_output: {enabled: false}
metadata_download: {max_mb: 100, chunk_wait_us: 1000}
plugins: [{name: a, library_path: liba.so, init_config: "", open_params: ""}]
load_plugins: []
`;
  const { settings, notes } = parseConfig(text, context);
  assert.deepEqual(notes, []);
  assert.deepEqual(settings.rulesFiles, ["a.yaml"]);
});

test("parseConfig() tells of plug-ins that Falco would load, without load_plugins all of them", () => {
  const plugins =
    "plugins: [{name: container, library_path: a}, {name: k8saudit, library_path: b}]";
  const notesOf = (text: string) => parseConfig(text, context).notes;
  const none =
    "plugins has no effect: Saker loads none, so rules of their sources are not evaluated";
  assert.deepEqual(notesOf(plugins), [`/etc/falco/falco.yaml:1: ${none}`]);
  assert.deepEqual(notesOf(`${plugins}\nload_plugins: [container]`), []);
  assert.deepEqual(notesOf("plugins: [{name: container, library_path: a}]"), []);
});

test("parseConfig() takes the ring's size from each of Falco's names of it", () => {
  const megabytes = (text: string) => parseConfig(text, context).settings.ringBytes / (1 << 20);
  assert.equal(megabytes("syscall_buf_size_preset: 8"), 128);
  assert.equal(megabytes("syscall_buf_size_preset: 11"), 512);
  assert.equal(megabytes("engine: {kind: ebpf, ebpf: {buf_size_preset: 6}}"), 32);
  assert.equal(megabytes("engine: {kind: modern_ebpf, ebpf: {buf_size_preset: 6}}"), 8);
  assert.equal(
    megabytes("syscall_buf_size_preset: 8\nengine: {modern_ebpf: {buf_size_preset: 2}}"),
    2,
  );
});

test("parseConfig() tells of rules_file where rules_files stands, too", () => {
  const { settings, notes } = parseConfig("rules_file: a.yaml\nrules_files: [b.yaml]", context);
  assert.deepEqual(settings.rulesFiles, ["b.yaml"]);
  assert.deepEqual(notes, [
    "/etc/falco/falco.yaml:1: rules_file has no effect: rules_files stands there, too",
  ]);
});

test("parseConfig() expands variables wherever a value stands", () => {
  const text = `static_fields: {a: "\${NESTED}", b: "$\${RULES}", c: "x\${SELF}"}
append_output: [{extra_output: "r=\${RULES}", extra_fields: [{k: "\${RULES}"}]}]
rules: [{disable: {rule: "\${RULES}"}}]
file_output: {filename: "/log/\${UNSET}\${RULES}"}
`;
  const { settings } = parseConfig(text, context);
  assert.deepEqual(settings.staticFields, {
    a: "mine.yaml",
    b: "${RULES}",
    c: `x\${SELF}${"x".repeat(9)}`,
  });
  assert.equal(settings.appendOutput[0]?.format, "r=mine.yaml");
  assert.equal(settings.appendOutput[0]?.fields?.[0]?.format, "mine.yaml");
  assert.deepEqual(settings.ruleSelections, [{ action: "disable", by: { rule: "mine.yaml" } }]);
  assert.equal(settings.outputs.file.filename, "/log/mine.yaml");
});

test("parseConfig() has the memory of captures beyond 2 GiB as it is stated", () => {
  const { settings } = parseConfig("capture: {enabled: on, memory_mb: 4096}", context);
  assert.equal(settings.capture?.ringBytes, 4096 * 1024 * 1024);
  assert.equal(settings.capture?.pathPrefix, "/tmp/falco");
});

test("parseConfig() names every wrong value, each with its place", () => {
  assert.throws(
    () => parseConfig("priority: loud\njson_output: 1\noutput_timeout: -1\n", context),
    (error: unknown) =>
      error instanceof AppError &&
      /"priority" must be one of/.test(error.message) &&
      /yaml:2:14": "json_output" must be true or false\n.*yaml:3:17": "output_timeout" must be a whole number of milliseconds from 1/.test(
        error.hint ?? "",
      ),
  );
});

test("parseConfig() of an empty file changes nothing", () => {
  assert.deepEqual(parseConfig("# nothing\n", context).settings, DEFAULT_SETTINGS);
});

for (const [text, message] of [
  ["priority: loud\n", 'falco.yaml:1:11": "priority" must be one of emergency'],
  [
    "a: 1\nrule_matching: some\n",
    'falco.yaml:2:16": "rule_matching" must be one of first, all, not "some"',
  ],
  ["json_output: perhaps\n", '"json_output" must be true or false'],
  ["kubernetes: {url: 'http://k'}\n", '"kubernetes.url" must be an address of https'],
  ["json_output: [true]\n", '"json_output" must be a single value'],
  [
    "engine: {modern_ebpf: {buf_size_preset: 11}}\n",
    "must be a whole number of Falco's steps from 1 to 10",
  ],
  [
    "engine: {kind: replay}\n",
    '"engine.replay.capture_file" must be there where "engine.kind" is "replay"',
  ],
  ["engine: {kind: nodriver}\n", "for events of plugins alone"],
  ["syscall_event_drops: {actions: [ignore, log]}\n", '"ignore" does not go with "log"'],
  ["http_output: {enabled: true}\n", '"http_output.url" must be there when it is enabled'],
  ['program_output: {enabled: true, program: ""}\n', '"program_output.program" must be there'],
  ["outputs_queue: 5\n", 'falco.yaml:1:16": "outputs_queue" must be a map of keys'],
  ["rules: [{enable: {}}]\n", 'selects by "rule" or "tag"'],
  ["a: &a [*a, *a]\n", 'Alias "a" stands inside of what it names'],
  [`a: ${"[".repeat(20_000)}${"]".repeat(20_000)}`, "nested more than 500 levels deep"],
  ["rules: [{allow: {rule: x}}]\n", 'has entries of "enable" and "disable", not "allow"'],
  ["rules: [{enable: {name: x}}]\n", 'selects by "rule" or "tag", not by "name"'],
  ["append_output: [{matches: {}}]\n", 'has no key "matches"'],
  ["- a\n", "it must be a map of keys"],
  ["a: [\n", "falco.yaml:1:4"],
] as const) {
  test(`parseConfig() refuses ${JSON.stringify(text.slice(0, 50))} with its place`, () => {
    assert.throws(
      () => parseConfig(text, context),
      (error: unknown) =>
        error instanceof AppError &&
        error.code.startsWith("CONFIG_") &&
        error.message.includes(message),
    );
  });
}

test("parseConfig() takes the first of a key that stands twice, as Falco does, and tells", () => {
  // MatejSkultety/PyDetective config/falco.yaml: json_output twice
  const text = "json_output: true\nengine: {kind: kmod, kind: none}\njson_output: false\n";
  const { settings, notes } = parseConfig(text, context);
  assert.equal(settings.jsonOutput, true);
  assert.deepEqual(
    notes.map((note) => note.split(" has no effect")[0]),
    ["/etc/falco/falco.yaml:3: json_output", "/etc/falco/falco.yaml:2: engine.kind"],
  );
});

test("loadConfig() reads the files that options name in config_files; other options win", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-config-"));
  try {
    const [main, more] = [join(folder, "main.yaml"), join(folder, "more.yaml")];
    writeFileSync(main, "priority: warning\n");
    writeFileSync(more, "priority: error\njson_output: true\n");
    const load = (...overrides: string[]) => loadConfig(main, { environment: {}, overrides });
    const { settings, files } = load(`config_files=${more}`, "priority=notice");
    assert.deepEqual([settings.priority, settings.jsonOutput], ["Notice", true]);
    assert.deepEqual(files, [main, more]);
    assert.deepEqual(load(`config_files[]=${more}`).files, [main, more]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("parseConfig() throws nothing but AppError, whatever YAML it is", () => {
  const piece = fc.constantFrom(
    ..."? : - , [ ] { } & * ! | > ' \" % @ # << a b ~ null : \n \n  - \t \0 \u202e".split(" "),
    "&a ",
    "*a",
    "!!binary ",
    "<<: ",
    "--- ",
    "engine:",
    "\n",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseConfig(pieces.join(""), context);
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("parseConfig() throws nothing but AppError, whatever the file holds", () => {
  const key = fc.constantFrom(
    "priority",
    "rules_files",
    "json_output",
    "file_output",
    "engine",
    "stdout_output",
    "ports",
    "enabled",
    "rules",
    "append_output",
    "static_fields",
    "config_files",
    "outputs_queue",
    "capture",
    "load_plugins",
    "webserver",
    "x",
  );
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })), fc.string(), (value, text) => {
      try {
        parseConfig(JSON.stringify(value), context);
        parseConfig(text, context);
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
      }
    }),
  );
});

test("loadConfig() leaves relative rules_files to the working folder, wherever the file lies", (t) => {
  // Seen in public configurations: rules beside a falco.yaml that is started from elsewhere.
  const [folder, start] = [mkdtempSync(join(tmpdir(), "saker-config-")), process.cwd()];
  t.after(() => {
    process.chdir(start);
    rmSync(folder, { recursive: true, force: true });
  });
  mkdirSync(join(folder, "etc"));
  writeFileSync(join(folder, "etc", "falco.yaml"), "rules_files: [a.yaml, b.yaml]\n");
  writeFileSync(join(folder, "etc", "a.yaml"), "");
  writeFileSync(join(folder, "b.yaml"), "");
  process.chdir(folder);
  const { settings, notes } = loadConfig("etc/falco.yaml", { environment: {} });
  assert.deepEqual(settings.rulesFiles, ["b.yaml"]);
  assert.deepEqual(notes, ["rules_files: not there, and left out: a.yaml"]);
});

for (const [text, reason] of [
  ["buffered_outputs: true\nrule_files: [a.yaml]", "rule_files has no effect"],
  ["engine: {modern_ebpf: {drop_failed_exit: true}}", "failed calls that a rule matches"],
  ["falco_libs: {snaplen: 8000}", "80 bytes are kept"],
  ["falco_libs: {thread_table_size: 999}", "who has no room is looked up in /proc"],
  ["container_engines: {docker: {enabled: false}}", "every runtime that is found is asked"],
  ["container_engines: {cri: {sockets: [/x.sock]}}", "CONTAINERD_ADDRESS"],
  ["metrics: {enabled: true, interval: soon}", "1h is used"],
] as const) {
  test(`parseConfig() names what ${text.replaceAll("\n", ", ")} does not give`, () => {
    const { notes } = parseConfig(text, context);
    assert.equal(notes.length, 1);
    assert.ok(notes[0]?.includes(reason), notes[0]);
  });
}

test("parseConfig() reads Falco's webserver and metrics", () => {
  const text = `webserver: {enabled: true, listen_port: 9, ssl_enabled: true, ssl_certificate: /c.pem, prometheus_metrics_enabled: true}
metrics: {enabled: true, interval: 1h30m, output_rule: false, output_file: /m, rules_counters_enabled: true}
engine: {kind: kmod, kmod: {buf_size_preset: 2}}
`;
  const { settings, notes } = parseConfig(text, context);
  assert.deepEqual(notes, []);
  assert.deepEqual(settings.webserver, {
    address: "0.0.0.0",
    port: 9,
    healthzPath: "/healthz",
    metrics: true,
    certificate: "/c.pem",
  });
  assert.equal(settings.metrics?.intervalMs, 5_400_000);
  assert.deepEqual([settings.metrics?.rule, settings.metrics?.file], [false, "/m"]);
  assert.equal(settings.ringBytes, 2 << 20);
});

test("parseConfig() asks the Kubernetes API only where the configuration does", () => {
  const settingsOf = (text: string) => parseConfig(text, context).settings.kubernetes;
  assert.equal(settingsOf("kubernetes: {node: node-1}\n"), undefined);
  const account = "/var/run/secrets/kubernetes.io/serviceaccount";
  assert.deepEqual(settingsOf("kubernetes: {api: true}\n"), {
    node: undefined,
    url: "",
    tokenFile: `${account}/token`,
    caFile: `${account}/ca.crt`,
  });
  const elsewhere = "{api: true, node: n, url: 'https://k:6443', token_file: /t, ca_file: /c}";
  assert.deepEqual(settingsOf(`kubernetes: ${elsewhere}\n`), {
    node: "n",
    url: "https://k:6443",
    tokenFile: "/t",
    caFile: "/c",
  });
});
