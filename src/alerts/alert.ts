import type { FieldValue } from "../fields/field.ts";
import type { Priority } from "../rules/priority.ts";

/** Values by the name of their field; null where the field was missing. */
export type OutputFields = Readonly<Record<string, FieldValue | null>>;

/** One alert, ready to be written. */
export interface Alert {
  readonly rule: string;
  readonly priority: Priority;
  readonly source: string;
  readonly tags: readonly string[];
  /** Epoch nanoseconds of the event. */
  readonly time: bigint;
  readonly hostname: string;
  /** The message alone, without time and priority. */
  readonly message: string;
  readonly outputFields: OutputFields;
  readonly uuid: string;
}

/** The tag that makes an alert the news of an open port (DESIGN, section 1). */
export const OPEN_PORT_TAG = "open_port";
