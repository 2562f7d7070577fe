#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { fail } from "./exit.ts";
import { VERSION } from "./version.ts";

// Each command loads what it alone needs when it runs, so that `saker fields` starts no eBPF and `saker audit` no rules.
const program = new Command("saker")
  .description("Watches a container host: Falco's rules on its own eBPF probe, newly opened ports, and the TLS behind them")
  .version(VERSION)
  .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
  .showSuggestionAfterError()
  .exitOverride()
  // Errors are printed once, below, in Saker's own form.
  .configureOutput({ outputError: () => {} });

program
  .command("watch")
  .description("watch this host: alerts, newly opened ports and their TLS, until Ctrl-C (needs root)")
  .option("--source <source>", "where events come from: auto, ebpf, falco:FILE (Falco's JSON alerts), falco:- (the same on standard input)", "auto")
  .option("--rules <path>", "rules file or folder; may be given more than once (default: the shipped rules, then falco_custom_rules.yaml)", collect, [])
  .option("--config <file>", "saker.yaml or an existing falco.yaml")
  .option("--report <folder>", "where reports are written", "./report")
  .option("--host-ports", "alert and audit ports that the host itself opens, too")
  .option("--no-audit", "do not examine the TLS of opened ports")
  .option("--json", "alerts and audits as JSON lines on standard output")
  .option("--stats", "statistics every five seconds: events, memory, the rules that take most time")
  .option("--duration <time>", "stop after this time, such as 30s, 5m or 500ms")
  .action(async (options) => (await import("./watch.ts")).watch(options));

program
  .command("audit")
  .description("examine the TLS of ports: host:port, [v6]:port, a URL, container:NAME[:PORT], or listening (all of this host)")
  .argument("<target...>")
  .option("--format <format>", "text, json, nmap", "text")
  .option("--json", "the same as --format json")
  .option("--sni <name>", "server name to ask for")
  .option("--timeout <time>", "the most time for one target", "20s")
  .option("--parallel <number>", "targets examined at once", "4")
  .action(async (targets, options) => (await import("./audit.ts")).audit(targets, options));

program
  .command("observe")
  .description("follow an openport.txt (JSON alerts, as Falco or saker watch write them) and audit each new port")
  .argument("<file>")
  .option("--report <folder>", "where reports are written", "./report")
  .option("--json", "audits as JSON lines on standard output")
  .option("--duration <time>", "stop after this time, such as 30s")
  .action(async (file, options) => (await import("./observe.ts")).observe(file, options));

program
  .command("ports")
  .description("what listens now, in which container, and from where it can be reached")
  .option("--report <folder>", "where watch writes its reports: the last grade of a port is read there", "./report")
  .option("--json", "one JSON object a port")
  .action(async (options) => (await import("./ports.ts")).ports(options));

const rules = program.command("rules").description("rules: check, list");
rules
  .command("check")
  .description("load and validate rule files; every error with its place")
  .argument("[path...]", "rules files or folders (default: the shipped rules)")
  .option("--json", "Falco's own result shape")
  .action(async (paths, options) => (await import("./rules.ts")).checkRules(paths, options));
rules
  .command("list")
  .description("the rules that are loaded, with priority and tags")
  .argument("[path...]", "rules files or folders (default: the shipped rules)")
  .option("--json", "one JSON object a rule")
  .action(async (paths, options) => (await import("./rules.ts")).listRules(paths, options));

program
  .command("fields")
  .description("the fields that rules may ask for, from the table itself")
  .argument("[class]", "one class: evt, process, user, group, fd, fs.path, container, k8s")
  .option("--json", "one JSON object a field")
  .action(async (className, options) => (await import("./fields.ts")).fields(className, options));

program
  .command("doctor")
  .description("kernel, privileges, container runtime, rules: what works, what does not, what to do")
  .option("--json", "one JSON object a check")
  .action(async (options) => (await import("./doctor.ts")).doctor(options));

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

// A reader that went away (`saker fields | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

try {
  await program.parseAsync();
} catch (thrown) {
  // Help and version were asked for and are printed already.
  if (thrown instanceof CommanderError && thrown.exitCode === 0) process.exitCode = 0;
  else fail(thrown);
}
