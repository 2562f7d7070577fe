import { type Alert, OPEN_PORT_TAG } from "../alerts/alert.ts";
import { type FormatOptions, jsonLine, textLine } from "../alerts/format.ts";
import type { News } from "../news/news.ts";

/** An alert's line as Falco's outputs have it; undefined for other news. */
export function alertLine(
  news: News,
  { format, json }: { readonly format: FormatOptions; readonly json: boolean },
): string | undefined {
  if (news.kind !== "alert") return undefined;
  return json ? jsonLine(news.alert, format) : textLine(news.alert, format);
}

/** The JSON line of an alert that says that a port was opened; undefined for other news. */
export function openPortLine(news: News, format: FormatOptions): string | undefined {
  return news.kind === "alert" && isOpenPort(news.alert) ? jsonLine(news.alert, format) : undefined;
}

function isOpenPort(alert: Alert): boolean {
  return alert.tags.includes(OPEN_PORT_TAG);
}
