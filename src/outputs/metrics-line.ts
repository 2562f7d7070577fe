import { fieldsText } from "../alerts/format.ts";
import type { News } from "../news/news.ts";

/** The rule under whose name Falco tells its metrics. */
export const METRICS_RULE = "Falco internal: metrics snapshot";

/** The lines of `metrics.output_file`: a number and the fields. Undefined for other news. */
export function metricsLines(): (news: News) => string | undefined {
  let sample = 0;
  return (news) => {
    if (news.kind !== "alert" || news.alert.rule !== METRICS_RULE) return undefined;
    sample += 1;
    return `{"output_fields":${fieldsText(news.alert.outputFields)},"sample":${sample}}`;
  };
}
