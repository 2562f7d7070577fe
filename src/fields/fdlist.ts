import { fieldsOf } from "./_define.ts";
import type { Field } from "./field.ts";

const { absent } = fieldsOf("fdlist");

/** `fdlist.*`: the descriptors that poll(2) and its like were asked about. The probe does not send those calls. */
export const FDLIST_FIELDS: readonly Field[] = [
  absent("fdlist.nums", "CHARBUF", "Numbers of the descriptors, joined by commas"),
  absent("fdlist.names", "CHARBUF", "Their names"),
  absent("fdlist.cips", "CHARBUF", "Addresses of their clients"),
  absent("fdlist.sips", "CHARBUF", "Addresses of their servers"),
  absent("fdlist.cports", "CHARBUF", "Ports of their clients"),
  absent("fdlist.sports", "CHARBUF", "Ports of their servers"),
];

/** `util.*`: nothing that a host's events answer. */
export const UTIL_FIELDS: readonly Field[] = [fieldsOf("util").absent("util.cnt", "UINT64", "A number that grows each time it is printed")];
