import { escaped } from "../reports/escaped.ts";
import { painted, printLine } from "./print.ts";

/** Columns as kubectl prints them: aligned, no boxes, so that pipes can cut them. */
export function printTable(head: readonly string[], foreign: readonly (readonly string[])[]): void {
  const rows = foreign.map((cells) => cells.map(escaped));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  printLine(painted("bold", line(head)));
  for (const row of rows) printLine(line(row));
}
