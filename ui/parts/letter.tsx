import { letterTone } from "../../src/reports/ink.ts";

/** A grade in its colour; a dash for a port without TLS, a question mark where nobody could tell. */
export function Letter({ letter, size }: { letter: string; size?: "big" }) {
  const tone = letter === "–" || letter === "?" ? "dim" : letterTone(letter);
  return <span class={`letter ${tone}${size === "big" ? " big" : ""}`}>{letter}</span>;
}
