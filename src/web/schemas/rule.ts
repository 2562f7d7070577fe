import * as z from "zod";
import { PriorityName } from "./alert.ts";

/** A rule that is loaded. */
export const RuleSummary = z.object({
  name: z.string(),
  desc: z.string(),
  priority: PriorityName,
  enabled: z.boolean(),
  source: z.string(),
  tags: z.array(z.string()),
  file: z.string(),
});
export type RuleSummary = z.infer<typeof RuleSummary>;

/** A rule with its texts. */
export const RuleDetail = RuleSummary.extend({
  condition: z.string().describe("as it is written"),
  clauses: z
    .array(z.string())
    .describe("what must all hold: exceptions, lists and macros in place"),
  output: z.string(),
  events: z.array(z.string()),
  fields: z.array(z.string()),
});
export type RuleDetail = z.infer<typeof RuleDetail>;

/** Rules in the order in which they are asked. */
export const RuleList = z.object({ rules: z.array(RuleSummary) });
export type RuleList = z.infer<typeof RuleList>;
