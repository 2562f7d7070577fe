import { randomUUID } from "node:crypto";
import { parseAlert } from "../alerts/parse.ts";
import type { AlertNews, NewsStamp } from "../news/news.ts";
import { Refusal } from "./answer.ts";

/**
 * Alerts in a body: Falco's JSON as its http_output sends it, one object or a line each, or in
 * falcosidekick's wrapping for its page (`event`, `outputs`). Throws `Refusal`.
 */
export function alertsIn(body: string, now: number): readonly (NewsStamp & AlertNews)[] {
  const lines = isOneObject(body) ? [body] : body.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0 || lines.length > ALERTS_MAX)
    throw new Refusal(400, `A body has one to ${ALERTS_MAX} alerts`);
  return lines.map((line) => {
    const parsed = parseAlert(unwrapped(line), randomUUID);
    if ("reason" in parsed)
      throw new Refusal(400, "There is a line that is no alert", parsed.reason);
    const { alert } = parsed;
    const time = alert.time === 0n ? BigInt(now) * 1_000_000n : alert.time;
    return { kind: "alert", sequence: 0, time, host: alert.hostname, alert: { ...alert, time } };
  });
}

function isOneObject(body: string): boolean {
  return objectOf(body) !== undefined;
}

function unwrapped(line: string): string {
  const event = objectOf(line)?.["event"];
  return typeof event === "object" && event !== null ? JSON.stringify(event) : line;
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Alerts of one request. */
const ALERTS_MAX = 1000;
