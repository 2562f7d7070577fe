import type { Option } from "../outputs/option.ts";
import { OUTPUT_KINDS } from "../outputs/registry.ts";
import { SEVERITIES, type Severity } from "../outputs/syslog.ts";
import { PRIORITIES, type Priority, priorityByName } from "../rules/priority.ts";
import {
  CAPTURE_MODES,
  type CaptureMode,
  DROP_ACTIONS,
  type DropAction,
  DURABILITIES,
} from "./choices.ts";
import { defineKey as key, type Key } from "./key.ts";
import { KUBERNETES_KEYS } from "./kubernetes-keys.ts";
import { METRICS_KEYS } from "./metrics-keys.ts";
import {
  APPENDED_OUTPUTS,
  CUSTOM_FIELDS,
  SELECTIONS,
  STATIC_FIELDS,
  TEMPLATES,
} from "./rule-options.ts";
import {
  CONFIG_FILES,
  decimal,
  FLAG,
  HTTP_URL,
  PAIRS,
  RATE,
  TEXT,
  TEXTS,
  type ValueType,
  whole,
  word,
  WORDS,
} from "./value-type.ts";

const DAY_MS = 86_400_000;

/** What `engine.kind` may say: what watches the host is Saker's own probe, whatever its name. */
const ENGINE_KINDS = ["modern_ebpf", "kmod", "ebpf", "replay"] as const;

/** Every key that has an effect, by its name in the program. */
export const KEYS = {
  configFiles: key("config_files", CONFIG_FILES, {
    default: [],
    doc: "Further configurations, files or folders, joined with this one: lists by `append`, the default strategy, or replaced by `override`; `add-only` takes new keys alone. Those that are not there are skipped.",
  }),
  rulesFiles: key("rules_files", TEXTS, {
    default: [],
    doc: "Rules files and folders, in this order; relative paths start at the working folder. Those that are not there are skipped. Without it, Saker's own rules.",
  }),
  rulesFile: key("rules_file", TEXTS, { default: [], doc: "Falco's old name of `rules_files`." }),
  watchRules: key("watch_config_files", FLAG, {
    default: true,
    doc: "Rules are loaded anew when their files change.",
  }),
  priority: key(
    "priority",
    word<Priority>(
      PRIORITIES.map((name) => name.toLowerCase()),
      priorityByName,
    ),
    { default: "Debug", doc: "Rules that are less urgent are not loaded." },
  ),
  ruleMatching: key("rule_matching", word(["first", "all"], exactly(["first", "all"] as const)), {
    default: "first",
    doc: "Whether the first rule that matches an event is the only one that gives an alert.",
  }),
  ruleSelections: key("rules", SELECTIONS, {
    default: [],
    doc: "Rules switched on and off by name (`*` stands for anything) or tag, in this order, when all are loaded.",
  }),
  appendOutput: key("append_output", APPENDED_OUTPUTS, {
    default: [{ suggested: true }],
    doc: "What is added to the outputs of rules. `suggested_output`, the default, adds the container's and the pod's fields where the output does not have them.",
  }),
  staticFields: key("static_fields", STATIC_FIELDS, {
    default: {},
    doc: "Constant fields `static.NAME` for conditions and outputs.",
  }),
  json: key("json_output", FLAG, {
    default: false,
    doc: "Alerts are lines of JSON wherever they go.",
  }),
  jsonOutputProperty: key("json_include_output_property", FLAG, {
    default: true,
    doc: "Whether the JSON has `output`, the line of text.",
  }),
  jsonMessageProperty: key("json_include_message_property", FLAG, {
    default: false,
    doc: "Whether the JSON has `message`, the output without time and priority.",
  }),
  jsonOutputFieldsProperty: key("json_include_output_fields_property", FLAG, {
    default: true,
    doc: "Whether the JSON has `output_fields`.",
  }),
  jsonTagsProperty: key("json_include_tags_property", FLAG, {
    default: true,
    doc: "Whether the JSON has `tags`.",
  }),
  isoTime: key("time_format_iso_8601", FLAG, {
    default: false,
    doc: "Times in UTC with their date instead of the local clock's.",
  }),
  logLevel: key("log_level", word<Severity>(SEVERITIES, exactly(SEVERITIES)), {
    default: "info",
    doc: "The least urgent of Saker's own problems (warning) and notes (info) that are reported.",
  }),
  logStderr: key("log_stderr", FLAG, {
    default: true,
    doc: "Saker's own problems and notes on standard error.",
  }),
  logSyslog: key("log_syslog", FLAG, {
    default: false,
    doc: "Saker's own problems and notes to syslog. Falco's default is true.",
  }),
  outputTimeout: key("output_timeout", whole("milliseconds", 1, DAY_MS), {
    default: 2000,
    doc: "An output that takes longer for an alert is reported; the others are not held.",
  }),
  queueCapacity: key("outputs_queue.capacity", whole("alerts", 0, 10_000_000), {
    default: 0,
    doc: "The most alerts that wait in memory for each output, 0 for 10,000. When it is full an output that sends elsewhere leaves further ones to the store; of another, and without a store, the oldest of the container that has most there are dropped, counted.",
  }),
  base64Buffers: key("buffer_format_base64", FLAG, {
    default: false,
    doc: "`%evt.buffer` prints as Base64 in place of text with dots.",
  }),
  ringPreset: key("engine.modern_ebpf.buf_size_preset", whole("Falco's steps", 1, 10), {
    default: 4,
    doc: "Memory for events that wait to be read: 1 to 10 are 1, 2, 4 … 512 MB.",
  }),
  kmodRingPreset: key("engine.kmod.buf_size_preset", whole("Falco's steps", 1, 10), {
    default: 4,
    doc: "The same where `engine.kind` is `kmod`.",
  }),
  ebpfRingPreset: key("engine.ebpf.buf_size_preset", whole("Falco's steps", 1, 10), {
    default: 4,
    doc: "The same where `engine.kind` is `ebpf`.",
  }),
  // Falco reads any number here, and the old name is in many files.
  oldRingPreset: key("syscall_buf_size_preset", whole("Falco's steps", 1, 2 ** 31), {
    default: 4,
    doc: "Falco's old name of them: holds where `engine` names no other than the default; more than 10 counts as 10.",
  }),
  engineKind: key("engine.kind", engineKind(), {
    default: "modern_ebpf",
    doc: "Saker's own probe stands for each that watches the host. With `replay`, `saker falco` replays the capture; `saker watch` refuses it.",
  }),
  replayFile: key("engine.replay.capture_file", TEXT, {
    default: "",
    doc: "The capture that is replayed where `engine.kind` is `replay`.",
  }),
  baseCustomSet: key("base_syscalls.custom_set", TEXTS, {
    default: [],
    doc: "Calls that are traced whether a rule asks for them or not, by name; `!name` leaves one out, whoever asks. Saker's own knowledge of processes needs none of them.",
  }),
  baseRepair: key("base_syscalls.repair", FLAG, {
    default: false,
    doc: "Falco's smaller set of calls that its state needs.",
    neutral: "Saker's state needs neither set",
  }),
  baseAll: key("base_syscalls.all", FLAG, {
    default: false,
    doc: "Calls that only read and write (`read`, `write`, `send`, `sendfile` and their kin) are sent where a rule asks for them. Programs make them all the time: each costs what an event costs.",
  }),
  dropThreshold: key("syscall_event_drops.threshold", decimal(0, 1), {
    default: 0,
    doc: "Losses are reported from this share of the events on. Falco's default is 0.1.",
  }),
  dropActions: key("syscall_event_drops.actions", dropActions(), {
    default: ["log", "alert"],
    doc: `What is done then: ${DROP_ACTIONS.join(", ")}.`,
  }),
  dropRate: key("syscall_event_drops.rate", decimal(1e-9, 1e9), {
    default: 0.03333,
    doc: "Times a second that losses may be reported, on average.",
  }),
  repeatsMax: key("repeated_alerts.max", whole("alerts", 0, 10_000_000), {
    default: 100,
    doc: 'Saker\'s own: so many alerts of one rule with the same `repeated_alerts.fields` are written in an interval, 0 for no limit. Those beyond become one at its end: "seen N more times", with `saker.repeats` among its output fields.',
  }),
  repeatsContainerMax: key("repeated_alerts.container_max", whole("alerts", 0, 10_000_000), {
    default: 1000,
    doc: "Saker's own: the same for all alerts of one container, or of the host; beyond it each rule's are counted together. Never for a port that is opened the first time.",
  }),
  repeatsInterval: key("repeated_alerts.interval", whole("milliseconds", 100, DAY_MS), {
    default: 10_000,
    doc: "Saker's own: how long alerts are counted together.",
  }),
  repeatsFields: key("repeated_alerts.fields", TEXTS, {
    default: ["container.id", "proc.exepath", "fd.name"],
    doc: "Saker's own: the fields that tell alerts of one rule apart, where they are counted.",
  }),
  captureEnabled: key("capture.enabled", FLAG, {
    default: false,
    doc: "The events around a rule's match go into a capture file.",
  }),
  capturePathPrefix: key("capture.path_prefix", TEXT, {
    default: "/tmp/falco",
    doc: "How these files are called; the time and the event's number follow.",
  }),
  captureMode: key("capture.mode", captureMode(), {
    default: "rules",
    doc: "Rules with `capture: true`, or all.",
  }),
  captureDuration: key("capture.default_duration", whole("milliseconds", 0, DAY_MS), {
    default: 5000,
    doc: "How long events are written after a match, where the rule does not say.",
  }),
  captureMaxFileSize: key("capture.max_file_size_mb", whole("megabytes", 0, 1_000_000), {
    default: 0,
    doc: "The size at which a file ends, 0 for none.",
  }),
  captureMaxFiles: key("capture.max_files", whole("files", 0, 1_000_000), {
    default: 100,
    doc: "Saker's own: when so many captures lie there no further one is written, 0 for no limit.",
  }),
  captureMaxTotal: key("capture.max_total_mb", whole("megabytes", 0, 1_000_000), {
    default: 2000,
    doc: "Saker's own: the most that all captures there may have, 0 for no limit.",
  }),
  captureBefore: key("capture.before", whole("milliseconds", 0, DAY_MS), {
    default: 5000,
    doc: "Saker's own: how long before the match a file begins, as far as `memory_mb` holds it.",
  }),
  captureMemory: key("capture.memory_mb", whole("megabytes", 1, 65_536), {
    default: 32,
    doc: "Saker's own: memory for the events before a match.",
  }),
  hostPorts: key("ports.host", FLAG, {
    default: false,
    doc: "Saker's own: ports that the host itself opens give alerts and audits, too.",
  }),
  storeEnabled: key("store.enabled", FLAG, {
    default: true,
    doc: "Saker's own: alerts, ports and audits are kept in a database; off, in memory until the end, as far as the page is on.",
  }),
  storePath: key("store.path", TEXT, {
    default: "",
    doc: "Saker's own: its file; empty for `store/saker.db` in the report folder. Nobody else may write to its folder.",
  }),
  storeUrl: key("store.url", TEXT, {
    default: "",
    doc: "Saker's own: `postgresql://USER@HOST/DATABASE`, in place of a file.",
  }),
  storeDurability: key("store.durability", word(DURABILITIES, exactly(DURABILITIES)), {
    default: "normal",
    doc: "Saker's own: `full` keeps what was written through a power failure, too, and waits for the disk each time.",
  }),
  storeDays: key("store.days", whole("days", 1, 36_500), {
    default: 30,
    doc: "Saker's own: what is older is removed.",
  }),
  storeMegabytes: key("store.megabytes", whole("megabytes", 4, 10_000_000), {
    default: 1000,
    doc: "Saker's own: when the database is larger, the oldest is removed.",
  }),
  ...METRICS_KEYS,
  ...KUBERNETES_KEYS,
  customFields: key("customfields", CUSTOM_FIELDS, {
    default: {},
    doc: "falcosidekick's: output fields that every alert for a service has besides.",
  }),
  templatedFields: key("templatedfields", TEMPLATES, {
    default: {},
    doc: 'falcosidekick\'s: output fields made of an alert\'s others, for services. Of Go\'s templates `{{ .name }}`, `{{ index . "a.name" }}` and `{{ or … "text" }}` are read.',
  }),
  customTags: key("customtags", WORDS, {
    default: [],
    doc: "falcosidekick's: tags that every alert for a service has besides; several in one text with commas between.",
  }),
  webEnabled: key("web.enabled", FLAG, {
    default: true,
    doc: "Saker's own: the page, its API and metrics are served.",
  }),
  webAddress: key("web.address", TEXT, {
    default: "127.0.0.1",
    doc: "Saker's own: where. Others than loopback are served over TLS, unless web.insecure.",
  }),
  webPort: key("web.port", whole("port", 0, 65_535), {
    default: 2803,
    doc: "Saker's own: at which port, 0 for any.",
  }),
  webHosts: key("web.hosts", TEXTS, {
    default: [],
    doc: "Saker's own: further names, as `HOST` or `HOST:PORT`, by which the page is reached, as behind a proxy. Requests under other names are refused.",
  }),
  webCertificate: key("web.certificate", TEXT, {
    default: "",
    doc: "Saker's own: its certificate and chain (PEM); with it the page is served over TLS.",
  }),
  webKey: key("web.key", TEXT, { default: "", doc: "Saker's own: the certificate's key (PEM)." }),
  webTls: key("web.tls", FLAG, {
    default: false,
    doc: "Saker's own: over TLS on loopback, too. Without web.certificate Saker makes a certificate and signs it itself; its fingerprint is shown beside the page's address.",
  }),
  webInsecure: key("web.insecure", FLAG, {
    default: false,
    doc: "Saker's own: served without TLS to others than this host, too: who listens on the way reads the token.",
  }),
} as const;

/** The keys of every output's section, made from the outputs' own tables. */
export const OUTPUT_KEYS: readonly Key<unknown>[] = Object.values(OUTPUT_KINDS).flatMap(
  ({ section, options }) =>
    Object.values<Option<unknown>>(options).map((option) => outputKey(section, option)),
);

/** The key of one output's option. */
export function outputKey<Value>(section: string, option: Option<Value>): Key<Value> {
  const { default: value, doc, neutral, secret } = option;
  const type = typeOf(option) as ValueType<Value>;
  const name = `${section}.${option.key}`;
  return {
    name,
    type,
    default: value,
    doc,
    ...(neutral === undefined ? {} : { neutral }),
    ...(secret === undefined ? {} : { secret }),
  };
}

function typeOf(option: Option<unknown>): ValueType<unknown> {
  const { default: value, minimum = 0, words } = option;
  if (option.isMap === true) return PAIRS;
  if (option.isUrl === true) return HTTP_URL;
  if (option.isRate === true) return RATE;
  if (Array.isArray(value)) return listOf(words ?? []);
  if (words !== undefined) return word(words, exactly(words));
  if (typeof value === "boolean") return FLAG;
  return typeof value === "number" ? whole("units", minimum, 1_000_000_000) : TEXT;
}

/** Several of these, at least one. */
function listOf(words: readonly string[]): ValueType<readonly string[]> {
  const list = words.join(", ");
  return {
    name: `list of ${list}`,
    schema: { type: ["array", "string"], items: { enum: words } },
    read: (node, fail) => {
      const found = WORDS.read(node, fail).map(
        (text) => exactly(words)(text) ?? fail(`"${text}" is none of ${list}`, node),
      );
      return found.length > 0 ? found : fail(`must have one of ${list} at least`, node);
    },
  };
}

/** A word in any case. */
function exactly<Word extends string>(words: readonly Word[]): (text: string) => Word | undefined {
  return (text) => words.find((known) => known === text.toLowerCase());
}

function captureMode(): ValueType<CaptureMode> {
  return {
    ...word(CAPTURE_MODES, exactly(CAPTURE_MODES)),
    read: (node, fail) => {
      const mode = TEXT.read(node, fail);
      return (
        exactly(CAPTURE_MODES)(mode) ??
        fail(`'${mode}' is not a valid mode: it must be rules or all_rules`, node)
      );
    },
  };
}

function engineKind(): ValueType<(typeof ENGINE_KINDS)[number]> {
  return {
    ...word(ENGINE_KINDS, exactly(ENGINE_KINDS)),
    read: (node, fail) => {
      const text = TEXT.read(node, fail);
      const reason =
        text.toLowerCase() === "nodriver"
          ? ": that is for events of plugins alone, and Saker has none"
          : "";
      return (
        exactly(ENGINE_KINDS)(text) ??
        fail(`must be one of ${ENGINE_KINDS.join(", ")}, not "${text}"${reason}`, node)
      );
    },
  };
}

function dropActions(): ValueType<readonly DropAction[]> {
  return {
    name: `list of ${DROP_ACTIONS.join(", ")}`,
    schema: { type: ["array", "string"], items: { enum: DROP_ACTIONS } },
    read: (node, fail) => {
      const actions = TEXTS.read(node, fail).map(
        (name) =>
          exactly(DROP_ACTIONS)(name) ??
          fail(`"${name}" is none of ${DROP_ACTIONS.join(", ")}`, node),
      );
      return actions.includes("ignore") && actions.length > 1
        ? fail(`"ignore" does not go with "${actions.find((name) => name !== "ignore")}"`, node)
        : actions;
    },
  };
}
