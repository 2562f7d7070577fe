import { createSocket, type Socket as Datagrams } from "node:dgram";
import { isIPv6, type Socket, connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { jsonLine, textLine } from "../alerts/format.ts";
import type { Alert } from "../alerts/alert.ts";
import type { News } from "../news/news.ts";
import type { Answer, Destination, Endpoint, OutboxWish } from "./destination.ts";
import { type Rate, rateOf } from "./digest.ts";
import { certificatesOf } from "./http-certificates.ts";
import { reasonOf } from "./http-client.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import {
  certificatesFor,
  SERVICE_OPTIONS,
  serviceOutbox,
  type ServiceOptions,
  urgentAlerts,
} from "./service.ts";
import { cefMessage, FRAMES } from "./syslog-frames.ts";

/** A syslog server elsewhere: falcosidekick's keys, and which form and transport it takes. */
export interface RemoteSyslogOptions extends ServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly protocol: string;
  readonly format: string;
  readonly rfc: string;
}

/** Alerts to a syslog server by UDP, TCP or TLS. */
export const REMOTE_SYSLOG_OUTPUT: OutputKind<RemoteSyslogOptions> = {
  section: "syslog",
  doc: "Alerts to a syslog server elsewhere, by UDP, TCP or TLS. A server says nothing of what it has taken: over TCP what is on its way when it ends is lost.",
  required: "host",
  options: {
    host: {
      key: "host",
      default: "",
      doc: "Name or address of the server. With it the output is on.",
    },
    port: { key: "port", default: 514, doc: "Its port.", minimum: 1 },
    protocol: {
      key: "protocol",
      default: "tcp",
      words: ["udp", "tcp", "tls"],
      doc: "Over TCP and TLS messages are counted by octets (RFC 6587).",
    },
    format: {
      key: "format",
      default: "json",
      words: ["json", "cef", "text"],
      doc: "What the message is: Falco's JSON, ArcSight's CEF, or Falco's text.",
    },
    rfc: { key: "rfc", default: "5424", words: ["5424", "3164"], doc: "The message's head." },
    ...SERVICE_OPTIONS,
  },
  isOn: ({ host }) => host !== "",
  open: (options, context) => new RemoteSyslogDestination(options, context),
};

/** The most bytes that a server may say over TCP. */
const HEARD_MAX = 64 << 10;

/** The most bytes that a datagram of UDP has over IPv4. */
const DATAGRAM_MAX = 65_507;

/** What it says of itself, a program can make so long that no datagram takes it. */
function shortened(alert: Alert): Alert {
  const cut = (text: string, most: number): string =>
    text.length <= most ? text : `${text.slice(0, most).toWellFormed()} …`;
  const fields = Object.entries(alert.outputFields).map(([name, value]) => [
    name,
    typeof value === "string" ? cut(value, 256) : value,
  ]);
  const outputFields = Object.fromEntries(fields) as Alert["outputFields"];
  return { ...alert, message: cut(alert.message, 2048), outputFields };
}

class RemoteSyslogDestination implements Destination {
  readonly name = REMOTE_SYSLOG_OUTPUT.section;
  readonly target: string;
  readonly endpoint: Endpoint | undefined;
  readonly outbox: OutboxWish;
  readonly batch = { lines: 64, bytes: 256 << 10 };
  readonly limit: Rate | undefined;
  readonly #options: RemoteSyslogOptions;
  readonly #context: OutputContext;
  readonly #alertIn: (news: News) => Alert | undefined;
  #stream: Socket | undefined;
  #datagrams: Datagrams | undefined;

  constructor(options: RemoteSyslogOptions, context: OutputContext) {
    const { protocol, host, port } = options;
    this.target = `syslog ${protocol}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
    // Over UDP nobody answers.
    this.endpoint = protocol === "udp" ? undefined : { host, port };
    this.outbox = serviceOutbox(options, this.target);
    this.#options = options;
    this.#context = context;
    this.#alertIn = urgentAlerts(options, context);
    this.limit = rateOf(options.limit);
  }

  format(news: News): string | undefined {
    const alert = this.#alertIn(news);
    if (alert === undefined) return undefined;
    const frame = this.#options.rfc === "3164" ? FRAMES["3164"] : FRAMES["5424"];
    const framed = (one: Alert): string =>
      frame(one, this.#message(one), this.#context.format.utcOffsetMinutes);
    const line = framed(alert);
    const isWhole = this.#options.protocol !== "udp" || Buffer.byteLength(line) <= DATAGRAM_MAX;
    return isWhole ? line : framed(shortened(alert));
  }

  #message(alert: Alert): string {
    const { format } = this.#context;
    if (this.#options.format === "text") return textLine(alert, format);
    return this.#options.format === "cef" ? cefMessage(alert) : jsonLine(alert, format);
  }

  async deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    try {
      return this.#options.protocol === "udp"
        ? await this.#sendAll(lines)
        : await this.#writeAll(lines, signal);
    } catch (thrown) {
      this.reopen();
      return { delivered: 0, reason: reasonOf(thrown, signal) };
    }
  }

  reopen(): void {
    this.#stream?.destroy();
    this.#datagrams?.close();
    [this.#stream, this.#datagrams] = [undefined, undefined];
  }

  close(): Promise<void> {
    this.reopen();
    return Promise.resolve();
  }

  async #sendAll(lines: readonly string[]): Promise<Answer> {
    const { host, port } = this.#options;
    const socket = (this.#datagrams ??= createSocket(isIPv6(host) ? "udp6" : "udp4").unref());
    for (const [delivered, line] of lines.entries()) {
      const bytes = Buffer.from(line);
      const reason = "an alert is longer than a datagram may be";
      if (bytes.length > DATAGRAM_MAX) return { delivered, refused: 1, reason };
      await new Promise<void>((resolve, reject) => {
        socket.send(bytes, port, host, (error) => (error === null ? resolve() : reject(error)));
      });
    }
    return { delivered: lines.length };
  }

  async #writeAll(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    const stream = await this.#connected(signal);
    const text = lines.map((line) => `${Buffer.byteLength(line)} ${line}`).join("");
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => void stream.destroy(new Error("it does not read"));
      signal.addEventListener("abort", abort, { once: true });
      stream.write(text, (error) => {
        signal.removeEventListener("abort", abort);
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
    });
    return { delivered: lines.length };
  }

  async #connected(signal: AbortSignal): Promise<Socket> {
    if (this.#stream !== undefined) return this.#stream;
    const stream = await this.#connect();
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => void stream.destroy(new Error("it does not answer"));
      signal.addEventListener("abort", abort, { once: true });
      stream.once(this.#options.protocol === "tls" ? "secureConnect" : "connect", () => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
      stream.on("error", reject);
      // That it ends is seen by reading; a syslog server says nothing, so little is read.
      stream.on("data", () => {
        if (stream.bytesRead > HEARD_MAX) stream.destroy(new Error("it says more than it should"));
      });
      stream.once("close", () => (this.#stream = undefined));
    });
    return (this.#stream = stream);
  }

  async #connect(): Promise<Socket> {
    const { host, port, protocol } = this.#options;
    if (protocol === "tcp") return connectTcp({ host, port });
    const certificates = certificatesFor(this.#options);
    const trust = await certificatesOf(certificates);
    return connectTls({ host, port, ...trust, rejectUnauthorized: certificates.isChecked });
  }
}
