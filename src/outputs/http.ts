import { once } from "node:events";
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import { messageOf } from "../lib/errors.ts";
import { errnoOf } from "../lib/errno.ts";
import type { News } from "../news/news.ts";
import { alertLine } from "./alert-line.ts";
import type { Answer, Destination } from "./destination.ts";
import { certificatesOf, type CertificateOptions } from "./http-certificates.ts";
import { enabledOption, type Switch } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";

/** Falco's `http_output`. */
export interface HttpOptions extends Switch, CertificateOptions {
  readonly url: string;
  readonly userAgent: string;
  readonly insecure: boolean;
  readonly echo: boolean;
  readonly keepAlive: boolean;
  readonly compressUploads: boolean;
  readonly maxConsecutiveTimeouts: number;
}

/** Falco's http_output: each alert is the body of a POST. */
export const HTTP_OUTPUT: OutputKind<HttpOptions> = {
  section: "http_output",
  doc: "Alerts by HTTP: each is the body of a POST, `application/json` or `text/plain`. What is answered with 408, 429 or 5xx is tried again (after Retry-After), with any other error it is refused; redirects are not followed.",
  required: "url",
  options: {
    enabled: enabledOption(false),
    url: { key: "url", default: "", doc: "Where to, http or https." },
    userAgent: { key: "user_agent", default: "falcosecurity/falco", doc: "The User-Agent header." },
    insecure: { key: "insecure", default: false, doc: "The server's certificate is not verified." },
    caCert: { key: "ca_cert", default: "", doc: "File of the authority that signs the server." },
    caBundle: { key: "ca_bundle", default: "", doc: "File of several authorities." },
    caPath: { key: "ca_path", default: "/etc/ssl/certs", doc: "Folder of authorities." },
    mtls: { key: "mtls", default: false, doc: "`client_cert` is shown to the server." },
    clientCert: {
      key: "client_cert",
      default: "/etc/ssl/certs/client.crt",
      doc: "Certificate of this host.",
    },
    clientKey: { key: "client_key", default: "/etc/ssl/certs/client.key", doc: "Its key." },
    echo: { key: "echo", default: false, doc: "What the server answers is shown as a note." },
    keepAlive: {
      key: "keep_alive",
      default: false,
      doc: "Whether Falco has TCP probe an idle connection.",
      neutral: "the connection is kept, and a new one is made when it has ended",
    },
    compressUploads: {
      key: "compress_uploads",
      default: false,
      doc: "Whether Falco asks for compressed answers.",
      neutral: "alerts arrive uncompressed from Falco, too",
    },
    maxConsecutiveTimeouts: {
      key: "max_consecutive_timeouts",
      default: 5,
      doc: "How often Falco tries again.",
      neutral: "an alert is tried again until it is delivered or its queue is full",
    },
  },
  open: (options, context) => new HttpDestination(options, context),
};

/** The most of an answer that is read. */
const MAX_ANSWER = 64 << 10;

class HttpDestination implements Destination {
  readonly name = HTTP_OUTPUT.section;
  readonly target: string;
  readonly batch = { lines: 1, bytes: 1 };
  readonly #options: HttpOptions;
  readonly #context: OutputContext;
  readonly #url: URL | undefined;
  #agent: Promise<HttpAgent | HttpsAgent> | undefined;

  constructor(options: HttpOptions, context: OutputContext) {
    this.#options = options;
    this.#context = context;
    const text = options.url.replace(/^(["'])(.*)\1$/, "$2");
    this.#url = URL.canParse(text) ? new URL(text) : undefined;
    // Neither passwords nor tokens.
    this.target =
      this.#url === undefined ? "http_output.url" : `${this.#url.origin}${this.#url.pathname}`;
  }

  format(news: News): string | undefined {
    return alertLine(news, this.#context);
  }

  async check(): Promise<string | undefined> {
    if (!/^https?:$/.test(this.#url?.protocol ?? "")) return "it is no URL of http or https";
    await this.#agentOf();
    return undefined;
  }

  async deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    const problem = await this.check();
    if (problem !== undefined) return { delivered: 0, reason: problem };
    try {
      return await this.#post(lines.join("\n"), signal);
    } catch (thrown) {
      return { delivered: 0, reason: reasonOf(thrown, signal) };
    }
  }

  reopen(): void {
    const old = this.#agent;
    this.#agent = undefined;
    void old?.then((agent) => agent.destroy()).catch(() => {});
  }

  close(): Promise<void> {
    this.reopen();
    return Promise.resolve();
  }

  /** One connection, with the certificates as their files are when it is made. */
  #agentOf(): Promise<HttpAgent | HttpsAgent> {
    const limits = { keepAlive: true, maxSockets: 1 };
    const make = async (): Promise<HttpAgent | HttpsAgent> =>
      this.#url?.protocol === "https:"
        ? new HttpsAgent({
            ...limits,
            ...(await certificatesOf(this.#options)),
            rejectUnauthorized: !this.#options.insecure,
          })
        : new HttpAgent(limits);
    return (this.#agent ??= make().catch((thrown: unknown) => {
      this.#agent = undefined;
      throw thrown;
    }));
  }

  async #post(body: string, signal: AbortSignal): Promise<Answer> {
    const agent = await this.#agentOf();
    const url = this.#url as URL;
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    const posted = request(url, {
      agent,
      signal,
      method: "POST",
      headers: {
        "content-type": this.#context.json ? "application/json" : "text/plain",
        "content-length": Buffer.byteLength(body),
        "user-agent": headerValue(this.#options.userAgent),
      },
    });
    // Rejects with the request's error; one that comes after the answer is the answer's, too.
    const answered = once(posted, "response");
    posted.on("error", () => {});
    posted.end(body);
    const [response] = (await answered) as [IncomingMessage];
    const text = await readAnswer(response);
    if (this.#options.echo) this.#context.onNote(`${this.target}: ${escapeUnseen(text)}`);
    return answerOf(response);
  }
}

function headerValue(text: string): string {
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

/** RFC 9110, section 15. */
function answerOf({ statusCode = 0, headers }: IncomingMessage): Answer {
  if (statusCode >= 200 && statusCode < 300) return { delivered: 1, said: String(statusCode) };
  const reason = `it answers ${statusCode}`;
  if (statusCode < 500 && !AGAIN.has(statusCode)) return { delivered: 0, refused: 1, reason };
  const waitMs = retryAfter(headers["retry-after"]);
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

function reasonOf(thrown: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "it does not answer";
  const errno = errnoOf(thrown);
  const words = errno === undefined ? undefined : REASONS[errno];
  return words === undefined ? escapeUnseen(messageOf(thrown)) : `${words} (${errno})`;
}
