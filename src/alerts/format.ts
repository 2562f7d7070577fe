import { escapeUnseen } from "../lib/escape-unseen.ts";
import { ipText } from "../lib/ip-text.ts";
import { clockText, isoOffsetText, isoText } from "../lib/time-text.ts";
import type { FieldValue } from "../fields/field.ts";
import type { Alert, OutputFields } from "./alert.ts";

/** How alerts become lines, beyond what each of them says. */
export interface FormatOptions {
  /** Falco's time_format_iso_8601: UTC dates instead of local clock times. */
  readonly isoTime: boolean;
  /** Offset of local time from UTC in minutes, east positive. */
  readonly utcOffsetMinutes: (epochMs: number) => number;
  /** Which properties a JSON line has besides those that it always has; as Falco by default. */
  readonly properties?: JsonProperties | undefined;
}

/** Falco's json_include_*_property. */
export interface JsonProperties {
  readonly output: boolean;
  readonly message: boolean;
  readonly outputFields: boolean;
  readonly tags: boolean;
}

const FALCO_PROPERTIES: JsonProperties = {
  output: true,
  message: false,
  outputFields: true,
  tags: true,
};

/**
 * An alert as Falco's text line, without the line's end: `HH:MM:SS.nnnnnnnnn: Priority message`.
 */
export function textLine(alert: Alert, options: FormatOptions): string {
  // Falco escapes the line as JSON does, so that no file name can break it in two.
  return escapeUnseen(JSON.stringify(plainLine(alert, options)).slice(1, -1));
}

/** An alert as Falco's JSON line, without the line's end, and with its `uuid`. */
export function jsonLine(alert: Alert, options: FormatOptions): string {
  const { output, message, outputFields, tags } = options.properties ?? FALCO_PROPERTIES;
  return escapeUnseen(
    JSON.stringify({
      hostname: alert.hostname,
      // Left out when undefined.
      message: message ? alert.message.toWellFormed() : undefined,
      output: output ? plainLine(alert, options) : undefined,
      output_fields: outputFields ? jsonFields(alert, options) : undefined,
      priority: alert.priority,
      rule: alert.rule,
      source: alert.source,
      tags: tags ? alert.tags.toSorted() : undefined,
      time: isoText(alert.time),
      uuid: alert.uuid,
    }),
  );
}

function plainLine(alert: Alert, options: FormatOptions): string {
  const time = options.isoTime
    ? isoOffsetText(alert.time)
    : clockText(alert.time, options.utcOffsetMinutes(Number(alert.time / 1_000_000n)));
  return `${time}: ${alert.priority} ${alert.message.toWellFormed()}`;
}

/** The output fields alone as a JSON object, by Falco's names and in Falco's forms. */
export function fieldsText(fields: OutputFields): string {
  const entries = Object.entries(fields).map(([name, value]) => [name, jsonValue(value)]);
  return escapeUnseen(JSON.stringify(Object.fromEntries(entries)));
}

/** Sorted by name, as Falco's are, with the alert's time among them. */
function jsonFields(alert: Alert, options: FormatOptions): Record<string, unknown> {
  const all = {
    ...alert.outputFields,
    [options.isoTime ? "evt.time.iso8601" : "evt.time"]: alert.time,
  };
  const names = Object.keys(all).toSorted();
  return Object.fromEntries(names.map((name) => [name, jsonValue(all[name] ?? null)]));
}

function jsonValue(value: FieldValue | null): unknown {
  // Epoch nanoseconds are beyond 2^53, and Falco prints them whole.
  if (typeof value === "bigint") return JSON_RAW.rawJSON(String(value));
  if (value instanceof Uint8Array) return bytesText(value);
  return typeof value === "string" ? value.toWellFormed() : value;
}

/** An output field's value as text: an address as one, other bytes as Latin-1. */
export function fieldText(value: FieldValue): string {
  return value instanceof Uint8Array ? bytesText(value) : String(value);
}

function bytesText(bytes: Uint8Array): string {
  return bytes.length === 4 || bytes.length === 16
    ? ipText(bytes)
    : Buffer.from(bytes).toString("latin1");
}

/** JSON.rawJSON (ECMAScript proposal, in Node since 21) is not in TypeScript's library yet. */
const JSON_RAW = JSON as JSON & { rawJSON(text: string): unknown };
