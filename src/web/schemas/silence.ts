import * as z from "zod";
import { SILENCE_LIMITS } from "../../store/silence.ts";

const limits = SILENCE_LIMITS;

const Scope = z.object({
  rule: z.string().min(1).max(limits.rule),
  fields: z
    .record(z.string().min(1).max(limits.field), z.string().max(limits.field))
    .describe("output fields that must have these values, as text; none: all of the rule"),
});

/** Alerts that are kept, and sent to no output, until a time. */
export const Silence = Scope.extend({
  id: z.string(),
  because: z.string(),
  from: z.int().describe("epoch ms"),
  until: z.int().describe("epoch ms"),
  count: z.int().min(0).describe("alerts that it has silenced"),
});
export type Silence = z.infer<typeof Silence>;

/** `GET /api/v1/silences`: those that hold, the next to end first. */
export const SilenceList = z.object({ silences: z.array(Silence) });
export type SilenceList = z.infer<typeof SilenceList>;

/** `POST /api/v1/silences` */
export const NewSilence = z.strictObject({
  ...Scope.shape,
  fields: Scope.shape.fields.default({}),
  because: z.string().min(1).max(limits.because),
  seconds: z
    .int()
    .min(1)
    .max(limits.ms / 1000)
    .describe("for how long"),
});
export type NewSilence = z.infer<typeof NewSilence>;
