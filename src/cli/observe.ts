import { type Alert, OPEN_PORT_TAG } from "../alerts/alert.ts";
import { openedPort, ownerName } from "../alerts/opened-port.ts";
import { AlertWatch } from "../engine/alert-watch.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { PortExaminer } from "../engine/port-examiner.ts";
import { ReportFolder } from "../engine/report-folder.ts";
import { isoText } from "../lib/time-text.ts";
import { escaped } from "../reports/escaped.ts";
import { parseDuration } from "./duration.ts";
import { stopSignal, untilStopped } from "./stop.ts";
import { Terminal } from "./terminal.ts";

interface ObserveOptions {
  readonly report: string;
  readonly json?: boolean;
  readonly duration?: string;
}

/**
 * `saker observe FILE`: a line for each port that an openport.txt names, and its audit, until
 * Ctrl-C; from standard input until that ends. Throws `USAGE_FILE`.
 */
export async function observe(file: string, options: ObserveOptions): Promise<void> {
  const durationMs =
    options.duration === undefined ? undefined : parseDuration(options.duration, "--duration");
  const stopped = stopSignal();
  const terminal = new Terminal({ json: options.json === true });
  const folder = new ReportFolder(options.report);
  const onProblem = (text: string): void => terminal.problem(text);
  let examined = 0;
  const examiner = new PortExaminer({
    folder,
    onProblem,
    onReport: (report, stem) => {
      examined += 1;
      terminal.audit(report, stem);
    },
  });
  const containers = containersOfHost({ environment: process.env, onProblem });
  const watch = new AlertWatch({
    containers,
    onAlert: (alert) => options.json !== true && printOpening(alert),
    onProblem,
    onNote: (text) => terminal.note(text),
    examiner,
    startedAt: BigInt(Date.now()) * 1_000_000n,
  });
  try {
    await Promise.race([containers.start(), stopped]);
    const from = file === "-" ? "standard input" : file;
    terminal.note(`observing ${from}; reports in ${folder.path}`);
    const over = file === "-" ? watch.read(process.stdin) : undefined;
    if (over === undefined && !watch.follow(file))
      terminal.note(`${file} is not there yet: waiting for it`);
    await untilStopped(stopped, durationMs, over);
  } finally {
    watch.close();
    containers.stop();
    examiner.close();
  }
  terminal.note(summary(watch.stats(), examined, examiner.dropped));
}

/** The old observer's line: time, container, port. */
function printOpening(alert: Alert): void {
  if (!alert.tags.includes(OPEN_PORT_TAG)) return;
  const port = openedPort(alert)?.port ?? "-";
  process.stdout.write(`${isoText(alert.time)} ${escaped(ownerName(alert))} ${port}\n`);
}

function summary(
  stats: ReturnType<AlertWatch["stats"]>,
  examined: number,
  unexamined: number,
): string {
  const parts = [
    `${stats.alerts} alerts`,
    `${stats.badLines} bad lines`,
    `${examined} ports examined`,
    `${stats.boundPorts} bound, not listening`,
    `${stats.udpPorts} over UDP`,
    `${stats.pastPorts} past ones left`,
    `${unexamined + stats.droppedPorts} dropped`,
  ];
  return parts.join(", ");
}
