import * as z from "zod";
import { DIMENSIONS, PriorityName, RowId } from "./alert.ts";

/** Values of one key. */
const VALUES_MAX = 32;

/** Characters of one value: paths and command lines are long. */
const VALUE_MAX = 4096;

/** A value of a query's key that may stand there more than once: any of them matches. */
function anyOf<Item extends z.ZodType>(item: Item) {
  return z.array(item).max(VALUES_MAX).optional();
}

const Word = z.string().max(VALUE_MAX);
const Cursor = z.coerce.number().pipe(RowId);
const Field = Word.regex(/^[^=]+=/, "must be NAME=VALUE");

/**
 * Which alerts: all keys must match, of a key that is repeated any value. `KEY!` leaves out what
 * matches. Every value of `field` and `field!` counts for itself.
 */
export const AlertFilter = z.strictObject({
  since: moment().describe("arrived at or after: epoch ms, or ISO 8601"),
  until: moment().describe("arrived before"),
  priority: anyOf(PriorityName),
  rule: anyOf(Word),
  source: anyOf(Word),
  host: anyOf(Word),
  container: anyOf(Word).describe("name or id; `host` outside of containers"),
  tag: anyOf(Word),
  field: anyOf(Field).describe("an output field: NAME=VALUE"),
  silenced: z.enum(["yes", "no"]).optional().describe("silenced alerts alone, or without them"),
  text: z.string().max(200).optional().describe("words of the output; the last may be unfinished"),
  "priority!": anyOf(PriorityName),
  "rule!": anyOf(Word),
  "source!": anyOf(Word),
  "host!": anyOf(Word),
  "container!": anyOf(Word),
  "tag!": anyOf(Word),
  "field!": anyOf(Field),
});
export type AlertFilter = z.infer<typeof AlertFilter>;

/** A page: the newest, or beside a cursor. */
export const AlertQuery = AlertFilter.extend({
  before: Cursor.optional().describe("older than this id"),
  after: Cursor.optional().describe("newer than this id, the nearest ones"),
  limit: z.coerce.number().int().min(1).max(500).default(50),
}).refine(({ before, after }) => before === undefined || after === undefined, {
  error: "before and after exclude each other",
});

/** Counts by these dimensions. */
export const AlertCountQuery = AlertFilter.extend({
  by: z.array(z.enum(DIMENSIONS)).max(DIMENSIONS.length).default(["priority"]),
  top: z.coerce.number().int().min(1).max(1000).default(20),
});

/** Counts over time. */
export const AlertTimelineQuery = AlertFilter.extend({
  by: z.enum(DIMENSIONS).exclude(["tag"]).default("priority"),
  steps: z.coerce.number().int().min(1).max(500).default(60).describe("at most so many"),
});

/** Every match, newest first, as a file. */
export const AlertExportQuery = AlertFilter.extend({
  format: z.enum(["jsonl", "csv"]).default("jsonl"),
});

/** Epoch milliseconds, of a number or of an ISO 8601 text. */
function moment() {
  return z
    .union([z.coerce.number().int().min(0), z.iso.datetime({ offset: true }).transform(Date.parse)])
    .optional();
}
