import { CUT_REASONS, type CutCounts, lostRecords } from "../capture/losses.ts";
import type { ProbeCounters } from "../capture/probe-counters.ts";
import { lossText } from "../engine/drop-policy.ts";
import type { HostNamesStats } from "../capture/host-names.ts";
import type { RuleMeter } from "../engine/rule-meter.ts";
import type { WatchStats } from "../engine/watch-options.ts";
import { missedLines } from "./missed.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { linesLost, type Output } from "../outputs/output.ts";

/** What a watch came to, and all that it missed: a line each. `unkept`: news that the store dropped. */
export function watchSummary(
  stats: WatchStats,
  outputs: readonly Output[],
  unkept: number,
): string[] {
  const unwritten = outputs.reduce((sum, output) => sum + linesLost(output.counts()), 0);
  const { ports, live, falco, news } = stats;
  const counts = [
    ...(live === undefined
      ? []
      : [`${live.events} events`, `${lostRecords(live.probe.dropped)} dropped`]),
    `${news.byKind.alert ?? 0} alerts${butNot(unwritten, "delivered")}`,
    ...(falco === undefined ? [] : [`${falco.badLines} bad lines`]),
    `${ports?.examined ?? 0} ports examined${butNot(notExamined(stats), "examined")}`,
    `${ports?.openPorts ?? 0} open`,
    ...(falco === undefined ? [] : [`${falco.pastPorts} past ones left`]),
  ];
  const known = live === undefined ? "" : `; ${live.processes} processes known`;
  return [
    `${counts.join(", ")}${known}`,
    ...(live === undefined ? [] : liveLines(live)),
    ...outputs.flatMap(unwrittenLines),
    ...(unkept === 0 ? [] : [`${unkept} news are not in the store: too many waited for it`]),
    ...missedLines(stats),
  ];
}

function butNot(count: number, what: string): string {
  return count === 0 ? "" : ` (${count} not ${what})`;
}

function notExamined({ ports, falco }: WatchStats): number {
  return (ports?.notExamined ?? 0) + (falco?.droppedPorts ?? 0);
}

/** The state of a running watch, in several lines. */
export function statsText(stats: WatchStats, meter: RuleMeter | undefined, rssBytes: number) {
  const { live, ports } = stats;
  const openPorts = ports?.openPorts ?? 0;
  if (live === undefined) return `${openPorts} open ports, ${megabytes(rssBytes)} MB`;
  const { events, held, probe, processes, hostNames } = live;
  const dropped = lostRecords(probe.dropped);
  const line = `${events} events (${dropped} dropped, ${held} waited), ${processes} processes, ${openPorts} open ports, ${megabytes(rssBytes)} MB`;
  return [
    line,
    ...nameLines(hostNames),
    kernelLine(probe),
    ...cutLines(probe.cut),
    ...typeLines(probe),
    ...costLines(meter),
  ].join("\n");
}

function megabytes(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}

function liveLines({ probe, lostBy }: NonNullable<WatchStats["live"]>): string[] {
  const lost = lostRecords(probe.dropped);
  const losers = lostBy.slice(0, LOSERS_SHOWN_MAX).map((one) => `${one.name}: ${one.lost}`);
  const by = losers.length === 0 ? "" : ` (${losers.join(", ")})`;
  return [
    ...(probe.filtered > 0 ? [kernelLine(probe)] : []),
    ...cutLines(probe.cut),
    ...(lost > 0 ? [`dropped: ${cpuText(probe)}${lossText(probe.dropped)}${by}`] : []),
  ];
}

const LOSERS_SHOWN_MAX = 8;

function cpuText({ dropped }: ProbeCounters): string {
  const byCpu = dropped.byCpu.flatMap((lost, cpu) => (lost === 0 ? [] : [`CPU ${cpu}: ${lost}`]));
  return byCpu.length === 0 ? "" : `${byCpu.join(", ")}; `;
}

function unwrittenLines(output: Output): string[] {
  const { name, target } = output;
  const { digested, refused, dropped, waiting } = output.counts();
  const reasons = [...Object.entries(refused), ...Object.entries(dropped)];
  const text = reasons.map(([reason, count]) => `${count} (${reason})`).join(", ");
  return [
    ...(reasons.length === 0 ? [] : [`alerts that did not reach ${name} at ${target}: ${text}`]),
    ...(digested === 0
      ? []
      : [`alerts that ${name} at ${target} has as digests alone, by its limit: ${digested}`]),
    ...(waiting === 0
      ? []
      : [`alerts that wait for the next start: ${waiting}, for ${name} at ${target}`]),
  ];
}

/** Host names that stand in rules, with some that nothing can be compared with. */
function nameLines({ names, without }: HostNamesStats): string[] {
  if (names === 0) return [];
  const more = without.length > NAMES_SHOWN_MAX ? ", …" : "";
  const shown = without.slice(0, NAMES_SHOWN_MAX).join(", ") + more;
  const which = shown === "" ? "" : `: ${shown}`;
  return [`${names} host names in rules, ${without.length} without an address${which}`];
}

const NAMES_SHOWN_MAX = 3;

/** What the kernel saw and what of it came out. */
function kernelLine({ seen, filtered, sent }: ProbeCounters): string {
  return `the kernel saw ${seen} calls of these events, kept ${filtered} that no rule can match, sent ${sent}`;
}

const EVENT_TYPES_MAX = 6;

/** The events that were seen most, with what became of them. */
function typeLines({ byCode }: ProbeCounters): string[] {
  const rows = [...byCode]
    .toSorted(([, left], [, right]) => right.seen - left.seen)
    .slice(0, EVENT_TYPES_MAX);
  return rows.map(
    ([code, { seen, filtered, sent, dropped }]) =>
      `  ${EVENT_TYPES[code]?.name ?? code}: ${seen} seen, ${filtered} kept in the kernel, ${sent} sent, ${dropped} dropped`,
  );
}

const COSTLY_RULES_MAX = 5;

/** The rules that take most of the time, by the times of some of their evaluations. */
function costLines(meter: RuleMeter | undefined): string[] {
  const rows = meter?.top(COSTLY_RULES_MAX) ?? [];
  return rows.map(
    ({ name, evaluations, matches, share, meanNs }) =>
      `  ${Math.round(share * 100)} % of rule time: ${name} (${evaluations} evaluations, ${matches} matches, ${Math.round(meanNs)} ns each)`,
  );
}

const CUT_WORDS: Readonly<Record<keyof CutCounts, string>> = {
  text: "had a text longer than 4095 bytes",
  path: "a path deeper than 64 folders",
  record: "more than fits",
};

/** None when all events were sent whole. */
function cutLines(cut: CutCounts): string[] {
  const reasons = CUT_REASONS.filter((reason) => cut[reason] > 0);
  if (reasons.length === 0) return [];
  const text = reasons.map((reason) => `${cut[reason]} ${CUT_WORDS[reason]}`).join(", ");
  return [`sent, but cut at a limit: ${text}`];
}
