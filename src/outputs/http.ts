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
import { answerOf, headerValue, HttpClient } from "./http-client.ts";
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
  isOn: ({ enabled }) => enabled,
  open: (options, context) => new HttpDestination(options, context),
};

/** Characters of an answer that are shown. */
const ECHO_MAX = 64 << 10;

class HttpDestination implements Destination {
  readonly name = HTTP_OUTPUT.section;
  readonly target: string;
  readonly batch = { lines: 1, bytes: 1 };
  readonly #options: HttpOptions;
  readonly #context: OutputContext;
  readonly #client: HttpClient;

  constructor(options: HttpOptions, context: OutputContext) {
    this.#options = options;
    this.#context = context;
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
    const headers = {
      "content-type": this.#context.json ? "application/json" : "text/plain",
      "user-agent": headerValue(this.#options.userAgent),
    };
    const answer = await this.#client.post(lines.join("\n"), headers, signal);
    if (this.#options.echo)
      this.#context.onNote(`${this.target}: ${escapeUnseen(answer.text.slice(0, ECHO_MAX))}`);
    return answerOf(answer, lines.length);
  }

  reopen(): void {
    this.#client.reopen();
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
