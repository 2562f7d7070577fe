import type { Alert } from "../alerts/alert.ts";
import { fieldText } from "../alerts/format.ts";
import type { Priority } from "../rules/priority.ts";
import { escapeUnseen } from "../lib/escape-unseen.ts";

/** Others' words in a message for people: no control characters, no more than `most` characters. */
export function shown(text: string, most = 1000): string {
  const whole = escapeUnseen(text.toWellFormed());
  return whole.length <= most ? whole : `${whole.slice(0, most)} …`;
}

/** What an alert is, and its fields, for people: each as a name and a text, no more than 40 fields. */
export function shownParts(alert: Alert): readonly (readonly [string, string])[] {
  const { rule, priority, source, hostname, tags, outputFields } = alert;
  const fields = Object.entries(outputFields)
    .flatMap(([name, value]): [string, string][] =>
      value === null || value === "" ? [] : [[name, shown(fieldText(value))]],
    )
    .slice(0, FIELDS_MAX);
  const about = { rule, priority, source, hostname, tags: tags.join(", ") };
  const parts = Object.entries(about).flatMap(([name, text]): [string, string][] =>
    text === "" ? [] : [[name, shown(text)]],
  );
  return [...parts, ...fields];
}

const FIELDS_MAX = 40;

/** Text inside HTML, as Telegram and Google Chat read it: no tag, no entity. */
export function htmlText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * Text inside Markdown, as Mattermost and Discord read it: no link, no emphasis, and nobody is
 * called. Mattermost turns `<!channel>` into `@channel` and looks for names before it reads escapes,
 * so that a space of no width stands behind `@` and `<`.
 */
export function markdownText(text: string): string {
  return text
    .replace(/[\\`*_{}[\]()#+~|>!:<@-]/g, "\\$&")
    .replace(/[@<]/g, `$&${ZERO_WIDTH_SPACE}`);
}

const ZERO_WIDTH_SPACE = "\u200b";

/** How urgent an alert is, as colours of the web. */
export const PRIORITY_COLORS: Readonly<Record<Priority, `#${string}`>> = {
  Emergency: "#b71c1c",
  Alert: "#b71c1c",
  Critical: "#d32f2f",
  Error: "#f4511e",
  Warning: "#f9a825",
  Notice: "#0288d1",
  Informational: "#64b5f6",
  Debug: "#9e9e9e",
};
