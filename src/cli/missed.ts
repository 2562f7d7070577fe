import type { CorrelatorStats } from "../rules/correlator.ts";
import type { WatchStats } from "../engine/watch-options.ts";

/**
 * What each counter of a part of the statistics says was missed; undefined for what is no such
 * counter, or has lines of its own. A counter that is added stands here, or the types are wrong.
 */
type Words<Stats> = { readonly [Name in keyof Stats]-?: string | undefined };

type Live = NonNullable<WatchStats["live"]>;

const WATCH: Words<WatchStats> = {
  silences: "times no event was read for more than two seconds",
  ports: undefined,
  news: undefined,
  live: undefined,
  repeated: undefined,
  falco: undefined,
  capture: undefined,
  containers: undefined,
  captures: undefined,
};

const LIVE: Words<Live> = {
  malformed: "records could not be read",
  failed: "records made the engine fail",
  notHeld: "events did not wait for their container's name: too many waited",
  evicted: "processes were forgotten for want of room",
  namelessContainers: "containers have users without names: see above",
  refreshed: "processes were looked up again after losses",
  events: undefined,
  held: undefined,
  byType: undefined,
  variant: undefined,
  probe: undefined,
  processes: undefined,
  lookedUp: undefined,
  hostNames: undefined,
  files: undefined,
  correlator: undefined,
  lostBy: undefined,
};

const CORRELATOR: Words<CorrelatorStats> = {
  withoutKey: "matches were not counted: they lack a value that the count or sequence goes by",
  forgotten: "unfinished counts or sequences were forgotten: too many different values came",
};

const FILES: Words<Live["files"]> = {
  hung: "files of containers were not read in time",
  refused: "files of containers were not even tried: too many waited, or the same one hung",
  hungThreads: undefined,
};

const PORTS: Words<NonNullable<WatchStats["ports"]>> = {
  unlistedPorts: "openings of ports had no room in the inventory",
  notExamined: "ports were not examined: there were too many, or the watch ended",
  unwrittenReports: "reports of ports could not be written",
  knownPorts: "alerts left out: their port was known",
  ownEffects: "alerts left out: our own examination made the program do it",
  openPorts: undefined,
  boundPorts: undefined,
  examined: undefined,
};

const FALCO: Words<NonNullable<WatchStats["falco"]>> = {
  droppedPorts: "alerted ports were not looked for: too many waited",
  alerts: undefined,
  badLines: undefined,
  pastPorts: undefined,
  boundPorts: undefined,
  udpPorts: undefined,
};

const NEWS: Words<WatchStats["news"]> = {
  refused: "pieces of news were refused: subscribers published them without end",
  silenced: "alerts were silenced: kept, and sent nowhere",
  published: undefined,
  byKind: undefined,
  failures: undefined,
};

const REPEATED: Words<NonNullable<WatchStats["repeated"]>> = {
  repeats: "alerts repeated others and were counted alone",
  lines: undefined,
};

const CONTAINERS: Words<NonNullable<WatchStats["containers"]>> = {
  refused: "questions to container runtimes were not asked: too many waited",
  asked: undefined,
  unknown: undefined,
  containers: undefined,
};

const CAPTURES: Words<NonNullable<WatchStats["captures"]>> = {
  notCaptured: "matches were not captured: see above",
  cut: "captures lack events: capture.memory_mb was too small",
};

/** A line for each counter of something that was not seen, not asked or not said. */
export function missedLines(stats: WatchStats): string[] {
  const { live, ports, falco, news, repeated, containers, captures } = stats;
  const failures = [...news.failures].map(([name, count]) => `${name} ${count}`).join(", ");
  return [
    ...lines(stats, WATCH),
    ...lines(live, LIVE),
    ...correlatorLines(live?.correlator),
    ...lines(live?.files, FILES),
    ...lines(containers, CONTAINERS),
    ...lines(ports, PORTS),
    ...lines(falco, FALCO),
    ...lines(captures, CAPTURES),
    ...lines(news, NEWS),
    ...lines(repeated, REPEATED),
    ...(failures === "" ? [] : [`subscribers that failed: ${failures}`]),
  ];
}

/** What counts and sequences did not take into account. */
export function correlatorLines(stats: CorrelatorStats | undefined): string[] {
  return lines(stats, CORRELATOR);
}

function lines<Stats extends object>(stats: Stats | undefined, words: Words<Stats>): string[] {
  if (stats === undefined) return [];
  return Object.entries<string | undefined>(words).flatMap(([name, text]) => {
    const count = stats[name as keyof Stats];
    return text === undefined || typeof count !== "number" || count === 0
      ? []
      : [`${count} ${text}`];
  });
}
