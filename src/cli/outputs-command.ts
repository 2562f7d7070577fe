import type { Command } from "commander";
import { collect } from "./command-options.ts";

/** `saker outputs`, `saker outputs test` and `saker outputs refused`. */
export function addOutputsCommand(program: Command): void {
  const outputs = withConfig(
    program
      .command("outputs")
      .description(
        "where alerts go, and whether it can be reached now; exit code 1 when it cannot",
      ),
  ).action(async (options) => (await import("./outputs.ts")).listOutputs(options));
  withConfig(
    outputs
      .command("test")
      .description("send one alert, marked as a test, to one output, and say what was answered")
      .argument("<name>", "as saker outputs lists it, such as http_output"),
  ).action(async (name, options) => (await import("./outputs.ts")).testOutput(name, options));
  outputs
    .command("refused")
    .description("what was refused for good, with what the other side answered, the newest last")
    .argument("[name]", "of one output alone, as saker outputs lists it")
    .option("--report <folder>", "the watch's report folder (default: ./report)")
    .option("--json", "one JSON object a line: time, output, target, reason, line")
    .action(async (name, options) => (await import("./refused.ts")).listRefused(name, options));
}

function withConfig(command: Command): Command {
  return command
    .option("--config <file>", "saker.yaml or an existing falco.yaml")
    .option(
      "-o, --override <key=value>",
      "a key's value over the file's; may be given more than once",
      collect,
      [],
    )
    .option("--json", "one JSON object an output");
}
