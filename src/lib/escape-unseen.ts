/** Control characters and those that turn the direction of writing or break a line. */
/* oxlint-disable no-control-regex -- these are the ones that must not get through */
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text with its unseen characters written out (`\u001b`), so that they cannot move a terminal's
 * cursor, break a line or turn what stands beside them. JSON that is escaped so means the same.
 */
export function escapeUnseen(text: string): string {
  return text.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
