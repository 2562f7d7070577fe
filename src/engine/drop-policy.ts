import { randomUUID } from "node:crypto";
import type { Alert, OutputFields } from "../alerts/alert.ts";
import { LOSS_REASONS, type LossCounts } from "../capture/losses.ts";
import type { DropAction } from "../config/choices.ts";
import type { NewsBody } from "../news/news.ts";
import type { Priority } from "../rules/priority.ts";
import type { Loss } from "./drop-watch.ts";

/** What is done about a loss, and who hears of it. */
export interface DropPolicy {
  /** Falco's syscall_event_drops.actions. */
  readonly actions: readonly DropAction[];
  readonly publish: (body: NewsBody, time?: bigint) => void;
  readonly host: string;
  /** The container that has lost most so far. */
  readonly mostOf: string | undefined;
  /** Ends the watch. */
  readonly end: () => void;
}

/** Does what syscall_event_drops says is to be done when events were lost. */
export function actOnLoss(loss: Loss, { actions, publish, host, mostOf, end }: DropPolicy): void {
  const by = mostOf === undefined ? "" : `, most so far of ${mostOf}`;
  const reason = `${lossText(loss)}${by}`;
  publish({ kind: "loss", what: "events", count: loss.events, reason });
  if (actions.includes("ignore")) return;
  const text = `${loss.events} of ${loss.seen} events were lost (${reason})`;
  if (actions.includes("log") || actions.includes("exit")) publish({ kind: "problem", text });
  if (actions.includes("alert")) {
    const alert = dropAlert(loss, host);
    publish({ kind: "alert", alert }, alert.time);
  }
  if (actions.includes("exit")) end();
}

/** As Falco reports it of itself. */
function dropAlert({ events, seen, ringFull, scratchBusy }: Loss, host: string): Alert {
  return internalAlert({
    rule: "Falco internal: syscall event drop",
    priority: "Debug",
    message: `Falco internal: syscall event drop. ${events} system calls dropped.`,
    fields: {
      n_evts: seen,
      n_drops: events,
      n_drops_buffer_total: ringFull,
      n_drops_scratch_map: scratchBusy,
      ebpf_enabled: 1,
    },
    host,
  });
}

/** An alert of the engine itself, in the shape that Falco gives its own. */
export function internalAlert({
  rule,
  priority,
  message,
  fields,
  host,
}: {
  readonly rule: string;
  readonly priority: Priority;
  readonly message: string;
  readonly fields: OutputFields;
  readonly host: string;
}): Alert {
  return {
    rule,
    priority,
    source: "internal",
    tags: [],
    time: BigInt(Date.now()) * 1_000_000n,
    hostname: host,
    message,
    outputFields: fields,
    uuid: randomUUID(),
  };
}

/** What events were lost to, in words. */
export function lossText(losses: LossCounts): string {
  const reasons = LOSS_REASONS.filter((reason) => losses[reason] > 0).map(
    (reason) => `${losses[reason]} ${LOSS_WORDS[reason]}`,
  );
  return reasons.join(", ") || "none in the kernel";
}

const LOSS_WORDS: Readonly<Record<keyof LossCounts, string>> = {
  ringFull: "events found the ring full: with eBPF a larger --buffer helps",
  overShare: "events of who flooded a ring that was half full",
  scratchBusy: "met a busy CPU buffer",
  skipped: "found the probe at work for another task on their processor",
  gone: "processes had ended before they could be looked at",
  unread: "events were in the ring still when the watch ended",
};
