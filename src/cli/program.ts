import { Command } from "commander";
import { addAuditCommands } from "./audit-commands.ts";
import { addCaptureCommands } from "./capture-commands.ts";
import { collect } from "./command-options.ts";
import { addConfigCommand } from "./config-command.ts";
import { addFalcoCommand } from "./falco-command.ts";
import { addOutputsCommand } from "./outputs-command.ts";
import { addRulesCommand } from "./rules-command.ts";
import { addSilenceCommand } from "./silence-command.ts";
import { VERSION } from "./version.ts";
import { addPageCommands, addWatchCommand } from "./watch-command.ts";

/**
 * The command line as a tree. Each command loads what it alone needs when it runs, so that `saker
 * fields` starts no eBPF and `saker audit` no rules. `classes` are named where fields are.
 */
export function sakerCommand(classes: readonly string[] = []): Command {
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

  addWatchCommand(program);
  addPageCommands(program);
  addSilenceCommand(program);
  addAuditCommands(program);
  addCaptureCommands(program);
  addFalcoCommand(program);
  addOutputsCommand(program);
  addConfigCommand(program);
  addRulesCommand(program);
  program
    .command("fields")
    .description("the fields that rules may ask for, from the table itself")
    .argument("[class]", `one class${classes.length > 0 ? `: ${classes.join(", ")}` : ""}`)
    .option("--json", "one JSON object a field")
    .action(async (className, options) => (await import("./fields.ts")).fields(className, options));

  program
    .command("doctor")
    .description(
      "kernel, privileges, container runtime, rules: what works, what does not, what to do",
    )
    .option("--config <file>", "the watch's configuration, for what it asks for besides")
    .option(
      "-o, --override <key=value>",
      "as the watch's; may be given more than once",
      collect,
      [],
    )
    .option("--json", "one JSON object a check")
    .action(async (options) => (await import("./doctor.ts")).doctor(options));

  program
    .command("completion")
    .description("a shell's completion of this command line: bash, zsh or fish")
    .argument("<shell>")
    .action(async (shell: string) =>
      (await import("./completion.ts")).printCompletion(program, shell),
    );
  return program;
}
