import { escapeUnseen } from "../lib/escape-unseen.ts";

/**
 * A peer's words with unseen characters written out (`\u001b`), so that they cannot move a
 * terminal's cursor, break a line or turn what stands beside them.
 */
export function escaped(text: string): string {
  return escapeUnseen(text.toWellFormed());
}
