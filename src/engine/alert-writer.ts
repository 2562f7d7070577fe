import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { type Alert, OPEN_PORT_TAG } from "../alerts/alert.ts";
import { type FormatOptions, jsonLine, textLine } from "../alerts/format.ts";
import { LineFile } from "../outputs/line-file.ts";
import type { ReportFolder } from "./report-folder.ts";

export interface AlertWriterOptions {
  readonly folder: ReportFolder;
  readonly format: FormatOptions;
  /** Falco's json_output: JSON in falco_report.txt, too. */
  readonly json: boolean;
  /** A further file, Falco's file_output. */
  readonly extraFile?: string | undefined;
  /** The file that alerts are read from, if any: it is never written to. */
  readonly sourceFile?: string | undefined;
  readonly onProblem: (message: string) => void;
}

/**
 * Writes alerts to the report's files: all of them to falco_report.txt, those of open ports as JSON
 * to openport.txt.
 */
export class AlertWriter {
  readonly #options: AlertWriterOptions;
  readonly #all: readonly LineFile[];
  readonly #openPorts: readonly LineFile[];

  constructor(options: AlertWriterOptions) {
    this.#options = options;
    const file = (path: string): LineFile[] =>
      isSame(path, options.sourceFile)
        ? []
        : [new LineFile(path, { onProblem: options.onProblem })];
    this.#all = [
      ...file(options.folder.alertsFile),
      ...(options.extraFile === undefined ? [] : file(options.extraFile)),
    ];
    this.#openPorts = file(options.folder.openPortFile);
  }

  /** Lines given up because a disk was full for long. */
  get dropped(): number {
    return [...this.#all, ...this.#openPorts].reduce((sum, file) => sum + file.dropped, 0);
  }

  /** Writes one alert and returns its text line. */
  write(alert: Alert): string {
    const text = textLine(alert, this.#options.format);
    for (const file of this.#all)
      file.write(this.#options.json ? jsonLine(alert, this.#options.format) : text);
    if (alert.tags.includes(OPEN_PORT_TAG))
      for (const file of this.#openPorts) file.write(jsonLine(alert, this.#options.format));
    return text;
  }

  close(): void {
    for (const file of [...this.#all, ...this.#openPorts]) file.close();
  }
}

function isSame(path: string, other: string | undefined): boolean {
  if (other === undefined) return false;
  try {
    return realpathSync(path) === realpathSync(other);
  } catch {
    return resolve(path) === resolve(other);
  }
}
