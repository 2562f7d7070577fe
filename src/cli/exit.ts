import { type Command, CommanderError } from "commander";
import { AppError, messageOf } from "../lib/errors.ts";
import { painted, printAside } from "./print.ts";

/**
 * Exit codes (contract): done, a finding or failed check, wrong usage or configuration, missing
 * privilege or kernel feature.
 */
export const EXIT = { done: 0, finding: 1, usage: 2, missing: 3 } as const;

/**
 * Prints an error and its hint on standard error, and sets the exit code that its kind has. Of wrong
 * usage the hint names the help of the command that was meant, found in `words` below `program`.
 */
export function fail(thrown: unknown, program: Command, words: readonly string[]): void {
  if (thrown instanceof CommanderError) {
    const [message = "", ...suggestions] = thrown.message.replace(/^error: /, "").split("\n");
    // Usage without a command prints the help, which says all.
    printError(
      message === "(outputHelp)" ? "Cannot run: no command given" : message,
      suggestions.join(" ") || helpHint(program, words),
    );
    process.exitCode = EXIT.usage;
    return;
  }
  const error = thrown instanceof AppError ? thrown : undefined;
  printError(
    error === undefined ? `Cannot go on: ${messageOf(thrown)}` : error.message,
    error?.hint,
  );
  if (error === undefined && process.env["SAKER_DEBUG"] !== undefined) console.error(thrown);
  process.exitCode = exitCodeOf(error);
}

function helpHint(
  command: Command,
  [word = "", ...words]: readonly string[],
  path = "saker",
): string {
  const named = command.commands.find((one) => one.name() === word);
  if (named !== undefined) return helpHint(named, words, `${path} ${word}`);
  return `${path} --help lists ${command.commands.length > 0 ? "the commands" : "the options"}`;
}

/** `saker: error: …`, then `saker: hint: …`. */
export function printError(message: string, hint?: string): void {
  printAside("saker: ", painted("red", "error"), `: ${message}`);
  if (hint !== undefined) printAside("saker: ", painted("cyan", "hint"), `: ${hint}`);
}

function exitCodeOf(error: AppError | undefined): number {
  if (error === undefined) return EXIT.finding;
  if (error.code.startsWith("KERNEL_")) return EXIT.missing;
  return /^(?:RULE|CONFIG|USAGE)_/.test(error.code) ? EXIT.usage : EXIT.finding;
}
