import { escaped } from "../../src/reports/escaped.ts";

/** Others' words with unseen characters written out, but for the ends of lines. */
export function escapedLines(text: string): string {
  return text.split("\n").map(escaped).join("\n");
}
