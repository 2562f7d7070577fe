import type { ValueType } from "./value-type.ts";

/** One key of the configuration: everything that is known of it. */
export interface Key<Value> {
  /** With dots between its sections, as in `file_output.enabled`. */
  readonly name: string;
  readonly type: ValueType<Value>;
  readonly default: Value;
  readonly doc: string;
  /** Its value is never shown. */
  readonly secret?: true;
  /** Why it has no effect and nothing is lost by that; such a key is never mentioned. */
  readonly neutral?: string;
  /** What Falco does by it and Saker does not: reported when it is set so. */
  readonly unsupported?: Unsupported<Value>;
}

/** A setting of Falco's that has no effect here: when, and why. */
export interface Unsupported<Value> {
  /** Keys of one topic are reported together. */
  readonly topic: string;
  /** What the user does not get, and what to do instead. */
  readonly reason: string;
  /** True of values that would change something, next to those of other keys. */
  readonly when: (value: Value, valueOf: ValueOf) => boolean;
}

/** The value of a key: the configuration's, or the key's default. */
export type ValueOf = <Value>(key: Key<Value>) => Value;

/** Defines a key: the value's type follows from `type`. */
export function defineKey<Value>(
  name: string,
  type: ValueType<Value>,
  rest: Omit<Key<NoInfer<Value>>, "name" | "type">,
): Key<Value> {
  return { name, type, ...rest };
}
