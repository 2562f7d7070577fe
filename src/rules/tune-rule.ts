import { EVENT_TYPE_BY_NAME } from "../events/schema.ts";
import type { FieldRegistry, FieldValue } from "../fields/field.ts";
import { compileCondition } from "./compile-condition.ts";
import { ConditionError } from "./condition-error.ts";
import { parseCondition } from "./parse-condition.ts";
import { readStatedKey, readStatedValue, type StatedScene } from "./stated-fields.ts";
import {
  type AlertGroup,
  type AlertValues,
  type RuleAlerts,
  type SuggestedException,
  suggestException,
} from "./suggest-exception.ts";
import { exceptionCondition } from "./write-exceptions.ts";

/** A noisy rule, and what an exception would do to its alerts. */
export interface Tuned {
  readonly rule: string;
  readonly alerts: RuleAlerts;
  readonly exception: SuggestedException | undefined;
  /** What it silences, the most frequent first. */
  readonly silenced: readonly AlertGroup[];
  /** What it leaves. */
  readonly left: readonly AlertGroup[];
}

/** A rule with fewer alerts is not noisy. */
const MIN_ALERTS = 5;

/**
 * The exception that is suggested for a rule's alerts; what it would have silenced is asked of the
 * exception itself. `fields`: stated ones.
 */
export function tuneRule(rule: string, alerts: RuleAlerts, fields: FieldRegistry): Tuned {
  const groups = [...alerts.groups.values()].toSorted((left, right) => right.count - left.count);
  const exception = alerts.count < MIN_ALERTS ? undefined : suggestException(alerts);
  if (exception === undefined) return { rule, alerts, exception, silenced: [], left: groups };
  const condition = parseCondition(exceptionCondition(exception));
  const { predicate } = compileCondition(condition, fields);
  const isSilenced = ({ sample }: AlertGroup): boolean => predicate(sceneOf(sample, fields));
  return {
    rule,
    alerts,
    exception,
    silenced: groups.filter(isSilenced),
    left: groups.filter((group) => !isSilenced(group)),
  };
}

/** An alert's values as a scene; those of fields that are not known are left out. */
export function sceneOf(values: AlertValues, fields: FieldRegistry): StatedScene {
  const stated = new Map<string, FieldValue>([["evt.num", 1]]);
  for (const [field, value] of values) {
    const known = value === null ? undefined : statedValue(field, value, fields);
    if (known !== undefined) stated.set(known.key, known.value);
  }
  const type = EVENT_TYPE_BY_NAME.get(String(stated.get("evt.type") ?? ""));
  const event = { code: type?.code ?? -1, timestamp: 0n };
  // Nobody asks for anything else: fields are read from what is stated.
  return { stated, event } as unknown as StatedScene;
}

function statedValue(
  field: string,
  value: FieldValue,
  fields: FieldRegistry,
): { readonly key: string; readonly value: FieldValue } | undefined {
  try {
    const { key, type, takesList } = readStatedKey(field, fields);
    const all = Array.isArray(value) ? value : [value];
    const read = all.map((one) => readStatedValue(one, type)).filter((one) => one !== undefined);
    const [first] = read;
    if (first === undefined || read.length < all.length) return undefined;
    return { key, value: takesList ? read : first };
  } catch (thrown) {
    if (!(thrown instanceof ConditionError)) throw thrown;
    return undefined;
  }
}
