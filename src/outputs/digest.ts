import { randomUUID } from "node:crypto";
import type { Alert } from "../alerts/alert.ts";
import { durationMs } from "../lib/duration.ts";
import type { News } from "../news/news.ts";
import { type Priority, urgencyOf } from "../rules/priority.ts";
import type { DigestedAlert } from "./line-queue.ts";

/** So many alerts in a time; `period` as it was written. */
export interface Rate {
  readonly count: number;
  readonly period: string;
  readonly periodMs: number;
}

/** Reads `20/1m`, of a second to a day; undefined for what is none. */
export function rateOf(text: string): Rate | undefined {
  const [, digits = "", period = ""] = /^([1-9]\d{0,5})\/([\d.]+(?:ms|[smhd]))$/.exec(text) ?? [];
  const periodMs = durationMs(period) ?? 0;
  if (periodMs < 1000 || periodMs > 86_400_000) return undefined;
  return { count: Number(digits), period, periodMs };
}

/** The rule of the alerts that stand for others. */
const RULE = "Saker internal: alerts digested";

/** Whether it is the alert of a digest, which an output sends whatever else it wants. */
export function isDigest({ rule, source }: Alert): boolean {
  return source === "internal" && rule === RULE;
}

/**
 * What an output may send one by one in a period, and what is beyond: counted by rule, and told as
 * one alert at the period's end. A period begins with its first alert. `now` is of a clock that is
 * never set, in milliseconds.
 */
export class Digest {
  readonly #rate: Rate;
  #endsAt = 0;
  #sent = 0;
  #length = 0;
  readonly #byRule = new Map<string, number>();
  #first: DigestedAlert | undefined;
  #priority: Priority = "Debug";
  #news: News | undefined;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Alerts that were counted and are not told. */
  get length(): number {
    return this.#length;
  }

  /** How many may be sent one by one now. */
  room(now: number): number {
    return this.#isOver(now) ? this.#rate.count : Math.max(0, this.#rate.count - this.#sent);
  }

  /** So many were sent one by one. */
  sent(count: number, now: number): void {
    if (this.#isOver(now)) [this.#endsAt, this.#sent] = [now + this.#rate.periodMs, 0];
    this.#sent += count;
  }

  /** Counts what is not sent. */
  add(alerts: readonly (DigestedAlert | undefined)[]): void {
    for (const alert of alerts) {
      this.#length += 1;
      if (alert === undefined) continue;
      this.#first ??= alert;
      const { priority, rule } = alert;
      if (urgencyOf(priority) < urgencyOf(this.#priority)) this.#priority = priority;
      const name = `${rule} (${priority})`;
      if (this.#byRule.has(name) || this.#byRule.size < RULES_MAX)
        this.#byRule.set(name, (this.#byRule.get(name) ?? 0) + 1);
    }
  }

  /** How long until it is to be told; undefined when there is nothing to tell. */
  waitMs(now: number): number | undefined {
    return this.#length === 0 ? undefined : Math.max(0, this.#endsAt - now);
  }

  /** The alert that tells it, the same one until `clear`. */
  news(): News {
    return (this.#news ??= this.#told(BigInt(Date.now()) * 1_000_000n));
  }

  /** It was told: the next period begins with the next alert. */
  clear(): void {
    [this.#endsAt, this.#length, this.#priority] = [0, 0, "Debug"];
    [this.#first, this.#news] = [undefined, undefined];
    this.#byRule.clear();
  }

  #isOver(now: number): boolean {
    return this.#length === 0 && now >= this.#endsAt;
  }

  #told(time: bigint): News {
    const host = this.#first?.hostname ?? "";
    const alert: Alert = {
      rule: RULE,
      priority: this.#priority,
      source: "internal",
      tags: ["digest"],
      time,
      hostname: host,
      message: `${this.#length} further ${this.#length === 1 ? "alert" : "alerts"} in ${this.#rate.period}: ${this.#rulesText()}`,
      outputFields: { "saker.digested": this.#length },
      uuid: randomUUID(),
    };
    return { kind: "alert", alert, sequence: 0, time, host };
  }

  #rulesText(): string {
    const rules = [...this.#byRule].toSorted(([, one], [, other]) => other - one);
    const shown = rules.slice(0, SHOWN_MAX);
    const left = shown.reduce((sum, [, count]) => sum - count, this.#length);
    const texts = shown.map(([rule, count]) => `${count} ${rule}`);
    return [...texts, ...(left === 0 ? [] : [`${left} of other rules`])].join(", ");
  }
}

/** Names of rules may come from elsewhere: no more are counted apart, fewer are shown. */
const [RULES_MAX, SHOWN_MAX] = [1000, 20];
