/** The fields that Falco warns of: enter events are gone, and they with them. */
export const DEPRECATED_FIELDS: ReadonlySet<string> = new Set([
  "evt.dir",
  "evt.latency",
  "evt.latency.s",
  "evt.latency.ns",
  "evt.latency.human",
  "evt.wait_latency",
]);

/** Those of which an output's text has the name, be it as a field or as plain text, as in Falco. */
export function namesDeprecated(texts: readonly string[]): readonly string[] {
  return [...DEPRECATED_FIELDS].filter((name) => texts.some((text) => text.includes(name)));
}
