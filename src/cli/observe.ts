import { AlertWatch } from "../engine/alert-watch.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { PortExaminer } from "../engine/port-examiner.ts";
import { ReportFolder } from "../engine/report-folder.ts";
import { parseDuration } from "./duration.ts";
import { stopSignal, untilStopped } from "./stop.ts";
import { Terminal } from "./terminal.ts";

/** `saker observe FILE`: the audits of the ports that an openport.txt tells of, until Ctrl-C. */
export async function observe(
  file: string,
  options: { readonly report: string; readonly json?: boolean; readonly duration?: string },
): Promise<void> {
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
  await Promise.race([containers.start(), stopped]);
  const watch = new AlertWatch({
    containers,
    onAlert: () => {},
    onProblem,
    examiner,
    startedAt: BigInt(Date.now()) * 1_000_000n,
  });
  terminal.note(`observing ${file}; reports in ${folder.path}`);
  watch.follow(file);
  await untilStopped(stopped, durationMs);
  watch.close();
  containers.stop();
  examiner.close();
  const { alerts, badLines, pastPorts } = watch.stats();
  terminal.note(
    `${alerts} alerts, ${badLines} bad lines, ${examined} ports examined, ${pastPorts} past ones left, ${examiner.dropped} dropped`,
  );
}
