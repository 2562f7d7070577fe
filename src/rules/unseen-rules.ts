import { heldBackBy, type SentEvents } from "./selected-calls.ts";
import { EVENT_TYPES, eventType } from "../events/schema.ts";
import type { Field } from "../fields/field.ts";
import { syscallName } from "../events/system-calls.ts";

/** What is asked of a rule here. */
interface Asking {
  readonly eventCodes: ReadonlySet<number>;
  readonly genericCalls: ReadonlySet<number>;
}

/** What a rule waits for in vain. */
export interface Unseen {
  /** Names, each once. */
  readonly events: readonly string[];
  /** Nothing else is left that it could match. */
  readonly isNever: boolean;
}

/** The generic event stands for every system call that has none of its own. */
const GENERIC = eventType("syscall").code;

/** What plugins tell of containers bears the name of the engine's own event. */
const OF_PLUGINS = eventType("asyncevent").code;

/** A rule of more events than these names none of them: what it misses of a few is no surprise. */
const MANY_EVENTS = 100;

/**
 * The events that a rule asks for and that are not sent: all of its events, or those that only the
 * configuration holds back. Undefined where it misses nothing, and for rules that are written never
 * to match (`evt.num = 0`).
 */
export function unseenOf(rule: Asking, sent: SentEvents): Unseen | undefined {
  const { eventCodes, genericCalls } = rule;
  const isSeen = (code: number): boolean =>
    code === GENERIC ? !genericCalls.isDisjointFrom(sent.calls) : sent.codes.has(code);
  if (eventCodes.size === 0) return undefined;
  const isNever = ![...eventCodes].some(isSeen);
  if (!isNever && eventCodes.size > MANY_EVENTS) return undefined;
  const names = new Set(
    [...eventCodes].flatMap((code) => (isSeen(code) ? [] : namesOf(code, rule))),
  );
  const events = [...names].filter((name) => isNever || heldBackBy(name, sent.base) !== undefined);
  return events.length === 0 ? undefined : { events, isNever };
}

/** When the call is over the kernel has forgotten which file it was that this closed. */
const CLOSE = eventType("close").code;

/**
 * What a rule asks of `close` that no live event tells: fields of the closed descriptor but its
 * number. None of a rule that asks for very many events.
 */
export function unseenOfClose({
  eventCodes,
  conditionFields,
}: Pick<Asking, "eventCodes"> & { readonly conditionFields: Iterable<Field> }): readonly string[] {
  if (!eventCodes.has(CLOSE) || eventCodes.size > MANY_EVENTS) return [];
  const names = [...conditionFields].map(({ name }) => name);
  return names.filter((name) => name.startsWith("fd.") && name !== "fd.num");
}

/** The rules that ask for nothing but events that are not seen. */
export function unseenRules<Rule extends Asking>(
  rules: readonly Rule[],
  sent: SentEvents,
): readonly { readonly rule: Rule; readonly events: readonly string[] }[] {
  return rules.flatMap((rule) => {
    const unseen = unseenOf(rule, sent);
    return unseen?.isNever === true ? [{ rule, events: unseen.events }] : [];
  });
}

function namesOf(code: number, { genericCalls }: Asking): readonly string[] {
  if (code === OF_PLUGINS) return ["container"];
  if (code === GENERIC) return [...genericCalls].flatMap((call) => syscallName(call) ?? []);
  return [EVENT_TYPES[code]?.name ?? `event ${code}`];
}

/** So many events are named in a warning. */
const MAX_NAMED = 6;

/** What is wrong, in words, and what can be done. */
export function unseenWarning(
  { events, isNever }: Unseen,
  { name, base }: SentEvents,
): { readonly message: string; readonly hint: string } {
  const named = events.slice(0, MAX_NAMED).join(", ");
  const more = events.length > MAX_NAMED ? ` and ${events.length - MAX_NAMED} more` : "";
  const what = isNever ? "can never match here" : "misses events here";
  return {
    message: `Rule ${what}: ${name} sends no ${named}${more}`,
    hint: hintOf(new Set(events.map((event) => heldBackBy(event, base)))),
  };
}

function hintOf(reasons: ReadonlySet<string | undefined>): string {
  if (reasons.has("all"))
    return "calls that only read and write cost much: base_syscalls.all (watch -A) sends them where a rule asks";
  if (reasons.has("custom_set")) return "base_syscalls.custom_set leaves it out";
  return "captures may hold such events: saker replay";
}
