import { FREQUENT_CODES } from "../events/call-filter.ts";
import { EVENT_TYPES, eventType } from "../events/schema.ts";
import type { SentEvents } from "./selected-calls.ts";

interface Asking {
  readonly name: string;
  readonly eventCodes: ReadonlySet<number>;
}

/** The calls that share this event are sent by name. */
const GENERIC = eventType("syscall").code;

/** So many are named. */
const MAX_NAMED = 4;

/**
 * What it costs that rules ask for calls that programs make by thousands, in words; undefined where
 * none does.
 */
export function frequentCallsNote(
  rules: readonly Asking[],
  { codes }: SentEvents,
): string | undefined {
  const isFrequent = (code: number): boolean =>
    code !== GENERIC && FREQUENT_CODES.has(code) && codes.has(code);
  const asking = rules.filter(({ eventCodes }) => [...eventCodes].some(isFrequent));
  if (asking.length === 0) return undefined;
  const calls = new Set(
    asking.flatMap(({ eventCodes }) =>
      [...eventCodes].flatMap((code) => (isFrequent(code) ? (EVENT_TYPES[code]?.name ?? []) : [])),
    ),
  );
  const names = asking.map(({ name }) => `"${name}"`);
  return `${named(names)} ${asking.length === 1 ? "asks" : "ask"} for ${named([...calls])}, which programs make all the time: ${COST}`;
}

const COST =
  "each such call that may match costs its program about 2 µs and Saker 3 (bench/results.md)";

function named(all: readonly string[]): string {
  const more = all.length - MAX_NAMED;
  return `${all.slice(0, MAX_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
