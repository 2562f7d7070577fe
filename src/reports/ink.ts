/** What a piece of a text is, as far as colours go. */
export type Tone = "strong" | "dim" | "good" | "fair" | "bad";

/** Colours a piece of text; or gives it back as it is. */
export type Ink = (tone: Tone, text: string) => string;

/** SGR parameters of ECMA-48 §8.3.117: what they set, and what takes it back. */
const CODES: Readonly<Record<Tone, readonly [on: number, off: number]>> = {
  strong: [1, 22],
  dim: [2, 22],
  good: [32, 39],
  fair: [33, 39],
  bad: [31, 39],
};

/** Ink for a terminal, or none. */
export function inkFor(colour: boolean): Ink {
  if (!colour) return (_, text) => text;
  return (tone, text) => {
    const [on, off] = CODES[tone];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/** What a grade's letter, a suite's or an overall one, deserves. */
export function letterTone(letter: string): Tone {
  if (letter.startsWith("A")) return "good";
  if (letter === "B" || letter === "C") return "fair";
  return letter === "unknown" || letter === "-" ? "dim" : "bad";
}

/** What a finding's severity deserves. */
export function severityTone(severity: string): Tone {
  if (severity === "critical" || severity === "high") return "bad";
  return severity === "info" ? "dim" : "fair";
}
