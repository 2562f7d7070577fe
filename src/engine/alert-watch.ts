import { randomUUID } from "node:crypto";
import { type Alert, OPEN_PORT_TAG } from "../alerts/alert.ts";
import { parseAlert } from "../alerts/parse.ts";
import { LineSource } from "../capture/line-source.ts";
import { RepeatedReports } from "../lib/repeated-reports.ts";
import type { NewsBody } from "../news/news.ts";
import { escaped } from "../reports/escaped.ts";
import { AlertedPorts, type AlertedPortsOptions } from "./alerted-ports.ts";
import type { HostPorts } from "./host-ports.ts";

/** What a watch of ready-made alerts works with; ports undefined where none are examined. */
export interface AlertWatchOptions extends Omit<AlertedPortsOptions, "ports" | "publish"> {
  readonly publish: (body: NewsBody, time?: bigint) => void;
  readonly onAlert: (alert: Alert) => void;
  /** Undefined when ports are not to be examined. */
  readonly ports: HostPorts | undefined;
}

/**
 * Ready-made alerts as the source: a running Falco's JSON, or an openport.txt. Those of open ports
 * lead to examinations.
 */
export class AlertWatch {
  readonly #options: AlertWatchOptions;
  readonly #lines: LineSource;
  readonly #ports: AlertedPorts | undefined;
  readonly #badLines: RepeatedReports;
  #alerts = 0;

  constructor(options: AlertWatchOptions) {
    this.#options = options;
    const { ports, publish } = options;
    const onProblem = (text: string): void => publish({ kind: "problem", text });
    this.#ports = ports === undefined ? undefined : new AlertedPorts({ ...options, ports });
    this.#badLines = new RepeatedReports(onProblem);
    this.#lines = new LineSource({
      onLine: (line) => this.#line(line),
      onProblem,
      isBusy: () => this.#ports?.isBusy === true,
    });
  }

  /** Counts; `badLines` has those that are too long, `droppedPorts` those for which no room was. */
  stats() {
    const none = { pastPorts: 0, boundPorts: 0, udpPorts: 0 };
    return {
      alerts: this.#alerts,
      badLines: this.#badLines.count("line") + this.#lines.tooLong,
      ...(this.#ports?.stats() ?? { ...none, droppedPorts: 0 }),
    };
  }

  /** Follows a file until `close()`; as `LineSource.follow`. */
  follow(path: string): boolean {
    return this.#lines.follow(path);
  }

  /** Reads a stream to its end, and waits for the examinations it led to. */
  async read(input: NodeJS.ReadableStream): Promise<void> {
    await this.#lines.read(input);
    await this.#ports?.idle();
    await this.#options.ports?.idle();
  }

  close(): void {
    this.#lines.close();
    this.#ports?.close();
  }

  #line(line: string): void {
    const result = parseAlert(line, randomUUID);
    if ("reason" in result) {
      this.#badLines.report(
        "line",
        `Cannot read line ${quote(line)} as an alert: ${result.reason}${adviceOn(line)}`,
      );
      return;
    }
    const { alert } = result;
    this.#alerts += 1;
    this.#options.onAlert(alert);
    if (alert.tags.includes(OPEN_PORT_TAG)) this.#ports?.opened(alert);
  }
}

/** Falco's own form of lines has not the fields that are needed. */
function adviceOn(line: string): string {
  const isText = /^[\dT:.+-]+Z?: (?:Emerg|Alert|Crit|Err|Warn|Notice|Info|Debug)/.test(line);
  return isText ? " (Falco writes JSON with json_output: true)" : "";
}

function quote(line: string): string {
  return escaped(JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line));
}
