let onGone: ((reason: string) => void) | undefined;
let isGone = false;

/**
 * What becomes of a command whose output cannot be written any more: a reader that went away
 * (`saker fields | head`) ends it quietly, but for one that has other work (`outliveReader`).
 */
export function watchStandardOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (onGone === undefined) process.exit(error.code === "EPIPE" ? 0 : 1);
    if (!isGone) onGone(error.code === "EPIPE" ? "its reader went away" : error.message);
    isGone = true;
  });
  // Who cannot be told of anything any more is not told of that.
  process.stderr.on("error", () => {});
}

/** From now on the command goes on; `report` gets the reason, once. */
export function outliveReader(report: (reason: string) => void): void {
  onGone = report;
}
