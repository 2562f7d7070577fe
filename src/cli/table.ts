import { styleText } from "node:util";

/** Columns as kubectl prints them: aligned, no boxes, so that pipes can cut them. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  console.log(styleText("bold", line(head)));
  for (const row of rows) console.log(line(row));
}
