import * as z from "zod";
import { PRIORITIES } from "../../rules/priority.ts";

/**
 * When a row arrived, in microseconds since the Unix epoch, made unique: the key of a row, the order
 * of all rows, and the cursor of every list.
 */
export const RowId = z.int().min(0).describe("arrival in epoch µs, unique: key, order and cursor");

/** One of Falco's priorities. */
export const PriorityName = z.enum(PRIORITIES);

const FieldScalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** An alert as it is kept: Falco's JSON with what the store knows beside. */
export const StoredAlert = z.object({
  id: RowId,
  sequence: z.int().nullable().describe("of the watch that reported it; null: came by POST /"),
  uuid: z.string(),
  time: z.string().describe("of the event: ISO 8601 with nanoseconds, UTC"),
  priority: PriorityName,
  rule: z.string(),
  source: z.string(),
  hostname: z.string(),
  tags: z.array(z.string()),
  container: z.string().describe("its name, else its id; `host` outside of containers"),
  message: z.string().describe("the output without time and priority"),
  silence: z.string().nullable().describe("id of the silence that it fell under"),
  output_fields: z.record(z.string(), z.union([FieldScalar, z.array(FieldScalar)])),
});
export type StoredAlert = z.infer<typeof StoredAlert>;

/** A page of alerts, newest first. A cursor is null where nothing is known to be beyond. */
export const AlertPage = z.object({
  alerts: z.array(StoredAlert),
  older: RowId.nullable().describe("`before` of the next page; null: this is the oldest"),
  newer: RowId.nullable().describe("`after` of the page above; null: nothing was there"),
});
export type AlertPage = z.infer<typeof AlertPage>;

/** What alerts can be counted by. */
export const DIMENSIONS = ["priority", "rule", "source", "host", "container", "tag"] as const;

/** How many alerts the filter matches, in all and by each value, the most frequent first. */
export const AlertCounts = z.object({
  total: z.int(),
  by: z.partialRecord(z.enum(DIMENSIONS), z.array(z.object({ value: z.string(), count: z.int() }))),
  countedSince: RowId.nullable().describe(
    "older matches are not counted: the filter asks for fields or words, and has many; null: all are",
  ),
});
export type AlertCounts = z.infer<typeof AlertCounts>;

/** Alerts over time by one dimension: for each value as many numbers as there are steps. */
export const AlertTimeline = z.object({
  from: z.int().describe("epoch ms"),
  to: z.int().describe("epoch ms"),
  stepMs: z.int().describe("whole minutes"),
  steps: z.int(),
  series: z.record(z.string(), z.array(z.int())),
  countedSince: RowId.nullable(),
});
export type AlertTimeline = z.infer<typeof AlertTimeline>;
