import type { NumberFormat, ParamType } from "../events/schema.ts";
import type { Scene } from "../state/scene.ts";

/**
 * Falco's field types (libs, `PT_*`), as `reference` documents name them: those of parameters, and
 * some that only fields have.
 */
export type FieldType =
  | ParamType
  | "BOOL"
  | "INT8"
  | "DOUBLE"
  | "IPADDR"
  | "IPNET"
  | "IPV4NET"
  | "IPV6NET"
  | "L4PROTO"
  | "SOCKFAMILY"
  | "CHARBUF_PAIR_ARRAY"
  | "NONE";

/**
 * A field's value: text as string; whole numbers as number, as bigint only beyond 2^53; IP
 * addresses as their 4 or 16 bytes; byte buffers as bytes; list fields as arrays of these. Missing
 * is `undefined`.
 */
export type FieldValue = SingleValue | readonly SingleValue[];

/** A value of a field that is no list. */
export type SingleValue = string | number | bigint | boolean | Uint8Array;

/** Reads a field off the scene. Hot: never throws, allocates only what the value needs. */
export type Extract = (scene: Scene) => FieldValue | undefined;

/**
 * Reads a field that has several values at once (`fd.ip`: both ends; `proc.aname`: all ancestors).
 */
export type ExtractAll = (scene: Scene) => readonly FieldValue[];

/** What a field takes in brackets: a number, a key or either. */
export interface FieldArgument {
  /** What stands in the brackets: a whole number, a text, or either. */
  readonly kind: "index" | "key" | "index|key";
  readonly required: boolean;
  /**
   * Required by the reference, and yet the real engine takes the field without: it has a value
   * then, too.
   */
  readonly optional?: true;
  /** The argument may stand behind a dot, too: `evt.arg.flags`. */
  readonly dotted?: true;
}

/**
 * One field that a rule may ask for. Everything that depends on which field it is stands here,
 * nowhere else.
 */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly class: string;
  readonly doc: string;
  readonly argument?: FieldArgument;
  /** The value is a list of texts; only `in`, `intersects` and `exists` compare it. */
  readonly list?: true;
  /** May stand in conditions only, not in outputs. */
  readonly filterOnly?: true;
  /** May stand in outputs only, not in conditions. */
  readonly printOnly?: true;
  /** May not stand on the right side of a comparison. */
  readonly noRightSide?: true;
  /** May not be wrapped in a transformer. */
  readonly noTransformer?: true;
  readonly deprecated?: true;
  /** How a number prints; decimal where it is left out. */
  readonly format?: "HEX";
  /** For fields whose numbers print differently from event to event (`evt.rawarg`). */
  readonly formatIn?: (argument: string, scene: Scene) => NumberFormat | undefined;
  /** What an output prints in the place of a number that came without any bytes. */
  readonly emptyIn?: (argument: string, scene: Scene) => string | undefined;
  /** Falco's `suggested_output`: appended to outputs that ask for it. */
  readonly suggested?: true;
  /**
   * The value comes from the environment, which the kernel sends only when a rule asks: that of a
   * process, or the parameter of an event that starts a program.
   */
  readonly environment?: "process" | "event";
  /** The arguments with which it is the event's. */
  readonly environmentArguments?: readonly string[];
  /**
   * The value comes from the container runtime's API, so an alert or a condition may have to wait
   * for it.
   */
  readonly metadata?: true;
  /** The value is a name out of files that may be being read: who asks for it may have to wait. */
  readonly accounts?: true;
  /**
   * For fields whose type depends on the argument (`evt.rawarg`): the type for an argument,
   * undefined when there is no such argument. Such a field's own `type` is DYN.
   */
  readonly typeOf?: (argument: string) => FieldType | undefined;
  /**
   * Several values instead of one. `any`: a comparison holds when one value satisfies it, `!=` too
   * (ancestors). `ends`: as `any`, but `!=` holds only when no value is equal (the two ends of a
   * socket).
   */
  readonly several?: "any" | "ends";
  /**
   * With these arguments (or any) the value is a path that the kernel may have cut: then what compares
   * it counts as what would make its rule match.
   */
  readonly path?: true | ((argument: string | undefined) => boolean);
  /** The values are host names: those that rules compare it with are to be looked up. */
  readonly hostNames?: true;
  /**
   * For `ends`: true of a scene without any value where `!=` holds all the same, since what is
   * there differs from whatever a rule names.
   */
  readonly differs?: (scene: Scene) => boolean;
  /**
   * Resolves the argument once, at load time. Undefined on fields that are declared but not
   * computed yet. Returns undefined when the argument is not one that this field takes; `argument`
   * undefined means none was given.
   */
  readonly bind?: (argument: string | undefined) => Extract | undefined;
  /** As `bind`, for the form of the field that has several values (`several`). */
  readonly bindAll?: (argument: string | undefined) => ExtractAll | undefined;
}

/** What rules may ask of fields: lookup by name. */
export interface FieldRegistry {
  get(name: string): Field | undefined;
  /** All names, for did-you-mean. */
  names(): Iterable<string>;
}
