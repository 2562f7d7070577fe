import type { Alert } from "../alerts/alert.ts";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import type { News } from "../news/news.ts";
import { Connection, type Read } from "./connection.ts";
import type { Answer, Destination, Endpoint } from "./destination.ts";
import { reasonOf } from "./http-client.ts";
import type { OptionTable } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import { certificatesFor, type ServiceOptions, urgentAlerts } from "./service.ts";

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
  /** Lines as the server takes them. */
  publish(lines: readonly string[], options: Options): string | Uint8Array;
  /** What it says to a line: nothing where it is taken, else why it is not. */
  readonly reply: Read<Refusal | "taken">;
}

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

/** What a greeting has to do with. */
export interface Session<Options> {
  readonly options: Options;
  readonly address: ServerAddress;
  write(bytes: string | Uint8Array): void;
  read<Value>(read: Read<Value>): Promise<Value>;
  /** Speaks TLS from here on. */
  secure(): Promise<void>;
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
  readonly batch = { lines: 64, bytes: 256 << 10 };
  readonly #kind: AcknowledgedKind<Options>;
  readonly #options: Options;
  readonly #context: OutputContext;
  readonly #address: ServerAddress | undefined;
  readonly #alertIn: (news: News) => Alert | undefined;
  #connection: Connection | undefined;

  constructor(kind: AcknowledgedKind<Options>, options: Options, context: OutputContext) {
    this.#kind = kind;
    this.#options = options;
    this.#context = context;
    this.#alertIn = urgentAlerts(options);
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
      const connection = await this.#connected(signal);
      connection.write(this.#kind.publish(lines, this.#options));
      const refusals: (Refusal | undefined)[] = [];
      for (const _ of lines) {
        const reply = await connection.read(this.#kind.reply, signal);
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

  async #connected(signal: AbortSignal): Promise<Connection> {
    if (this.#connection?.isOpen === true) return this.#connection;
    const address = this.#address;
    if (address === undefined) throw new Error(NO_ADDRESS);
    const connection = (this.#connection = await Connection.open(address, signal));
    const certificates = certificatesFor(this.#options);
    const secure = () => connection.secure(address.host, certificates, signal);
    await this.#kind.greet({
      options: this.#options,
      address,
      write: (bytes) => connection.write(bytes),
      read: (read) => connection.read(read, signal),
      secure,
    });
    return connection;
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
