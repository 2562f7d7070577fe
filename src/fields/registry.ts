import { CONTAINER_FIELDS } from "./container.ts";
import { EVENT_FIELDS } from "./event.ts";
import { FS_PATH_FIELDS } from "./fs-path.ts";
import { EVENT_DATA_FIELDS } from "./event-data.ts";
import { FD_FIELDS } from "./fd.ts";
import { FDLIST_FIELDS, UTIL_FIELDS } from "./fdlist.ts";
import type { Field, FieldRegistry } from "./field.ts";
import { K8S_FIELDS } from "./k8s.ts";
import { PROCESS_FIELDS } from "./process.ts";
import { RESOURCE_FIELDS } from "./resources.ts";
import { SAKER_FIELDS } from "./saker.ts";
import { STDIO_FIELDS } from "./stdio.ts";
import { USER_FIELDS } from "./user.ts";

/** Every field of the syscall source, in the order in which `saker fields` lists them. */
export const ALL_FIELDS: readonly Field[] = [
  ...EVENT_FIELDS,
  ...EVENT_DATA_FIELDS,
  ...PROCESS_FIELDS,
  ...RESOURCE_FIELDS,
  ...STDIO_FIELDS,
  ...USER_FIELDS,
  ...FD_FIELDS,
  ...FS_PATH_FIELDS,
  ...FDLIST_FIELDS,
  ...UTIL_FIELDS,
  ...CONTAINER_FIELDS,
  ...K8S_FIELDS,
  ...SAKER_FIELDS,
];

const BY_NAME: ReadonlyMap<string, Field> = new Map(ALL_FIELDS.map((field) => [field.name, field]));

/** The fields that rules may name. */
export const FIELDS: FieldRegistry = {
  get: (name) => BY_NAME.get(name),
  names: () => BY_NAME.keys(),
};

/** True when a field has values, false when it is declared for the language's sake alone. */
export function isComputed(field: Field): boolean {
  return field.bind !== undefined || field.bindAll !== undefined;
}
