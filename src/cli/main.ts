#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import { hostRootOf } from "../config/host-root.ts";
import { useHostRoot } from "../lib/host-root.ts";
import { fail } from "./exit.ts";
import { collect, ofWatch } from "./command-options.ts";
import { addFalcoCommand } from "./falco-command.ts";
import { addOutputsCommand } from "./outputs-command.ts";
import { addSilenceCommand } from "./silence-command.ts";
import { watchStandardOutput } from "./standard-output.ts";
import { endSoon } from "./stop.ts";
import { VERSION } from "./version.ts";

// Each command loads what it alone needs when it runs, so that `saker fields` starts no eBPF and
// `saker audit` no rules.
const program = new Command("saker")
  .description(
    "Watches a container host: Falco's rules on its own eBPF probe, newly opened ports, and the TLS behind them",
  )
  .version(VERSION)
  .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
  .showSuggestionAfterError()
  .exitOverride()
  // Behind a command its options are its own: Falco's -V is no question for our version.
  .enablePositionalOptions()
  // Errors are printed once, below, in Saker's own form.
  .configureOutput({ outputError: () => {} });

program
  .command("watch")
  .description(
    "watch this host: alerts, newly opened ports and their TLS, until Ctrl-C (needs root)",
  )
  .option(
    "--source <source>",
    "where events come from: auto, ebpf, sockets (without eBPF: programs that start, ports and files that are opened), falco:FILE (Falco's JSON alerts), falco:- (the same on standard input), falco:http (Falco's http_output, at 127.0.0.1:2801 or falco:http://ADDRESS:PORT)",
    "auto",
  )
  .option(
    "--rules <path>",
    "rules file or folder; may be given more than once (default: the shipped rules, then falco_custom_rules.yaml)",
    collect,
    [],
  )
  .option("--config <file>", "saker.yaml or an existing falco.yaml")
  .option(
    "-o, --override <key=value>",
    "a key of the configuration with another value, such as json_output=true; may be given more than once",
    collect,
    [],
  )
  .option(
    "-A, --all-events",
    "send calls that only read and write, too, where a rule asks for them (as base_syscalls.all)",
  )
  .option("--report <folder>", "where reports are written (default: ./report)")
  .option("--host-ports", "alert and audit ports that the host itself opens, too")
  .option("--no-audit", "do not examine the TLS of opened ports")
  .addOption(
    new Option(
      "--scanner <scanner>",
      "who examines opened ports: Saker itself, or nmap (its script ssl-enum-ciphers, which asks for suites alone)",
    )
      .choices(["saker", "nmap"])
      .default("saker"),
  )
  .option("--json", "alerts as Falco's JSON lines on standard output, and nothing else there")
  .option("--with-audits", "with --json: each finished audit as a JSON line among them")
  .option(
    "--buffer <size>",
    "memory for events that wait to be read, such as 32M (default: 8M, or engine.modern_ebpf.buf_size_preset)",
  )
  .option(
    "--no-store",
    "keep no alerts, ports and audits on disk: the page shows what memory holds",
  )
  .option("--no-web", "serve no page, no API and no metrics")
  .option("--stats", "statistics every five seconds: events, memory, the rules that take most time")
  .option("--duration <time>", "stop after this time, such as 30s, 5m or 500ms")
  .action(async (options) => (await import("./confined-watch.ts")).confinedWatch(options));

program
  .command("serve")
  .description(
    "serve the page of what a watch has kept, and of alerts that come by HTTP (Falco's http_output, falcosidekick), until Ctrl-C",
  )
  .option("--config <file>", "saker.yaml or an existing falco.yaml")
  .option(
    "-o, --override <key=value>",
    "a key of the configuration with another value, such as web.port=8080; may be given more than once",
    collect,
    [],
  )
  .option("--report <folder>", "where watch writes its reports (default: ./report)")
  .action(async (options) => (await import("./serve.ts")).serve(options));

ofWatch(
  program
    .command("open")
    .description("print the page's address, with a word that logs in once within ten minutes"),
).action(async (options) => (await import("./open.ts")).open(options));

addSilenceCommand(program);

program
  .command("audit")
  .description(
    "examine the TLS of ports: host:port, [v6]:port, a URL, container:NAME[:PORT], listening (all of this host), @FILE or - (targets, one a line)",
  )
  .argument("[target...]")
  .option(
    "--format <format>",
    "text, json (a line each where there are many targets), jsonl, csv, nmap (normal output), nmap-xml, html (one page for all targets)",
    "text",
  )
  .option("--json", "the same as --format json")
  .option("--output <file>", "write the reports there; standard output gets a line for each target")
  .option("--sni <name>", "server name to ask for")
  .option(
    "--starttls <protocol>",
    "protocol in which TLS is asked for, such as smtp, imap, postgresql; auto finds out",
    "auto",
  )
  .option("--ca-file <file>", "certificates (PEM) that are trusted, instead of the system's")
  .option(
    "--revocation",
    "ask the certificates' authorities, by OCSP and by their lists (http), whether they are revoked: connects to the hosts that a trusted chain names",
  )
  .option(
    "--fail-under <grade>",
    "exit with 1 when a target has a worse overall grade or none: A+ to F; T (not trusted) and M (another name) are worse than all letters",
  )
  .option(
    "--ignore-trust",
    "with --fail-under: take the grade that the server would have if its certificate were trusted and for this name",
  )
  .option("--schema", "print the JSON Schema of --format json and do nothing else")
  .option(
    "--timeout <time>",
    "the most time for one target (default: 20s without an answer, 80s in all)",
  )
  .option("--parallel <number>", "targets examined at once", "4")
  .option("--rate <number>", "the most connections that begin in a second, to all targets together")
  .option(
    "--resume <file>",
    "keep there what was done, and go on from there; --output is added to then",
  )
  .action(async (targets, options) => (await import("./audit.ts")).audit(targets, options));

program
  .command("observe")
  .description(
    "follow an openport.txt (JSON alerts, as Falco or saker watch write them; - for standard input) and audit each new port",
  )
  .argument("<file>")
  .option("--report <folder>", "where reports are written", "./report")
  .option("--json", "audits as JSON lines on standard output")
  .option("--duration <time>", "stop after this time, such as 30s")
  .action(async (file, options) => (await import("./observe.ts")).observe(file, options));

program
  .command("ports")
  .description("what listens now, in which container, and from where it can be reached")
  .option(
    "--report <folder>",
    "where watch writes its reports: the last grade of a port is read there",
    "./report",
  )
  .option("--json", "one JSON object a port")
  .action(async (options) => (await import("./ports.ts")).ports(options));

program
  .command("replay")
  .description(
    "rules over a capture file (.scap, plain or gzip), or with --write a part of it into another",
  )
  .argument("<file>")
  .option(
    "--rules <path>",
    "rules file or folder; may be given more than once (default: the shipped rules)",
    collect,
    [],
  )
  .option("--config <file>", "saker.yaml or an existing falco.yaml")
  .option("-o, --override <key=value>", "a key's value over the file's", collect, [])
  .option(
    "--from <moment>",
    "begin there: 10s (after the first event), 14:05:30 or 2026-11-23T14:05:30Z; what comes before makes the state",
  )
  .option("--to <moment>", "end there")
  .option(
    "--where <condition>",
    'only events that satisfy this condition, such as "proc.name = cat"',
  )
  .option(
    "--write <file>",
    "write the events that are meant into another capture, with all that they need",
  )
  .option("--json", "alerts as JSON lines")
  .option(
    "--stats",
    "events by type, alerts by rule, the rules that took most time, events a second",
  )
  .action(async (file, options) => (await import("./replay.ts")).replay(file, options));

program
  .command("record")
  .description(
    "this host's events into a capture file, until Ctrl-C: for saker replay, Falco, sysdig and Stratoshark (needs root)",
  )
  .requiredOption("-o, --output <file>", "the file")
  .option("--duration <time>", "stop after this time, such as 30s, 5m or 500ms")
  .option("--max-size <size>", "stop when the file has this size, such as 500M or 2G", "4G")
  .option(
    "--buffer <size>",
    "memory for events that wait to be written, such as 128M (default: 64M)",
  )
  .option("--config <file>", "saker.yaml or an existing falco.yaml: the size of the ring")
  .action(async (options) => (await import("./record.ts")).record(options));

program
  .command("events")
  .description(
    "the events of a capture file, a line each; without a file the register of event types and their parameters",
  )
  .argument("[file]")
  .option(
    "--where <condition>",
    'only events that satisfy this condition, such as "evt.type = openat and fd.name startswith /etc"',
  )
  .option(
    "--format <output>",
    "fields to print, as in a rule's output (default: number, time, processor, process, event, parameters)",
  )
  .option(
    "--from <moment>",
    "begin there: 10s (after the first event), 14:05:30 or 2026-11-23T14:05:30Z",
  )
  .option("--to <moment>", "end there")
  .option("--limit <number>", "stop after so many events")
  .option("--all", "of the register, event types of old captures, too")
  .option("--json", "one JSON object an event, or an event type")
  .action(async (file, options) => (await import("./events.ts")).events(file, options));

addFalcoCommand(program);
addOutputsCommand(program);

const config = program.command("config").description("the configuration: print, check, schema");
config
  .command("print")
  .description("every key with the value that holds and where it is from")
  .argument("[file]", "saker.yaml or an existing falco.yaml (default: none, so the defaults)")
  .option("-o, --override <key=value>", "a key's value over the file's", collect, [])
  .option("--json", "one JSON object")
  .action(async (file, options) => (await import("./config.ts")).configPrint(file, options));
config
  .command("check")
  .description("every wrong value and every key without an effect, with its place")
  .argument("<file>", "saker.yaml or an existing falco.yaml")
  .option("-o, --override <key=value>", "a key's value over the file's", collect, [])
  .option("--json", "one JSON object")
  .action(async (file, options) => (await import("./config.ts")).configCheck(file, options));
config
  .command("schema")
  .description("a JSON Schema of the configuration, for editors")
  .action(async () => (await import("./config.ts")).configSchemaText());
const RULES_FILES =
  "rules file or folder; may be given more than once (default: the shipped rules)";
const RULES_OPTION = "the same; may be given more than once, and comes behind the others";

const rules = program
  .command("rules")
  .description("rules: check, list, show, explain, test, tune, install, lsp, schema");
rules
  .command("check")
  .description(
    "load and validate rule files; every error with its place, exit code 1 when one does not load",
  )
  .argument(
    "[path...]",
    "rules files or folders, loaded in this order (default: the shipped rules)",
  )
  .option("--rules <path>", RULES_OPTION, collect, [])
  .option("--json", "Falco's own result shape")
  .option("--cost", "what each rule costs, the dearest first")
  .action(async (paths, options) =>
    options.cost === true
      ? (await import("./rules-cost.ts")).checkCost([...paths, ...options.rules], options)
      : (await import("./rules-check.ts")).checkRules([...paths, ...options.rules], options),
  );
rules
  .command("list")
  .description("the rules that are loaded, with priority and tags")
  .argument("[path...]", "rules files or folders (default: the shipped rules)")
  .option("--name <pattern>", "rules of this name, * stands for anything")
  .option("--tag <tag>", "rules with this tag; may be given more than once", collect, [])
  .option("--priority <priority>", "rules that are at least so urgent")
  .option("--event <name>", "rules that are asked on this event, such as execve")
  .option("--enabled", "rules that are switched on")
  .option("--disabled", "rules that are switched off")
  .option("--rules <path>", RULES_OPTION, collect, [])
  .option("--json", "one JSON object a rule")
  .action(async (paths, options) =>
    (await import("./rules-list.ts")).listRules([...paths, ...options.rules], options),
  );
rules
  .command("show")
  .description(
    "one rule as it runs: exceptions, lists and macros in their place, events and fields that it asks for",
  )
  .argument("<rule>", "its name")
  .argument("[path...]", "rules files or folders (default: the shipped rules)")
  .option("--rules <path>", RULES_OPTION, collect, [])
  .option("--json", "one JSON object")
  .action(async (name, paths, options) =>
    (await import("./rules-show.ts")).showRule(name, paths, options),
  );
rules
  .command("explain")
  .description(
    "why a rule does or does not match this host's events: the comparisons that decided, with the values seen (needs root)",
  )
  .argument("<rule>", "its name")
  .argument("[path...]", "rules files or folders (default: the shipped rules)")
  .option("--rules <path>", RULES_OPTION, collect, [])
  .option("--capture <file>", "events of a capture file in place of this host's")
  .option(
    "--where <condition>",
    'events that satisfy this condition only, such as "proc.name = cat"',
  )
  .option("--all", "events of types that the rule does not name, too")
  .option(
    "--limit <number>",
    "stop after so many matches; of what does not match as many are told",
    "20",
  )
  .option("--duration <time>", "stop after this time, such as 30s", "30s")
  .option("--json", "one JSON object an event, with every part of the condition")
  .action(async (name, paths, options) =>
    (await import("./rules-explain.ts")).explainRule(name, paths, options),
  );
rules
  .command("test")
  .description("run tests of rules: values of an event's fields, and the rules that match them")
  .argument("[file...]", "YAML files of tests (default: those of the shipped rules)")
  .option("--json", "one JSON object a test")
  .action(async (paths, options) => (await import("./rules-test.ts")).testRules(paths, options));
rules
  .command("tune")
  .description(
    "the noisiest rules of stored alerts or captures; an exception for each, what it would have silenced and what it would not",
  )
  .argument("<file...>", "files of Falco's JSON alerts (- for standard input), or captures")
  .option("--rules <path>", RULES_FILES, collect, [])
  .option("--top <number>", "so many rules", "10")
  .option(
    "--field <field>",
    "make exceptions of this field; may be given more than once (default: of any that fits)",
    collect,
    [],
  )
  .option("-o, --output <file>", "write the exceptions there, as a rules file with override")
  .option("--tests <file>", "write rule tests there, made of alerts that are and are not silenced")
  .option("--json", "one JSON object a rule")
  .action(async (paths, options) => (await import("./rules-tune.ts")).tuneRules(paths, options));
rules
  .command("install")
  .description(
    "pull a rules artifact from an OCI registry, as falcoctl does: registry/repository:tag, or a name of Falco's own such as falco-rules:3",
  )
  .argument("<reference>")
  .option("--rules-dir <folder>", "where its files go", "./rules.d")
  .option(
    "--plain-http",
    "speak to the registry without TLS (one on loopback is spoken to so anyway)",
  )
  .option("--timeout <time>", "the most time for all of it", "2m")
  .option("--json", "one JSON object")
  .action(async (reference, options) =>
    (await import("./rules-install.ts")).installFrom(reference, options),
  );
rules
  .command("lsp")
  .description(
    "a language server for rules files: problems, completion and explanation as an editor asks for them (standard input and output)",
  )
  .option("--rules <path>", "what lies beneath each file; may be given more than once", collect, [])
  .action(async (options) => (await import("./rules-lsp.ts")).serveEditor(options));
rules
  .command("schema")
  .description("the JSON Schema of rules files, for editors")
  .action(async () => (await import("./rules-schema.ts")).printSchema());

program
  .command("fields")
  .description("the fields that rules may ask for, from the table itself")
  .argument("[class]", `one class${await fieldClasses()}`)
  .option("--json", "one JSON object a field")
  .action(async (className, options) => (await import("./fields.ts")).fields(className, options));

program
  .command("doctor")
  .description(
    "kernel, privileges, container runtime, rules: what works, what does not, what to do",
  )
  .option("--json", "one JSON object a check")
  .action(async (options) => (await import("./doctor.ts")).doctor(options));

/** From the table, where the command line asks for it. */
async function fieldClasses(): Promise<string> {
  if (!process.argv.includes("fields")) return "";
  const { ALL_FIELDS } = await import("../fields/registry.ts");
  return `: ${[...new Set(ALL_FIELDS.map((field) => field.class))].join(", ")}`;
}

watchStandardOutput();

try {
  // Before anything is read of the host: in a container its files are elsewhere.
  useHostRoot(hostRootOf(process.env));
  await program.parseAsync();
} catch (thrown) {
  // Help and version were asked for and are printed already.
  if (thrown instanceof CommanderError && thrown.exitCode === 0) process.exitCode = 0;
  else fail(thrown);
  // Whatever was begun before it failed.
  endSoon();
}
