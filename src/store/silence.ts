import type { Alert } from "../alerts/alert.ts";
import { AppError } from "../lib/errors.ts";
import { valueTexts } from "./terms.ts";

/** Alerts of a rule, all of them or those with these values, that no output is sent for a while. */
export interface Silence extends SilenceScope {
  /** Eight hexadecimal digits. */
  readonly id: string;
  readonly because: string;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly until: number;
}

/** Which alerts: of a rule, and where fields are named with these values, as text. */
export interface SilenceScope {
  readonly rule: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** A silence that is wanted; `ms`: for how long. */
export interface SilenceRequest extends SilenceScope {
  readonly because: string;
  readonly ms: number;
}

/** Numbers and lengths in characters; `ms`: the longest. None is without an end. */
export const SILENCE_LIMITS = {
  silences: 100,
  rule: 256,
  fields: 16,
  field: 4096,
  because: 500,
  ms: 90 * 86_400_000,
} as const;

/** The silence of a request, from `now` on. Throws `USAGE_SILENCE`. */
export function newSilence(
  { rule, fields, because, ms }: SilenceRequest,
  { id, now }: { readonly id: string; readonly now: number },
): Silence {
  const silence = { id, rule, fields, because: because.trim(), from: now, until: now + ms };
  const fault = faultOf(silence);
  if (fault === undefined) return silence;
  throw new AppError("USAGE_SILENCE", `Cannot silence "${rule}": ${fault}`, {
    hint: 'saker silence "RULE" --for 2h --because "WHY"',
  });
}

/** The silence that a JSON text states; undefined when it states none. */
export function parseSilence(text: string): Silence | undefined {
  try {
    const { id, rule, fields, because, from, until } = JSON.parse(text) as Record<string, unknown>;
    const isShaped = isText(id) && isText(rule) && isText(because) && isTime(from) && isTime(until);
    if (!isShaped || !isRecordOfTexts(fields)) return undefined;
    const silence = { id, rule, fields, because, from, until };
    return faultOf(silence) === undefined ? silence : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a silence means an alert, whenever. */
export function isMeant({ rule, fields }: SilenceScope, alert: Alert): boolean {
  if (rule !== alert.rule) return false;
  return Object.entries(fields).every(([name, wanted]) => {
    const value = Object.hasOwn(alert.outputFields, name) ? alert.outputFields[name] : undefined;
    return value !== undefined && valueTexts(value).includes(wanted);
  });
}

/** `"RULE" (NAME=VALUE, …)` */
export function scopeText({ rule, fields }: SilenceScope): string {
  const values = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  return `"${rule}"${values.length === 0 ? "" : ` (${values.join(", ")})`}`;
}

/** When a silence ends, to the second, in UTC. */
export function untilText(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

/** What is wrong with it, in words. */
function faultOf({ rule, fields, because, from, until }: Omit<Silence, "id">): string | undefined {
  const limits = SILENCE_LIMITS;
  const entries = Object.entries(fields);
  if (rule === "" || rule.length > limits.rule) return "it must be the name of a rule";
  if (because.trim() === "") return "it needs a reason";
  if (because.length > limits.because) return `a reason has at most ${limits.because} characters`;
  if (!(until > from)) return "it needs an end";
  if (until - from > limits.ms) return `it lasts at most ${limits.ms / 86_400_000} days`;
  if (entries.length > limits.fields) return `it names at most ${limits.fields} fields`;
  if (entries.some(([name, value]) => name.length + value.length > limits.field))
    return `a field has at most ${limits.field} characters`;
  return undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isRecordOfTexts(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && Object.values(value).every(isText);
}
