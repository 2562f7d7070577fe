import { resolve } from "node:path";
import { OPEN_PORT_TAG } from "../alerts/alert.ts";
import { openedPort, ownerName } from "../alerts/opened-port.ts";
import { ownHostPid } from "../capture/own-process.ts";
import { hostNameOf } from "../config/host-name.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { startWatch } from "../engine/watch.ts";
import type { WatchStats } from "../engine/watch-options.ts";
import { requireReportFolder } from "./writable.ts";
import { isoText } from "../lib/time-text.ts";
import type { News } from "../news/news.ts";
import { ReportFolder } from "../outputs/report-folder.ts";
import { escaped } from "../reports/escaped.ts";
import { parseDuration } from "./duration.ts";
import { utcOffsetMinutes } from "./local-time.ts";
import { outliveReader } from "./standard-output.ts";
import { endSoon, stopSignal, untilStopped } from "./stop.ts";
import { Terminal } from "./terminal.ts";
import { printLine } from "./print.ts";

interface ObserveOptions {
  readonly report: string;
  readonly json?: boolean;
  readonly duration?: string;
}

/**
 * `saker observe FILE`: a line for each port that an openport.txt names, and its audit, until
 * Ctrl-C; from standard input until that ends. Throws `USAGE_FILE`, `KERNEL_REPORT`,
 * `CONFIG_REPORT`.
 */
export async function observe(file: string, options: ObserveOptions): Promise<void> {
  const durationMs =
    options.duration === undefined ? undefined : parseDuration(options.duration, "--duration");
  requireReportFolder(resolve(options.report));
  const stop = new AbortController();
  const stopped = stopSignal().then(() => stop.abort());
  const terminal = new Terminal({ json: options.json === true });
  outliveReader((reason) =>
    terminal.problem(
      `Writing to standard output ends: ${reason}; audits are written to the reports`,
    ),
  );
  const printer = { name: "openings", take: printOpening };
  const watch = await startWatch({
    source: { kind: "falco", input: file === "-" ? process.stdin : file },
    hostname: hostNameOf(process.env),
    utcOffsetMinutes,
    settings: DEFAULT_SETTINGS,
    reports: new ReportFolder(options.report),
    subscribers: options.json === true ? [terminal] : [terminal, printer],
    environment: process.env,
    ownPid: ownHostPid(),
    isRoot: process.geteuid?.() === 0,
    signal: stop.signal,
  });
  try {
    await untilStopped(stopped, durationMs, watch.ended);
  } finally {
    await watch.close();
    endSoon();
  }
  terminal.note(summary(watch.stats()));
}

/** The old observer's line: time, container, port. */
function printOpening(news: News): void {
  if (news.kind !== "alert" || !news.alert.tags.includes(OPEN_PORT_TAG)) return;
  const port = openedPort(news.alert)?.port ?? "-";
  printLine(`${isoText(news.time)} ${escaped(ownerName(news.alert))} ${port}`);
}

function summary({ ports, falco }: WatchStats): string {
  if (falco === undefined || ports === undefined) return "";
  const parts = [
    `${falco.alerts} alerts`,
    `${falco.badLines} bad lines`,
    `${ports.examined} ports examined`,
    `${falco.boundPorts} bound, not listening`,
    `${falco.udpPorts} over UDP`,
    `${falco.pastPorts} past ones left`,
    `${ports.notExamined + falco.droppedPorts} dropped`,
  ];
  return parts.join(", ");
}
