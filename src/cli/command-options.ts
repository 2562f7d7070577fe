import type { Command } from "commander";

/** Reads an option that may be given more than once; its default is []. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** The options that say which watch is meant. */
export function ofWatch(command: Command): Command {
  return command
    .option("--config <file>", "the watch's configuration")
    .option(
      "-o, --override <key=value>",
      "as the watch's; may be given more than once",
      collect,
      [],
    )
    .option("--report <folder>", "the watch's report folder (default: ./report)");
}
