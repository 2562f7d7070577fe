import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { type Alert, PRIORITIES, type Priority } from "../alerts/alert.ts";
import type { FieldValue } from "../fields/field.ts";
import { LineSplitter } from "./line-splitter.ts";

export interface FalcoAlertsOptions {
  readonly onAlert: (alert: Alert) => void;
  /** Told for the first bad lines and then each time their number has doubled; `quote` is the line's beginning. */
  readonly onBadLine: (count: number, quote: string, reason: string) => void;
  readonly newUuid: () => string;
}

/** Falco's JSON alerts, a line each: what `json_output` writes to a file or to `program_output`. */
export class FalcoAlerts {
  readonly #options: FalcoAlertsOptions;
  readonly #splitter: LineSplitter;
  #timer: NodeJS.Timeout | undefined;
  #input: NodeJS.ReadableStream | undefined;
  #file: { readonly fd: number; readonly inode: number; offset: number } | undefined;
  #bad = 0;
  #seen = 0;

  constructor(options: FalcoAlertsOptions) {
    this.#options = options;
    this.#splitter = new LineSplitter((line) => this.#line(line));
  }

  /** Lines that were no alert. */
  get badLines(): number {
    return this.#bad;
  }

  get alerts(): number {
    return this.#seen;
  }

  /** Follows a file from its beginning, through rotation and truncation; it may come into being later. Until `close()`. */
  follow(path: string): void {
    const tick = (): void => {
      this.#readNew(path);
      this.#timer = setTimeout(tick, POLL_MS);
    };
    tick();
  }

  /** Reads a stream to its end, such as standard input behind Falco's program_output. */
  async read(input: NodeJS.ReadableStream): Promise<void> {
    this.#input = input;
    for await (const chunk of input) this.#splitter.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    this.#splitter.finish();
  }

  close(): void {
    clearTimeout(this.#timer);
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
    (this.#input as { destroy?: () => void } | undefined)?.destroy?.();
  }

  #readNew(path: string): void {
    try {
      if (this.#file === undefined) this.#open(path);
      this.#drain();
      // Only after the old file is read to its end is a rotated one left.
      if (this.#file !== undefined && inodeOf(path) !== this.#file.inode) {
        closeSync(this.#file.fd);
        this.#file = undefined;
        this.#open(path);
        this.#drain();
      }
    } catch {
      // Not there yet, or between two files: the next tick looks again.
    }
  }

  #open(path: string): void {
    const fd = openSync(path, "r");
    this.#file = { fd, inode: fstatSync(fd).ino, offset: 0 };
  }

  #drain(): void {
    const file = this.#file;
    if (file === undefined) return;
    if (fstatSync(file.fd).size < file.offset) file.offset = 0;
    const buffer = Buffer.alloc(64 * 1024);
    for (let length = readSync(file.fd, buffer, 0, buffer.length, file.offset); length > 0; ) {
      file.offset += length;
      this.#splitter.push(buffer.subarray(0, length));
      length = readSync(file.fd, buffer, 0, buffer.length, file.offset);
    }
  }

  #line(line: string): void {
    const result = parseAlert(line, this.#options.newUuid);
    if ("alert" in result) {
      this.#seen += 1;
      this.#options.onAlert(result.alert);
      return;
    }
    this.#bad += 1;
    if ((this.#bad & (this.#bad - 1)) === 0) this.#options.onBadLine(this.#bad, quoteOf(line), result.reason);
  }
}

const POLL_MS = 100;

/** One line of Falco's JSON as an alert, or why it is none. Unknown keys are left out, missing ones get their neutral value. */
export function parseAlert(line: string, newUuid: () => string): { alert: Alert } | { reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { reason: "it is not JSON" };
  }
  if (!isRecord(value)) return { reason: "it is not a JSON object" };
  const { rule, priority, output, time, source, hostname, tags, output_fields: outputFields, uuid } = value;
  if (typeof rule !== "string") return { reason: 'it has no "rule"' };
  return {
    alert: {
      rule,
      priority: priorityOf(priority),
      source: typeof source === "string" ? source : "syscall",
      tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [],
      time: typeof time === "string" ? nanoseconds(time) : 0n,
      hostname: typeof hostname === "string" ? hostname : "",
      message: messageOf(typeof output === "string" ? output : ""),
      outputFields: isRecord(outputFields) ? fieldsOf(outputFields) : {},
      uuid: typeof uuid === "string" ? uuid : newUuid(),
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function priorityOf(value: unknown): Priority {
  const text = String(value).toLowerCase();
  return PRIORITIES.find((priority) => priority.toLowerCase() === text) ?? "Debug";
}

/** `2016-08-04T16:17:57.882054739Z` in epoch nanoseconds, 0 when it is no time. */
function nanoseconds(time: string): bigint {
  const match = /^(.*?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(time);
  const ms = Date.parse(`${match?.[1] ?? ""}${match?.[3] ?? "Z"}`);
  return Number.isNaN(ms) ? 0n : BigInt(ms) * 1_000_000n + BigInt((match?.[2] ?? "").padEnd(9, "0") || 0);
}

/** Falco's output begins with its time and priority, which an alert carries on its own. */
function messageOf(output: string): string {
  return output.replace(/^[\d:.T+-]+Z?: (?:Emergency|Alert|Critical|Error|Warning|Notice|Informational|Debug) /, "");
}

function fieldsOf(fields: Record<string, unknown>): Record<string, FieldValue | null> {
  const known: Record<string, FieldValue | null> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") known[name] = value;
  }
  return known;
}

function quoteOf(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
}

function inodeOf(path: string): number {
  return statSync(path).ino;
}
