import type { Command } from "commander";
import { collect } from "./command-options.ts";

/** `saker rules` with all that is below it. */
export function addRulesCommand(program: Command): void {
  const rules = program
    .command("rules")
    .description("rules: check, list, show, explain, test, tune, install, lsp, schema");
  addLooks(rules);
  addExplain(rules);
  addTests(rules);
  addInstall(rules);
  addEditors(rules);
}

function addLooks(rules: Command): void {
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
}

function addExplain(rules: Command): void {
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
}

function addTests(rules: Command): void {
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
    .option(
      "--tests <file>",
      "write rule tests there, made of alerts that are and are not silenced",
    )
    .option("--json", "one JSON object a rule")
    .action(async (paths, options) => (await import("./rules-tune.ts")).tuneRules(paths, options));
}

function addInstall(rules: Command): void {
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
}

function addEditors(rules: Command): void {
  rules
    .command("lsp")
    .description(
      "a language server for rules files: problems, completion and explanation as an editor asks for them (standard input and output)",
    )
    .option(
      "--rules <path>",
      "what lies beneath each file; may be given more than once",
      collect,
      [],
    )
    .action(async (options) => (await import("./rules-lsp.ts")).serveEditor(options));
  rules
    .command("schema")
    .description("the JSON Schema of rules files, for editors")
    .action(async () => (await import("./rules-schema.ts")).printSchema());
}

const RULES_FILES =
  "rules file or folder; may be given more than once (default: the shipped rules)";
const RULES_OPTION = "the same; may be given more than once, and comes behind the others";
