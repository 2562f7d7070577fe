import { join } from "node:path";
import type { Alert } from "../alerts/alert.ts";
import type { NmapOptions } from "../audit/nmap-scanner.ts";
import { hostNameOf } from "../config/host-name.ts";
import type { LoadedConfig } from "../config/config-file.ts";
import type { ReportPlaces } from "../config/report-places.ts";
import { SHIPPED_RULES } from "../config/rule-files.ts";
import type { Settings } from "../config/settings.ts";
import { whoElseWrites } from "../untrusted/who-else-writes.ts";
import { internalAlert } from "../engine/drop-policy.ts";
import type { WatchSource } from "../engine/watch-options.ts";
import type { NewsBody } from "../news/news.ts";
import { PROBE_EVENTS } from "../capture/probe-sight.ts";
import { frequentCallsNote } from "../rules/frequent-calls.ts";
import { sentEvents, unknownCalls } from "../rules/selected-calls.ts";
import type { LostAlerts } from "../outputs/loss-reports.ts";
import { openOutputs } from "../outputs/open-outputs.ts";
import type { Outbox } from "../outputs/outbox.ts";
import type { Output } from "../outputs/output.ts";
import { REFUSED_FILE, RefusedFile } from "../outputs/refused-file.ts";
import type { ReportFolder } from "../outputs/report-folder.ts";
import type { RuleSet } from "../rules/rule-set.ts";
import { INHERITED_PROBE, inheritedProbe } from "./confinement.ts";
import { formatOf } from "./format-of.ts";
import { LiveRules } from "./live-rules.ts";
import { type LoadedRuleSet, loadRuleSet } from "./load-rule-set.ts";
import { portsNote } from "./ports-note.ts";
import type { Terminal } from "./terminal.ts";
import type { Source, WatchOptions } from "./watch-options.ts";

/** What the options of a watch mean. */
export interface ReadOptions {
  readonly source: Source;
  readonly loaded: LoadedConfig;
  readonly places: ReportPlaces;
  /** nmap, where it examines ports. */
  readonly nmap?: NmapOptions | undefined;
}

/** The source that the options mean; `rules`: for a kernel's events. Throws `USAGE_SOURCE`. */
export async function sourceOf(source: Source, rules: RuleSet | undefined): Promise<WatchSource> {
  if (source.kind === "falco") {
    if ("file" in source)
      return { kind: "falco", input: source.file === "-" ? process.stdin : source.file };
    const { listenForLines } = await import("../capture/http-lines.ts");
    const { port, stream } = await listenForLines(source.http);
    return { kind: "falco", input: stream, name: `http, port ${port} of ${source.http.address}` };
  }
  if (rules === undefined) throw new Error("a kernel is watched by rules");
  const probe = inheritedProbe(process.env);
  // It is of no use to anybody a second time.
  delete process.env[INHERITED_PROBE];
  return { kind: "kernel", by: source.by, rules, probe };
}

/**
 * The rules that the options and settings name, loaded; and again when they change. Says which files
 * they are from, and of each once who else may change it.
 */
export function rulesOf(options: WatchOptions, settings: Settings, terminal: Terminal): LiveRules {
  const paths = options.rules.length > 0 ? options.rules : settings.rulesFiles;
  const warned = new Set<string>();
  const sent = sentEvents(PROBE_EVENTS, settings.baseSyscalls);
  const load = (): LoadedRuleSet => {
    const loaded = loadRuleSet(paths, {
      settings,
      enable: settings.hostPorts || options.hostPorts === true ? ["Port opened on host"] : [],
      ...(options.source === "sockets" ? {} : { sentEvents: sent }),
      onWarning: (text) => terminal.note(text),
    });
    const own = loaded.files.filter(({ name }) => !name.startsWith(SHIPPED_RULES));
    warnOfWriters(
      own.map(({ name }) => name),
      { terminal, warned },
    );
    const cost = options.source === "sockets" ? undefined : frequentCallsNote(loaded.rules, sent);
    for (const note of [cost, portsNote(loaded.rules)]) if (note !== undefined) terminal.note(note);
    return loaded;
  };
  for (const name of unknownCalls(settings.baseSyscalls))
    terminal.problem(`base_syscalls.custom_set: there is no call "${name}"`);
  const rules = new LiveRules({ paths, load, terminal });
  const names = rules.loaded.files.map(({ name }) => name);
  const more = names.length > FILES_SHOWN_MAX ? ` and ${names.length - FILES_SHOWN_MAX} more` : "";
  terminal.note(`rules from ${names.slice(0, FILES_SHOWN_MAX).join(", ")}${more}`);
  return rules;
}

const FILES_SHOWN_MAX = 8;

/** Who named a file has decided to trust it, and is to know whom that means. */
export function warnOfWriters(
  files: readonly string[],
  { terminal, warned }: { readonly terminal: Terminal; readonly warned: Set<string> },
): void {
  for (const file of files) {
    const who = whoElseWrites(file);
    if (who === undefined || warned.has(file)) continue;
    warned.add(file);
    terminal.problem(`${file} decides what is watched, and ${who}`);
  }
}

/** What outputs have around them. */
export interface AroundOutputs {
  readonly reports: ReportFolder;
  readonly terminal: Terminal;
  /** Undefined where nothing is kept. */
  readonly outbox: Outbox | undefined;
  readonly publish: (news: NewsBody) => void;
}

/** The outputs that the options and settings switch on. */
export function outputsOf(
  options: WatchOptions,
  { source, loaded: { settings }, places }: ReadOptions,
  { reports, terminal, outbox, publish }: AroundOutputs,
): Promise<readonly Output[]> {
  return openOutputs(settings.outputs, {
    format: formatOf(settings),
    json: settings.jsonOutput,
    stdout: {
      stream: process.stdout,
      json: options.json === true ? true : undefined,
      paint: terminal.paint,
    },
    environment: process.env,
    report: {
      alertFiles: [reports.alertsFile, ...places.alertFiles],
      openPortFiles: [reports.openPortFile, ...places.openPortFiles],
    },
    metricsFile: settings.metrics?.file,
    sourceFile: "file" in source && source.file !== "-" ? source.file : undefined,
    outbox,
    refused: new RefusedFile({
      path: join(reports.path, REFUSED_FILE),
      onProblem: (text) => terminal.problem(text),
    }),
    onLost: (lost) => publish({ kind: "alert", alert: lostAlert(lost, hostNameOf(process.env)) }),
    onProblem: (text) => terminal.problem(text),
    onNote: (text) => terminal.note(text),
  });
}

/** Told in all outputs, for one that has lost alerts may work again. */
function lostAlert({ output, target, count, reason }: LostAlerts, host: string): Alert {
  return internalAlert({
    rule: "Saker internal: alerts lost",
    priority: "Error",
    message: `Saker internal: alerts lost. ${count} alerts so far did not reach ${output} at ${target}: ${reason}.`,
    fields: { "saker.output": output, "saker.lost": count },
    host,
  });
}
