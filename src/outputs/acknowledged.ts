import type { Alert } from "../alerts/alert.ts";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import type { News } from "../news/news.ts";
import { Connection, type Read } from "./connection.ts";
import type { Answer, Destination, Endpoint, OutboxWish } from "./destination.ts";
import { type Rate, rateOf } from "./digest.ts";
import { reasonOf } from "./http-client.ts";
import type { OptionTable } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import { certificatesFor, serviceOutbox, type ServiceOptions, urgentAlerts } from "./service.ts";

/** A server that takes alerts over one connection and acknowledges each, in order. */
export interface AcknowledgedKind<Options extends ServiceOptions> {
  readonly section: string;
  readonly doc: string;
  readonly options: OptionTable<Options>;
  /** Its address: the option with which it is on. */
  readonly required: keyof Options & string;
  address(options: Options): ServerAddress | undefined;
  line(alert: Alert, options: Options, context: OutputContext): string;
  /** Logs in. */
  greet(session: Session<Options>): Promise<void>;
  /** Sends lines; gives what the server says to each, in their order. */
  send(session: Session<Options>, lines: readonly string[]): AsyncIterable<Reply>;
}

/** What has become of a line. */
export type Reply = Refusal | "taken";

/** A line that is not taken, and whether it ever will be. */
export interface Refusal {
  readonly reason: string;
  readonly isForGood: boolean;
}

/** Where a server is, and who comes to it. */
export interface ServerAddress extends Endpoint {
  readonly tls: boolean;
  readonly user: string;
  readonly password: string;
}

/** What there is to speak with. */
export interface Session<Options> {
  readonly options: Options;
  readonly context: OutputContext;
  readonly address: ServerAddress;
  write(bytes: string | Uint8Array): void;
  read<Value>(read: Read<Value>): Promise<Value>;
  /** Speaks TLS from here on. */
  secure(): Promise<void>;
}

/** Sends all lines at once, and reads a reply to each. */
export function pipelined<Options>(
  publish: (lines: readonly string[], options: Options) => string | Uint8Array,
  reply: Read<Reply>,
): (session: Session<Options>, lines: readonly string[]) => AsyncIterable<Reply> {
  return async function* send({ options, write, read }, lines) {
    write(publish(lines, options));
    for (const _ of lines) yield await read(reply);
  };
}

/** The output of such a server. */
export function acknowledgedOutput<Options extends ServiceOptions>(
  kind: AcknowledgedKind<Options>,
): OutputKind<Options> {
  const { section, doc, options, required } = kind;
  return {
    section,
    doc,
    options,
    required,
    isOn: (stated) => stated[required] !== "",
    open: (stated, context) => new AcknowledgedDestination(kind, stated, context),
  };
}

const NO_ADDRESS = "its address cannot be read";

class AcknowledgedDestination<Options extends ServiceOptions> implements Destination {
  readonly name: string;
  readonly target: string;
  readonly endpoint: Endpoint | undefined;
  readonly outbox: OutboxWish;
  readonly batch = { lines: 64, bytes: 256 << 10 };
  readonly limit: Rate | undefined;
  readonly #kind: AcknowledgedKind<Options>;
  readonly #options: Options;
  readonly #context: OutputContext;
  readonly #address: ServerAddress | undefined;
  readonly #alertIn: (news: News) => Alert | undefined;
  #connection: Connection | undefined;

  constructor(kind: AcknowledgedKind<Options>, options: Options, context: OutputContext) {
    this.#kind = kind;
    this.outbox = serviceOutbox(options, String(options[kind.required]));
    this.#options = options;
    this.#context = context;
    this.#alertIn = urgentAlerts(options, context);
    this.limit = rateOf(options.limit);
    const address = (this.#address = kind.address(options));
    this.endpoint = address && { host: address.host, port: address.port };
    this.name = kind.section;
    this.target =
      address === undefined
        ? `${kind.section}'s address`
        : `${kind.section} ${address.host}:${address.port}`;
  }

  format(news: News): string | undefined {
    const alert = this.#alertIn(news);
    return alert && this.#kind.line(alert, this.#options, this.#context);
  }

  check(): Promise<string | undefined> {
    return Promise.resolve(this.#address === undefined ? NO_ADDRESS : undefined);
  }

  async deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    let delivered = 0;
    try {
      const session = await this.#session(signal);
      const refusals: (Refusal | undefined)[] = [];
      for await (const reply of this.#kind.send(session, lines)) {
        if (reply === "taken" && refusals.length === 0) delivered += 1;
        else refusals.push(reply === "taken" ? undefined : reply);
      }
      return {
        delivered,
        ...(delivered === lines.length ? { said: "acknowledged" } : settled(refusals)),
      };
    } catch (thrown) {
      this.reopen();
      return { delivered, reason: reasonOf(thrown, signal) };
    }
  }

  reopen(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  close(): Promise<void> {
    this.reopen();
    return Promise.resolve();
  }

  /** With the connection that there is, or with one of its own. */
  async #session(signal: AbortSignal): Promise<Session<Options>> {
    const address = this.#address;
    if (address === undefined) throw new Error(NO_ADDRESS);
    const old = this.#connection?.isOpen === true ? this.#connection : undefined;
    const connection = (this.#connection = old ?? (await Connection.open(address, signal)));
    const session: Session<Options> = {
      options: this.#options,
      context: this.#context,
      address,
      write: (bytes) => connection.write(bytes),
      read: (read) => connection.read(read, signal),
      secure: () => connection.secure(address.host, certificatesFor(this.#options), signal),
    };
    if (old === undefined) await this.#kind.greet(session);
    return session;
  }
}

/** Of the lines from the first that was not taken: the rest is tried again. */
function settled(refusals: readonly (Refusal | undefined)[]): Partial<Answer> {
  const [first] = refusals;
  if (first === undefined) return {};
  const reason = escapeUnseen(first.reason).slice(0, REASON_MAX);
  if (!first.isForGood) return { reason };
  const end = refusals.findIndex((refusal) => refusal?.isForGood !== true);
  return { refused: end < 0 ? refusals.length : end, reason };
}

const REASON_MAX = 200;

/**
 * Reads `scheme://user:password@host:port`, of which all but the host may be missing; `tls` are the
 * schemes with TLS. Undefined for what is none.
 */
export function serverAddress(
  text: string,
  port: number,
  tls: readonly string[],
): ServerAddress | undefined {
  const [, scheme = "", rest = text] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  try {
    // Of a scheme that it does not know, URL leaves out no port.
    const url = new URL(`server://${rest}`);
    if (url.hostname === "") return undefined;
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(url.port) || port,
      tls: tls.includes(scheme.toLowerCase()),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    };
  } catch {
    return undefined;
  }
}

/** A text line that ends in CR LF, as NATS and Redis speak; undefined when it is not there whole. */
export function lineIn(
  bytes: Buffer,
): { readonly text: string; readonly length: number } | undefined {
  const end = bytes.indexOf("\r\n");
  return end < 0 ? undefined : { text: bytes.toString("latin1", 0, end), length: end + 2 };
}
