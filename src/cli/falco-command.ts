import { type Command, Option } from "commander";
import { collect } from "./command-options.ts";
import { FALCO_OPTIONS, type FalcoOption } from "./falco-options.ts";

/** `saker falco`: Falco's own command line, made from its table. */
export function addFalcoCommand(program: Command): void {
  const command = program
    .command("falco")
    .description(
      "Falco's own command line: in a unit file /usr/bin/falco becomes saker falco, and its options stay",
    );
  for (const [name, option] of Object.entries(FALCO_OPTIONS)) command.addOption(read(name, option));
  command
    .option(
      "--report <folder>",
      "Saker's own: where reports are written (default: as saker watch; /var/log/saker where the working folder is /)",
    )
    .action(async (options) => (await import("./falco.ts")).falco(options));
}

/** Under the name that it has in the table. */
function read(name: string, { flags, doc, repeats, neutral, refused }: FalcoOption): Option {
  const reason = refused ?? neutral;
  const text = reason === undefined ? doc : `${doc}: ${reason}`;
  const option = new Option(flags, text);
  option.attributeName = () => name;
  if (repeats !== true) return option;
  return option.argParser(collect).default([], "none");
}
