/**
 * A program that the kernel's verifier refused; the message is the end of what it said, `log` all
 * of it.
 */
export class VerifierLog extends Error {
  // Private, so that printing the error does not print megabytes.
  readonly #log: string;

  constructor(log: string) {
    super(shortenVerifierLog(log));
    this.name = "VerifierLog";
    this.#log = log;
  }

  get log(): string {
    return this.#log;
  }
}

/**
 * The end of a verifier's log, where the reason stands, in at most `lines` lines: source line,
 * instruction, complaint.
 */
export function shortenVerifierLog(log: string, lines = 6): string {
  const useful = log
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !NOISE.test(line));
  const omitted = useful.length - lines;
  if (omitted <= 0) return useful.join("\n");
  return `(${omitted} lines omitted)\n${useful.slice(-lines).join("\n")}`;
}

/** Statistics, and pages of register states. */
const NOISE =
  /^(processed \d+ insns|stack depth|verification time|peak_states|max_states|mark_precise:|from \d+ to \d+|R\d+(_w)?=)/;
