import type { Command } from "commander";
import { collect, ofWatch } from "./command-options.ts";

/** `saker silence`, `saker silence list` and `saker silence end`. */
export function addSilenceCommand(program: Command): void {
  const silence = program
    .command("silence")
    // Options behind `list` and `end` are theirs.
    .enablePositionalOptions()
    .description(
      "keep the alerts of a rule from all outputs for a while: they are stored, marked and counted",
    )
    .argument("[rule]", "its name")
    .option(
      "--field <name=value>",
      "only where this output field has this value, such as container.name=web; may be given more than once",
      collect,
      [],
    )
    .option("--for <time>", "until this time has passed, such as 30m, 2h or 7d; 90d at most")
    .option("--because <text>", "the reason, for who finds it");
  ofWatch(silence).action(async (rule, options) =>
    (await import("./silence.ts")).silence(rule, options),
  );
  const list = silence
    .command("list")
    .description("the silences that hold, with how many alerts each has silenced")
    .option("--json", "one JSON object a silence");
  ofWatch(list).action(async (options) => (await import("./silence.ts")).listSilences(options));
  const end = silence.command("end").description("end a silence before its time").argument("<id>");
  ofWatch(end).action(async (id, options) =>
    (await import("./silence.ts")).endSilence(id, options),
  );
}
