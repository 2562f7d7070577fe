import { EVENT_TYPES, eventType } from "../events/schema.ts";

/** What is asked of a rule here. */
interface Asking {
  readonly eventCodes: ReadonlySet<number>;
}

/** A rule that never can match where events come from now, and the events that it waits for. */
export interface UnseenRule<Rule extends Asking> {
  readonly rule: Rule;
  /** Names, each once. */
  readonly events: readonly string[];
}

/**
 * The rules that ask for nothing but events that are not seen: `seen` holds the codes of those that
 * are. Rules that are written never to match (`evt.num = 0`) are not among them.
 */
export function unseenRules<Rule extends Asking>(
  rules: readonly Rule[],
  seen: ReadonlySet<number>,
): readonly UnseenRule<Rule>[] {
  return rules.flatMap((rule) => {
    const { eventCodes } = rule;
    if (eventCodes.size === 0 || !eventCodes.isDisjointFrom(seen)) return [];
    const names = [...eventCodes].map((code) => nameOf(code));
    return [{ rule, events: [...new Set(names)] }];
  });
}

/** The generic event stands for every system call that has none of its own. */
const GENERIC = 1;

/** What plugins tell of containers bears the name of the engine's own event. */
const OF_PLUGINS = eventType("asyncevent").code;

function nameOf(code: number): string {
  if (code === OF_PLUGINS) return "container";
  if (code === GENERIC) return "system calls without an event of their own";
  return EVENT_TYPES[code]?.name ?? `event ${code}`;
}

/** So many events are named in a warning. */
const MAX_NAMED = 6;

/** What is wrong, in words: `source` is what sends no such events. */
export function unseenWarning(events: readonly string[], source: string): string {
  const named = events.slice(0, MAX_NAMED).join(", ");
  const more = events.length > MAX_NAMED ? ` and ${events.length - MAX_NAMED} more` : "";
  return `Rule can never match here: ${source} sends no ${named}${more}`;
}
