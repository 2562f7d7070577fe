import { ownReportPlaces } from "../config/report-places.ts";
import { ReportFolder } from "../outputs/report-folder.ts";
import { openHistory } from "./open-history.ts";
import { openSilences } from "./open-silences.ts";
import { type ServeOptions, serveSettings } from "./serve-options.ts";
import { endSoon, stopSignal } from "./stop.ts";
import { Terminal } from "./terminal.ts";

/** `saker serve`: the page of what was kept, and of alerts that come by HTTP, until Ctrl-C. */
export async function serve(options: ServeOptions): Promise<void> {
  const { settings, notes } = serveSettings(options);
  const { folder } = ownReportPlaces(options.report, process.cwd());
  const terminal = new Terminal({ json: false, log: settings.log });
  for (const note of notes) terminal.note(note);
  const stopped = stopSignal();
  const around = { terminal, reports: new ReportFolder(folder), running: () => undefined };
  const silences = await openSilences(settings, around);
  const history = await openHistory(settings, {
    ...around,
    rules: undefined,
    silences,
    outputs: () => [],
  });
  // The thread alone keeps no process.
  const held = setInterval(() => {}, DAY_MS);
  try {
    await stopped;
  } finally {
    clearInterval(held);
    await history?.close();
    await silences.close();
    endSoon();
  }
}

const DAY_MS = 86_400_000;
