import type { Alert } from "../alerts/alert.ts";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import { isoText } from "../lib/time-text.ts";
import { PRIORITIES, type Priority } from "../rules/priority.ts";
import { syslogLine } from "./syslog.ts";

type Frame = (
  alert: Alert,
  message: string,
  utcOffsetMinutes: (epochMs: number) => number,
) => string;

/** LOG_USER. */
const FACILITY = 1;

/** A message with the head of each RFC. */
export const FRAMES: Readonly<Record<"5424" | "3164", Frame>> = {
  /** Without a BOM before the message: readers of JSON take it for a part of that. */
  "5424": ({ priority, time, hostname }, message) => {
    const pri = FACILITY * 8 + PRIORITIES.indexOf(priority);
    // No more than six digits of a second (RFC 5424, section 6).
    const stamp = isoText(time).replace(/(\.\d{6})\d*Z$/, "$1Z");
    return `<${pri}>1 ${stamp} ${word(hostname)} falco - - - ${message}`;
  },
  "3164": ({ priority, time, hostname }, line, utcOffsetMinutes) => {
    const severity = PRIORITIES.indexOf(priority);
    const local = syslogLine({ severity, line }, Number(time / 1_000_000n), utcOffsetMinutes);
    return local.replace(" falco: ", () => ` ${word(hostname)} falco: `);
  },
};

/** A host's name: printable ASCII without blanks. */
function word(text: string): string {
  return text.replaceAll(/[^!-~]/g, "_").slice(0, 255) || "-";
}

/** ArcSight's Common Event Format, version 0. */
export function cefMessage({
  rule,
  priority,
  source,
  hostname,
  time,
  message,
  tags,
  uuid,
  outputFields,
}: Alert): string {
  const head = [
    "CEF:0",
    "Falcosecurity",
    "Falco",
    "1.0",
    "Falco Event",
    headPart(rule),
    SEVERITY[priority],
  ];
  const fields = Object.entries(outputFields).filter(([, value]) => value !== null);
  const extension = Object.entries({
    uuid,
    start: String(time / 1_000_000n),
    dvchost: hostname,
    cat: source,
    msg: message,
    tags: tags.join(","),
    ...Object.fromEntries(
      fields.map(([name, value]) => [name.replaceAll(/\W/g, "_"), String(value)]),
    ),
  });
  const pairs = extension.map(([name, value]) => `${name}=${extensionPart(value)}`);
  return `${head.join("|")}|${pairs.join(" ")}`;
}

function headPart(text: string): string {
  return escapeUnseen(text.toWellFormed().replaceAll(/[\\|]/g, String.raw`\$&`));
}

function extensionPart(text: string): string {
  return escapeUnseen(text.toWellFormed().replaceAll(/[\\=]/g, String.raw`\$&`));
}

/** 0 to 10. */
const SEVERITY: Readonly<Record<Priority, number>> = {
  Emergency: 10,
  Alert: 9,
  Critical: 8,
  Error: 7,
  Warning: 6,
  Notice: 4,
  Informational: 3,
  Debug: 1,
};
