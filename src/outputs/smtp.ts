import { hostname } from "node:os";
import type { Alert } from "../alerts/alert.ts";
import {
  acknowledgedOutput,
  lineIn,
  type Reply,
  serverAddress,
  type Session,
} from "./acknowledged.ts";
import type { Said } from "./connection.ts";
import { mailOf } from "./mail.ts";
import { shown } from "./shown.ts";
import { SERVICE_OPTIONS, type ServiceOptions } from "./service.ts";

/** A mail server, and who writes to whom. */
export interface SmtpOptions extends ServiceOptions {
  readonly hostPort: string;
  readonly tls: boolean;
  readonly mechanism: string;
  readonly user: string;
  readonly password: string;
  readonly from: string;
  readonly to: string;
  readonly format: string;
}

/** Alerts as mails (RFC 5321): STARTTLS, or TLS from the start at port 465. */
export const SMTP_OUTPUT = acknowledgedOutput<SmtpOptions>({
  section: "smtp",
  doc: "Alerts as mails of plain text, by a mail server; `minimumpriority` is worth setting.",
  required: "hostPort",
  options: {
    hostPort: {
      key: "hostport",
      default: "",
      doc: "Its address, as `HOST:PORT`. With it the output is on.",
    },
    tls: {
      key: "tls",
      default: true,
      doc: "The connection is secured (STARTTLS; at port 465 TLS from the start); without it a login goes in the clear.",
    },
    mechanism: {
      key: "authmechanism",
      default: "plain",
      words: ["plain", "none"],
      doc: "Whether to log in, where `user` is set: PLAIN, or LOGIN where the server has that alone.",
    },
    user: { key: "user", default: "", doc: "Who." },
    password: { key: "password", default: "", doc: "The password.", secret: true },
    from: { key: "from", default: "", doc: "The sender's address." },
    to: { key: "to", default: "", doc: "The recipients' addresses, with commas between." },
    format: {
      key: "outputformat",
      default: "text",
      words: ["html", "text"],
      doc: "What the mail is.",
      neutral: "mails are plain text",
    },
    ...SERVICE_OPTIONS,
  },
  address: ({ hostPort, tls }) => {
    const server = serverAddress(hostPort, 25, []);
    return server && { ...server, tls };
  },
  line: (alert: Alert, { from, to }) => mailOf(alert, from, to),
  greet,
  send,
});

/** TLS from the start (RFC 8314). */
const SUBMISSIONS = 465;

async function greet(session: Session<SmtpOptions>): Promise<void> {
  const { address, options, secure } = session;
  const isSecure = address.tls && address.port === SUBMISSIONS;
  if (isSecure) await secure();
  await said(session, undefined, "its greeting");
  let abilities = await ehlo(session);
  if (address.tls && !isSecure) {
    if (!/^STARTTLS$/im.test(abilities))
      throw new Error("it offers no STARTTLS (with smtp.tls: false it is spoken to in the clear)");
    await said(session, "STARTTLS", "STARTTLS");
    await secure();
    abilities = await ehlo(session);
  }
  if (options.user !== "" && options.mechanism !== "none") await login(session, abilities);
}

function ehlo(session: Session<SmtpOptions>): Promise<string> {
  return said(session, `EHLO ${hostname().replaceAll(/[^\w.-]/g, "_") || "localhost"}`, "EHLO");
}

async function login(session: Session<SmtpOptions>, abilities: string): Promise<void> {
  const { user, password } = session.options;
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  if (!/^AUTH[ =].*\bLOGIN\b/im.test(abilities) || /^AUTH[ =].*\bPLAIN\b/im.test(abilities)) {
    await said(session, `AUTH PLAIN ${base64(`\0${user}\0${password}`)}`, "the login");
    return;
  }
  await said(session, "AUTH LOGIN", "the login");
  await said(session, base64(user), "the login");
  await said(session, base64(password), "the login");
}

async function* send(
  session: Session<SmtpOptions>,
  mails: readonly string[],
): AsyncIterable<Reply> {
  for (const mail of mails) yield await sendOne(session, mail);
}

async function sendOne(session: Session<SmtpOptions>, mail: string): Promise<Reply> {
  const { options, context } = session;
  const sender = await asked(session, `MAIL FROM:<${addressIn(options.from)}>`);
  if (!sender.isTaken) return refusal(sender, "the sender");
  const refused: SmtpReply[] = [];
  const recipients = options.to.split(",").map(addressIn);
  for (const recipient of recipients) {
    const reply = await asked(session, `RCPT TO:<${recipient}>`);
    if (!reply.isTaken) refused.push({ ...reply, text: `${recipient}: ${reply.text}` });
  }
  const [first] = refused;
  if (first !== undefined && refused.length === recipients.length) {
    await asked(session, "RSET");
    return refusal(first, "all recipients");
  }
  for (const { text } of refused)
    context.onProblem(`smtp: a recipient is refused: ${shown(text, 200)}`);
  const data = await asked(session, "DATA");
  const end = data.isTaken ? await asked(session, `${mail}\r\n.`) : data;
  return end.isTaken ? "taken" : refusal(end, "the mail");
}

/** `a@b.example` of `Name <a@b.example>`, on one line. */
function addressIn(text: string): string {
  const [, address = text] = /<([^<>]*)>/.exec(text) ?? [];
  return address.replaceAll(/[\s<>]/g, "");
}

interface SmtpReply {
  readonly code: number;
  readonly isTaken: boolean;
  readonly text: string;
}

function refusal({ code, text }: SmtpReply, what: string): Reply {
  return { reason: `it refuses ${what}: ${text}`, isForGood: code >= 500 };
}

/** The text of a reply that has to be good. */
async function said(
  session: Session<SmtpOptions>,
  line: string | undefined,
  what: string,
): Promise<string> {
  const { isTaken, text } = await asked(session, line);
  if (!isTaken) throw new Error(`it refuses ${what}: ${text}`);
  return text;
}

function asked(
  { write, read }: Session<SmtpOptions>,
  line: string | undefined,
): Promise<SmtpReply> {
  if (line !== undefined) write(`${line}\r\n`);
  return read(replyIn);
}

/** Of one reply: each is read anew while the last is not there. */
const ROWS_MAX = 100;

/** A reply of one or several lines: the last has a blank behind its code (RFC 5321, section 4.2). */
function replyIn(bytes: Buffer): Said<SmtpReply> | undefined {
  const rows: string[] = [];
  for (let length = 0; ;) {
    const line = lineIn(bytes.subarray(length));
    if (line === undefined) return undefined;
    length += line.length;
    const [, code = "", more = "", text = ""] =
      /^([2-5]\d\d)(?:([ -])(.*))?$/.exec(line.text) ?? [];
    if (code === "") throw new Error("it is no mail server");
    rows.push(text);
    if (rows.length > ROWS_MAX) throw new Error("it says more than it should");
    if (more === "-") continue;
    const value = { code: Number(code), isTaken: Number(code) < 400, text: rows.join("\n") };
    return {
      length,
      value: { ...value, text: value.isTaken ? value.text : `${code} ${value.text}` },
    };
  }
}
