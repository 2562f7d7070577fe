import type { Writable } from "node:stream";
import type { Alert } from "../alerts/alert.ts";
import type { FormatOptions } from "../alerts/format.ts";
import type { FileClaims } from "./file-claims.ts";

/** What outputs need of the program around them, besides their own options. */
export interface OutputContext {
  readonly format: FormatOptions;
  /** Falco's json_output: alerts are lines of JSON wherever they go. */
  readonly json: boolean;
  readonly stdout: StandardOutput;
  /** Of the programs that outputs start. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where what these programs print goes; the process's own output by default. */
  readonly programStdio?: readonly ["inherit" | number, "inherit" | number] | undefined;
  /** The syslog's socket, `/dev/log` by default. */
  readonly syslogPath?: string | undefined;
  /** Which files are written to, so that none gets an alert twice. */
  readonly claims: FileClaims;
  /** An alert for a service, with what the configuration adds to it; as it is by default. */
  readonly enriched?: ((alert: Alert) => Alert) | undefined;
  readonly onProblem: (text: string) => void;
  readonly onNote: (text: string) => void;
}

/** Standard output, and how it shows alerts. */
export interface StandardOutput {
  readonly stream: Writable;
  /** JSON there even when `json_output` is off (`--json`). */
  readonly json?: boolean | undefined;
  /** Colours of a terminal around a line of text. */
  readonly paint?: ((alert: Alert, line: string) => string) | undefined;
}
