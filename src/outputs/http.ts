import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import type { News } from "../news/news.ts";
import { alertLine } from "./alert-line.ts";
import {
  type Answer,
  type Destination,
  type Endpoint,
  everyAlert,
  type OutboxWish,
} from "./destination.ts";
import type { CertificateOptions } from "./http-certificates.ts";
import {
  answerOf,
  headerValue,
  type HttpAnswer,
  HttpClient,
  REFUSED_WHOLE,
} from "./http-client.ts";
import { enabledOption, type Switch } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";

/** Falco's `http_output`. */
export interface HttpOptions extends Switch, CertificateOptions {
  readonly url: string;
  readonly userAgent: string;
  readonly insecure: boolean;
  readonly echo: boolean;
  readonly batch: number;
  readonly keepAlive: boolean;
  readonly compressUploads: boolean;
  readonly maxConsecutiveTimeouts: number;
}

/** Of one body, but for a single alert that is larger. */
const BATCH_BYTES = 1 << 20;

/** Falco's http_output: each alert is the body of a POST. */
export const HTTP_OUTPUT: OutputKind<HttpOptions> = {
  section: "http_output",
  doc: "Alerts by HTTP: each is the body of a POST, `application/json` or `text/plain`, or as many as `batch` says. What is answered with 408, 429 or 5xx is tried again (after Retry-After), with any other error it is refused; redirects are not followed.",
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
    batch: {
      key: "batch",
      default: 1,
      minimum: 1,
      doc: "Saker's own: the most alerts of one body, a line each (JSON as `application/x-ndjson`); of a batch that is answered with 400, 413 or 422 the half is tried.",
    },
    keepAlive: {
      key: "keep_alive",
      default: false,
      doc: "Whether Falco has TCP probe an idle connection.",
      neutral: "the connection is kept, and a new one is made when it has ended",
    },
    compressUploads: {
      key: "compress_uploads",
      default: false,
      doc: "Bodies are compressed (`Content-Encoding: gzip`), until the server answers one with 400 or 415 and takes it uncompressed. Falco itself asks for compressed answers by it.",
    },
    maxConsecutiveTimeouts: {
      key: "max_consecutive_timeouts",
      default: 5,
      doc: "How often Falco tries again.",
      neutral:
        "an alert that timed out is tried again, however often, until it is delivered or neither queue nor store has it",
    },
  },
  isOn: ({ enabled }) => enabled,
  open: (options, context) => new HttpDestination(options, context),
};

/** Characters of an answer that are shown. */
const ECHO_MAX = 64 << 10;

class HttpDestination implements Destination {
  readonly name = HTTP_OUTPUT.section;
  readonly target: string;
  readonly batch: Destination["batch"];
  readonly #options: HttpOptions;
  readonly #context: OutputContext;
  readonly #client: HttpClient;
  #compresses: boolean;

  constructor(options: HttpOptions, context: OutputContext) {
    this.#options = options;
    this.#context = context;
    this.batch = { lines: options.batch, bytes: BATCH_BYTES };
    this.#compresses = options.compressUploads;
    this.#client = new HttpClient(options);
    const { url } = this.#client;
    // Neither passwords nor tokens.
    this.target = url === undefined ? "http_output.url" : `${url.origin}${url.pathname}`;
  }

  format(news: News): string | undefined {
    return alertLine(news, this.#context);
  }

  get outbox(): OutboxWish {
    return everyAlert(this.#options.url);
  }

  get endpoint(): Endpoint | undefined {
    return this.#client.endpoint;
  }

  check(): Promise<string | undefined> {
    return this.#client.check();
  }

  deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    return this.#client.deliver(() => this.#post(lines, signal), signal);
  }

  async #post(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    for (let count = lines.length; ; count = count >> 1) {
      const answer = await this.#postBody(lines.slice(0, count).join("\n"), signal);
      if (count > 1 && REFUSED_WHOLE.has(answer.status)) continue;
      if (this.#options.echo)
        this.#context.onNote(`${this.target}: ${escapeUnseen(answer.text.slice(0, ECHO_MAX))}`);
      return answerOf(answer, count);
    }
  }

  async #postBody(body: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { batch, userAgent } = this.#options;
    const json = batch > 1 ? "application/x-ndjson" : "application/json";
    const headers = {
      "content-type": this.#context.json ? json : "text/plain",
      "user-agent": headerValue(userAgent),
    };
    if (!this.#compresses) return this.#client.post(body, headers, signal);
    const coded = { ...headers, "content-encoding": "gzip" };
    const answer = await this.#client.post(await gzipped(body), coded, signal);
    if (!UNREAD.has(answer.status)) return answer;
    const plain = await this.#client.post(body, headers, signal);
    if (plain.status < 200 || plain.status >= 300) return plain;
    this.#compresses = false;
    this.#context.onNote(
      `${this.target} does not take compressed bodies: it gets them uncompressed from here on`,
    );
    return plain;
  }

  reopen(): void {
    this.#client.reopen();
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

const gzipped = promisify<string, Buffer>(gzip);
/** What a server answers that does not know the coding (RFC 9110, section 15.5.16), or does not look. */
const UNREAD: ReadonlySet<number> = new Set([400, 415]);
