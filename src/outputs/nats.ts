import { jsonLine } from "../alerts/format.ts";
import {
  acknowledgedOutput,
  lineIn,
  pipelined,
  type Reply,
  serverAddress,
  type Session,
} from "./acknowledged.ts";
import type { Said } from "./connection.ts";
import { SERVICE_OPTIONS, type ServiceOptions } from "./service.ts";

/** A server of NATS, and how subjects are made. */
export interface NatsOptions extends ServiceOptions {
  readonly hostPort: string;
  readonly subject: string;
}

/**
 * Alerts as messages of NATS. The protocol is one of lines: with `verbose` the server says +OK or
 * -ERR to each message (https://docs.nats.io/reference/reference-protocols/nats-protocol).
 */
export const NATS_OUTPUT = acknowledgedOutput<NatsOptions>({
  section: "nats",
  doc: "Alerts as messages of NATS: Falco's JSON, each acknowledged by the server.",
  required: "hostPort",
  options: {
    hostPort: {
      key: "hostport",
      default: "",
      doc: "Its address, as `nats://USER:PASSWORD@HOST:PORT`; `tls://` insists on TLS. With it the output is on.",
      secret: true,
    },
    subject: {
      key: "subjecttemplate",
      default: "falco.<priority>.<rule>",
      doc: "The subject; `<priority>` and `<rule>` become the alert's, in small letters, with `_` for all that is no letter or digit.",
    },
    ...SERVICE_OPTIONS,
  },
  address: ({ hostPort }) => serverAddress(hostPort.split(",")[0] ?? "", 4222, ["tls"]),
  line: (alert, { subject }, { format }) => {
    const filled = subject
      .replaceAll("<priority>", token(alert.priority))
      .replaceAll("<rule>", token(alert.rule))
      .replaceAll(/[\s*>]/g, "_");
    return `${filled} ${jsonLine(alert, format)}`;
  },
  greet,
  send: pipelined((lines) => lines.map(published).join(""), replyIn),
});

function token(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/[^a-z\d]+/g, "_")
      .replaceAll(/^_|_$/g, "")
      .slice(0, 128) || "_"
  );
}

async function greet({ address, write, read, secure }: Session<NatsOptions>): Promise<void> {
  const info = await read((bytes) => {
    const line = lineIn(bytes);
    return line && { length: line.length, value: line.text };
  });
  if (!info.startsWith("INFO ")) throw new Error("it is no server of NATS");
  const { tls_required: isTls } = JSON.parse(info.slice("INFO ".length)) as {
    tls_required?: boolean;
  };
  if (address.tls || isTls === true) await secure();
  const { user, password } = address;
  // A name alone is a token.
  const login = password === "" ? { auth_token: user } : { user, pass: password };
  const connect = { verbose: true, pedantic: false, lang: "node", version: "1", name: "saker" };
  write(`CONNECT ${JSON.stringify({ ...connect, ...(user === "" ? {} : login) })}\r\n`);
  const reply = await read(replyIn);
  if (reply !== "taken") throw new Error(`it refuses the login: ${reply.reason}`);
}

function published(line: string): string {
  const blank = line.indexOf(" ");
  const [subject, payload] = [line.slice(0, blank), line.slice(blank + 1)];
  return `PUB ${subject} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`;
}

function replyIn(bytes: Buffer): Said<Reply> | undefined {
  const line = lineIn(bytes);
  if (line === undefined) return undefined;
  const { text, length } = line;
  if (text === "PING") return { length, answer: "PONG\r\n" };
  if (text === "+OK") return { length, value: "taken" };
  if (!text.startsWith("-ERR")) return { length };
  const reason = text.slice("-ERR ".length).replaceAll("'", "");
  return { length, value: { reason, isForGood: /^(?:Permissions|Maximum|Invalid)/i.test(reason) } };
}
