import * as z from "zod";
import { RowId, StoredAlert } from "./alert.ts";
import { Notice } from "./health.ts";
import { AuditSummary, StoredPort } from "./port.ts";

/**
 * The data of each event of `GET /api/v1/stream`, by the event's name. Each has the row's id as the
 * event's id, so `Last-Event-ID` goes on where a reader left off; a `gap` has none. The stream takes
 * the filter of alerts, which holds for alerts alone.
 */
export const STREAM_EVENTS = {
  alert: StoredAlert,
  "port-opened": StoredPort,
  "port-closed": StoredPort,
  audit: AuditSummary,
  notice: Notice,
  gap: z.object({
    gap: z.int().describe("events that were not sent: the reader is too slow, or came back late"),
    after: RowId.describe("fetch what is newer than this by the cursor `after`"),
  }),
} as const;
export type StreamEvents = {
  [Name in keyof typeof STREAM_EVENTS]: z.infer<(typeof STREAM_EVENTS)[Name]>;
};
