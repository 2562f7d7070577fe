import type { Command } from "commander";
import { collect } from "./command-options.ts";

/** `saker config` with all that is below it. */
export function addConfigCommand(program: Command): void {
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
}
