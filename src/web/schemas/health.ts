import * as z from "zod";
import { RowId } from "./alert.ts";

const Count = z.int().min(0);
const ByReason = z.record(z.string(), Count);

/** What a watch says of itself; the same for `saker serve`, which has no source. */
export const WatchHealth = z.object({
  version: z.string(),
  hostname: z.string(),
  kernel: z.string(),
  startedAt: z.int().describe("epoch ms"),
  source: z
    .string()
    .describe(
      "how the kernel is read (`tp_btf`, `raw_tp`, `sockets`, …), `falco`, or `none`: a watch that is starting, or no watch",
    ),
  rules: Count.describe("that are loaded and switched on"),
  events: z
    .object({
      seen: Count.describe("calls of the events that rules ask for, in the kernel"),
      keptInKernel: Count.describe("of those: no rule can match them"),
      sent: Count,
      dropped: ByReason.describe("lost, by reason"),
    })
    .nullable()
    .describe("null: the source is not the kernel"),
  ports: z.object({ open: Count, examined: Count, notExamined: Count }).nullable(),
  published: Count.describe("pieces of news"),
  silenced: Count.describe("of the alerts among them: sent to no output"),
  outputs: z.array(
    z.object({
      name: z.string(),
      target: z.string(),
      delivered: Count,
      digested: Count.describe("alerts that are over the output's limit: told by rule, in one"),
      waiting: Count,
      refused: ByReason,
      dropped: ByReason,
    }),
  ),
});
export type WatchHealth = z.infer<typeof WatchHealth>;

/** What the store holds, and since when. */
export const StoreHealth = z.object({
  kind: z.enum(["sqlite", "postgresql", "memory"]),
  place: z.string().describe("its file, or the server's name"),
  bytes: Count,
  alerts: Count,
  since: RowId.nullable().describe("the oldest alert: nothing is shown from before"),
  newest: RowId.nullable(),
  sequence: Count.describe("of the last piece of news that was committed"),
  waiting: Count.describe("pieces of news that are not committed yet"),
  dropped: ByReason.describe("pieces of news that were not kept, by reason"),
  retention: z.object({
    days: z.number(),
    megabytes: z.number(),
    removed: Count.describe("alerts, since the start"),
  }),
  problem: z.string().nullable().describe("what is wrong now, in words"),
});
export type StoreHealth = z.infer<typeof StoreHealth>;

/** Something that was lost, does not work, or is worth knowing. */
export const Notice = z.object({
  id: RowId,
  sequence: z.int().nullable(),
  kind: z.enum(["loss", "problem", "note"]),
  text: z.string(),
  count: Count.nullable().describe("of a loss"),
});
export type Notice = z.infer<typeof Notice>;

/** `GET /api/v1/health` */
export const Health = z.object({
  watch: WatchHealth.nullable().describe("null: it did not answer in time"),
  store: StoreHealth,
  readers: z.object({
    open: Count,
    missed: Count.describe("events that slow readers were not sent"),
  }),
});
export type Health = z.infer<typeof Health>;

/** `GET /api/v1/notices`, newest first. */
export const NoticePage = z.object({ notices: z.array(Notice), older: RowId.nullable() });
export type NoticePage = z.infer<typeof NoticePage>;

/** Which notices. */
export const NoticeQuery = z.strictObject({
  before: z.coerce.number().pipe(RowId).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
