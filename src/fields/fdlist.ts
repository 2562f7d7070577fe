import type { Event } from "../events/event.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Field } from "./field.ts";

const { plain, absent } = fieldsOf("fdlist");

/** `fdlist.*`: the descriptors that poll(2) and its like were asked about. The probe does not send those calls; a capture may hold them. */
export const FDLIST_FIELDS: readonly Field[] = [
  plain("fdlist.nums", "CHARBUF", "Numbers of the descriptors that a poll is about, joined by commas", numbersOf),
  absent("fdlist.names", "CHARBUF", "Their names"),
  absent("fdlist.cips", "CHARBUF", "Addresses of their clients"),
  absent("fdlist.sips", "CHARBUF", "Addresses of their servers"),
  absent("fdlist.cports", "CHARBUF", "Ports of their clients"),
  absent("fdlist.sports", "CHARBUF", "Ports of their servers"),
];

const util: Pick<Field, "name" | "type" | "class" | "doc"> = { name: "util.cnt", type: "UINT64", class: "util", doc: "How often this use of the field was asked, this time included" };

/** `util.*`: nothing of the event. Each use of the counter in a rule counts for itself. */
export const UTIL_FIELDS: readonly Field[] = [{ ...util, bind: (argument) => (argument === undefined ? counter() : undefined) }];

function counter(): () => number {
  let count = 0;
  return () => (count += 1);
}

function numbersOf({ event }: Scene): string | undefined {
  const index = event.type?.params.findIndex((param) => param.type === "FDLIST") ?? -1;
  if (index < 0 || !event.has(index)) return undefined;
  const numbers = readNumbers(event, index);
  return numbers.length === 0 ? undefined : numbers.join(",");
}

/** An FDLIST parameter: u16 count, then as many entries of an i64 number and i16 flags. What does not fit any more is left out. */
function readNumbers(event: Event, index: number): bigint[] {
  const [start, length] = [event.offset(index), event.length(index)];
  if (length < 2) return [];
  const count = Math.min(event.view.getUint16(start, true), Math.floor((length - 2) / ENTRY));
  return Array.from({ length: count }, (_, entry) => event.view.getBigInt64(start + 2 + entry * ENTRY, true));
}

const ENTRY = 10;
