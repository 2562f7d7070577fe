import { type CustomFields, customized } from "./custom-fields.ts";
import type { Destination } from "./destination.ts";
import { Delivery, type DeliveryOptions } from "./delivery.ts";
import { alertLine, openPortLine } from "./alert-line.ts";
import { FileClaims } from "./file-claims.ts";
import { fileDestination } from "./file.ts";
import { metricsLines } from "./metrics-line.ts";
import type { Output } from "./output.ts";
import type { OutputContext } from "./output-context.ts";
import { logDestination, type Severity } from "./syslog.ts";
import { OFF, openKinds, type OutputOptions } from "./registry.ts";

/** Which outputs there are, with their options. */
export interface OutputSettings extends OutputOptions {
  /** What alerts for services have besides. */
  readonly custom?: CustomFields | undefined;
  /** The most lines that wait for each output; undefined for the default (outputs_queue). */
  readonly capacity: number | undefined;
  /** An output that takes longer for a batch is reported, in milliseconds (output_timeout). */
  readonly slowMs: number;
  /** Problems and notes of this severity and above go to syslog (log_syslog); undefined for none. */
  readonly logLevel: Severity | undefined;
}

/** Files that get every alert, and files that get the alerts of opened ports alone. */
export interface ReportFiles {
  readonly alertFiles: readonly string[];
  readonly openPortFiles: readonly string[];
}

/** What outputs are opened beside: the report's files, and a file that is read from. */
export interface OpenOutputsOptions
  extends
    Omit<OutputContext, "claims" | "enriched">,
    Pick<DeliveryOptions, "outbox" | "refused" | "onLost"> {
  /** Gets Falco's metrics, a line of JSON each (metrics.output_file); undefined for none. */
  readonly metricsFile?: string | undefined;
  /** The report's own files; undefined for none. */
  readonly report?: ReportFiles | undefined;
  /** The file that alerts are read from, if any: it is never written to. */
  readonly sourceFile?: string | undefined;
}

/**
 * Opens the outputs that are switched on. Each is checked once: what cannot be written to is
 * reported now and tried again with the first alert. Never throws.
 */
export async function openOutputs(
  settings: OutputSettings,
  options: OpenOutputsOptions,
): Promise<readonly Output[]> {
  const { capacity, slowMs } = settings;
  const { onProblem, onNote, outbox, refused, onLost } = options;
  const limits = { capacity, slowMs, onProblem, onNote, outbox, refused, onLost };
  const deliveries = openDestinations(settings, options).map(
    (destination) => new Delivery(destination, limits),
  );
  // One after another: of two that name the same file, the first has it.
  for (const delivery of deliveries) await delivery.check();
  return deliveries;
}

/** The destinations that are switched on, without a queue. Never throws; the caller closes them. */
export function openDestinations(
  settings: OutputSettings,
  options: OpenOutputsOptions,
): readonly Destination[] {
  const { report, metricsFile, sourceFile } = options;
  const claims = new FileClaims(sourceFile);
  const enriched = settings.custom && customized(settings.custom);
  const context: OutputContext = { ...options, claims, enriched };
  const off = { ...settings, stdout: { enabled: false } };
  return [
    ...openKinds({ ...OFF, stdout: settings.stdout }, context),
    // Before file_output: of two that name the same file, the first has it.
    ...(report === undefined ? [] : reportFiles(report, context)),
    ...openKinds(off, context),
    ...(metricsFile === undefined ? [] : [metricsDestination(metricsFile, context)]),
    ...(settings.logLevel === undefined ? [] : [logDestination(settings.logLevel, context)]),
  ];
}

function metricsDestination(path: string, context: OutputContext): Destination {
  return fileDestination({ name: METRICS_FILE, path, format: metricsLines(), context });
}

/** The name of the output that writes metrics alone. */
export const METRICS_FILE = "metrics.output_file";

/** DESIGN, section 4: every alert in falco_report.txt, those of opened ports in openport.txt. */
function reportFiles(
  { alertFiles, openPortFiles }: ReportFiles,
  context: OutputContext,
): readonly Destination[] {
  const alerts = (path: string): Destination =>
    fileDestination({ name: "report", path, format: (news) => alertLine(news, context), context });
  const openPorts = (path: string): Destination =>
    fileDestination({
      name: "openport",
      path,
      format: (news) => openPortLine(news, context.format),
      context,
    });
  return [...alertFiles.map(alerts), ...openPortFiles.map(openPorts)];
}
