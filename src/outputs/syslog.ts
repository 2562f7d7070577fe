import type { News } from "../news/news.ts";
import { PRIORITIES } from "../rules/priority.ts";
import { alertLine } from "./alert-line.ts";
import type { Answer, Destination } from "./destination.ts";
import { enabledOption, type Switch } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import { SyslogSocket } from "./syslog-socket.ts";

/** Falco's syslog_output: alerts to the host's own syslog, as syslog(3) brings them there. */
export const SYSLOG_OUTPUT: OutputKind<Switch> = {
  section: "syslog_output",
  doc: "Alerts to the host's syslog (/dev/log): facility user, severity by priority, identity `falco`.",
  options: { enabled: enabledOption(false) },
  isOn: ({ enabled }) => enabled,
  open: (_, context) =>
    syslogDestination({
      name: SYSLOG_OUTPUT.section,
      context,
      message: (news) => {
        const line = alertLine(news, context);
        if (line === undefined || news.kind !== "alert") return undefined;
        return { severity: PRIORITIES.indexOf(news.alert.priority), line };
      },
    }),
};

/** Severities of syslog(3), as Falco's log_level names them. */
export const SEVERITIES = [
  "emergency",
  "alert",
  "critical",
  "error",
  "warning",
  "notice",
  "info",
  "debug",
] as const;
/** One of `SEVERITIES`. */
export type Severity = (typeof SEVERITIES)[number];

/**
 * Falco's log_syslog: problems and notes of the watch itself, from a severity on. They stand on
 * standard error, too, so where there is no syslog nothing is reported or counted as lost.
 */
export function logDestination(level: Severity, context: OutputContext): Destination {
  const syslog = syslogDestination({
    name: "log_syslog",
    context,
    message: (news) => {
      const message = logMessage(news);
      return message !== undefined && message.severity <= SEVERITIES.indexOf(level)
        ? message
        : undefined;
    },
  });
  return {
    ...syslog,
    check: () => Promise.resolve(undefined),
    deliver: async (lines, signal) => {
      const { delivered } = await syslog.deliver(lines, signal);
      return { delivered, duplicates: lines.length - delivered };
    },
  };
}

interface Message {
  readonly severity: number;
  readonly line: string;
}

function logMessage(news: News): Message | undefined {
  if (news.kind === "problem")
    return { severity: SEVERITIES.indexOf("warning"), line: escapedLine(news.text) };
  if (news.kind === "note")
    return { severity: SEVERITIES.indexOf("info"), line: escapedLine(news.text) };
  if (news.kind !== "loss") return undefined;
  const { count, what, reason } = news;
  return {
    severity: SEVERITIES.indexOf("warning"),
    line: escapedLine(`${count} ${what} lost: ${reason}`),
  };
}

/** One line whatever stands in it. */
function escapedLine(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}

interface SyslogDestinationOptions {
  readonly name: string;
  readonly context: OutputContext;
  readonly message: (news: News) => Message | undefined;
}

const DEFAULT_PATH = "/dev/log";

function syslogDestination({ name, context, message }: SyslogDestinationOptions): Destination {
  const path = context.syslogPath ?? DEFAULT_PATH;
  const socket = new SyslogSocket(path);
  return {
    name,
    target: `syslog ${JSON.stringify(path)}`,
    batch: { lines: 64, bytes: 256 << 10 },
    format: (news) => {
      const found = message(news);
      return found === undefined
        ? undefined
        : syslogLine(found, Date.now(), context.format.utcOffsetMinutes);
    },
    check: () => Promise.resolve(socket.connect()),
    deliver: (lines, signal): Promise<Answer> => socket.send(lines, signal),
    reopen: () => socket.close(),
    close: () => Promise.resolve(socket.close()),
  };
}

/** LOG_USER, which syslog(3) takes where openlog(3) named no other. */
const FACILITY = 1;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * What the C library writes to /dev/log: `<PRI>Mmm dd hh:mm:ss IDENT: MESSAGE`, the time when it is
 * sent, in local time (RFC 3164, section 5.4 has no host there).
 */
export function syslogLine(
  { severity, line }: Message,
  epochMs: number,
  utcOffsetMinutes: (epochMs: number) => number,
): string {
  const local = new Date(epochMs + utcOffsetMinutes(epochMs) * 60_000);
  const day = String(local.getUTCDate()).padStart(2, " ");
  const clock = local.toISOString().slice(11, 19);
  return `<${FACILITY * 8 + severity}>${MONTHS[local.getUTCMonth()]} ${day} ${clock} falco: ${line}`;
}
