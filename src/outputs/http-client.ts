import { once } from "node:events";
import type { Agent as HttpAgent, IncomingMessage } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import { messageOf } from "../lib/errors.ts";
import { errnoOf } from "../lib/errno.ts";
import type { Answer, Endpoint } from "./destination.ts";
import { certificatesOf, type CertificateOptions } from "./http-certificates.ts";
import { shown } from "./shown.ts";

/** Where a client posts to, and which certificates it trusts and shows. */
export interface HttpClientOptions extends CertificateOptions {
  /** http or https; quotes around it are left out. */
  readonly url: string;
  /** The server's certificate is not verified. */
  readonly insecure: boolean;
}

/** What a server answered: no more than 1 MiB of its body. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** Retry-After, in milliseconds. */
  readonly waitMs: number | undefined;
}

/** The most of an answer that is read: Elasticsearch's tells of a hundred documents that it refuses. */
const MAX_ANSWER = 1 << 20;
/** The most answers of 1xx before one that counts. */
const MAX_INTERIM = 100;

/** Posts to one URL over one connection that is kept; redirects are not followed. */
export class HttpClient {
  /** Undefined where the text is no URL of http or https. */
  readonly url: URL | undefined;
  readonly #options: HttpClientOptions;
  #agent: Promise<HttpAgent | HttpsAgent> | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    const text = withScheme(options.url.replace(/^(["'])(.*)\1$/, "$2"));
    const url = URL.canParse(text) ? new URL(text) : undefined;
    this.url = /^https?:$/.test(url?.protocol ?? "") ? url : undefined;
  }

  /** Where it connects to. */
  get endpoint(): Endpoint | undefined {
    if (this.url === undefined) return undefined;
    const { hostname, port, protocol } = this.url;
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    return { host, port: Number(port) || (protocol === "https:" ? 443 : 80) };
  }

  /** Why nothing can be posted; undefined when it can. Throws for a certificate that is not there. */
  async check(): Promise<string | undefined> {
    if (this.url === undefined) return "it is no URL of http or https";
    await this.#agentOf();
    return undefined;
  }

  /**
   * What `send` comes to; where it throws, or nothing can be posted, why its lines have to wait.
   * Throws as `check`.
   */
  async deliver(send: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    const problem = await this.check();
    if (problem !== undefined) return { delivered: 0, reason: problem };
    try {
      return await send();
    } catch (thrown) {
      return { delivered: 0, reason: reasonOf(thrown, signal) };
    }
  }

  /** Throws what `reasonOf` puts into words. */
  async post(
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const agent = await this.#agentOf();
    const url = this.url as URL;
    // Loaded by who posts: they take some 50 ms and 16 MB.
    const { request } = process.getBuiltinModule(
      url.protocol === "https:" ? "node:https" : "node:http",
    );
    const posted = request(url, {
      agent,
      signal,
      method: "POST",
      headers: { ...headers, "content-length": Buffer.byteLength(body) },
    });
    // Rejects with the request's error; one that comes after the answer is the answer's, too.
    const answered = once(posted, "response", { signal });
    posted.on("error", () => {});
    // Of an answer that ends HTTP Node makes neither a response nor an error.
    posted.on("upgrade", (_, socket) => {
      socket.destroy();
      posted.emit("error", new Error("it answers 101"));
    });
    let interim = 0;
    posted.on("information", () => {
      if ((interim += 1) > MAX_INTERIM) posted.destroy(new Error("it says more than it should"));
    });
    posted.end(body);
    const [response] = (await answered) as [IncomingMessage];
    const text = await readAnswer(response);
    const { statusCode: status = 0, headers: told } = response;
    return { status, text, waitMs: retryAfter(told["retry-after"]) };
  }

  /** Ends its connection, as `reopen`. */
  close(): Promise<void> {
    this.reopen();
    return Promise.resolve();
  }

  /** The next post makes a connection of its own, with the certificates as their files are then. */
  reopen(): void {
    const old = this.#agent;
    this.#agent = undefined;
    void old?.then((agent) => agent.destroy()).catch(() => {});
  }

  #agentOf(): Promise<HttpAgent | HttpsAgent> {
    const limits = { keepAlive: true, maxSockets: 1 };
    const make = async (): Promise<HttpAgent | HttpsAgent> => {
      if (this.url?.protocol !== "https:")
        return new (process.getBuiltinModule("node:http").Agent)(limits);
      return new (process.getBuiltinModule("node:https").Agent)({
        ...limits,
        ...(await certificatesOf(this.#options)),
        rejectUnauthorized: !this.#options.insecure,
      });
    };
    return (this.#agent ??= make().catch((thrown: unknown) => {
      this.#agent = undefined;
      throw thrown;
    }));
  }
}

/** An address without a scheme is one of http, as for libcurl and so for Falco. */
export function withScheme(address: string): string {
  return /^[a-z][a-z\d+.-]*:\/\//i.test(address) ? address : `http://${address}`;
}

/** A text that may stand in a header. */
export function headerValue(text: string): string {
  return text.replace(/[^\t\u0020-\u007e]/g, "?");
}

/** Read to its end, so that the connection can be used again; no more than a bound is kept. */
async function readAnswer(response: IncomingMessage): Promise<string> {
  let text = "";
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER) break;
    text += chunk.toString("latin1");
  }
  return text;
}

const AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);

/** What an answer's status means for `lines` that were posted together (RFC 9110, section 15). */
export function answerOf({ status, waitMs }: HttpAnswer, lines: number): Answer {
  if (status >= 200 && status < 300) return { delivered: lines, said: String(status) };
  const reason = `it answers ${status}`;
  if (status < 500 && !AGAIN.has(status)) return { delivered: 0, refused: lines, reason };
  return { delivered: 0, reason, ...(waitMs === undefined ? {} : { waitMs }) };
}

/** Retry-After in milliseconds: seconds or a date (RFC 9110, section 10.2.3). */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return ms >= 0 ? ms : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "it closed the connection",
  ENOTFOUND: "its name is unknown",
  EAI_AGAIN: "its name cannot be looked up",
  ETIMEDOUT: "it does not answer",
};

/** Answers to a batch that is refused whole, in which one alert may be bad. */
export const REFUSED_WHOLE: ReadonlySet<number> = new Set([400, 413, 422]);

/** Why a post failed, in words. */
export function reasonOf(thrown: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "it does not answer";
  const errno = errnoOf(thrown);
  const words = errno === undefined ? undefined : REASONS[errno];
  return words === undefined ? shown(messageOf(thrown), REASON_MAX) : `${words} (${errno})`;
}

/** Errors hold the other side's words: a certificate's names, a whole line. */
const REASON_MAX = 200;
