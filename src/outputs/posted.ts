import type { Alert } from "../alerts/alert.ts";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import type { News } from "../news/news.ts";
import type { Answer, Destination, Endpoint, OutboxWish } from "./destination.ts";
import { type Rate, rateOf } from "./digest.ts";
import {
  answerOf,
  headerValue,
  type HttpAnswer,
  HttpClient,
  REFUSED_WHOLE,
  withScheme,
} from "./http-client.ts";
import type { OptionTable } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import {
  certificatesFor,
  SERVICE_OPTIONS,
  serviceOutbox,
  type ServiceOptions,
  urgentAlerts,
} from "./service.ts";

/** What every output has that posts alerts to a service. */
export interface PostedOptions extends ServiceOptions {
  readonly address: string;
  readonly customHeaders: string;
}

/** A service that takes alerts by HTTP: its keys are falcosidekick's. */
export interface PostedKind<Options extends PostedOptions> {
  readonly section: string;
  readonly doc: string;
  readonly options: OptionTable<Options>;
  /** The option with which it is on; its address by default. */
  readonly required?: keyof Options & string;
  /** The path of its API, where the address has none. */
  readonly path?: string;
  /** Where to post to, where that is not the address with the path. */
  url?(options: Options): string;
  readonly contentType: string;
  /** The most alerts of one post. */
  readonly alerts: number;
  headers?(options: Options, lines: readonly string[]): Readonly<Record<string, string>>;
  /** One alert as it stands in a body. */
  line(alert: Alert, options: Options, context: OutputContext): string;
  /** Several of them as one body; left out where each is posted for itself. */
  body?(lines: readonly string[]): string;
  /** Of an answer of 2xx: what has become of each, where that stands in it. */
  judge?(answer: HttpAnswer, lines: number): Answer;
  /** How long it asks not to be posted to, in milliseconds, where its answer's body says that. */
  waitMs?(answer: HttpAnswer): number | undefined;
}

/** The options that all of them have besides their address. */
export const POSTED_OPTIONS: Omit<OptionTable<PostedOptions>, "address"> = {
  ...SERVICE_OPTIONS,
  customHeaders: {
    key: "customheaders",
    default: "",
    isMap: true,
    doc: "Further headers, as a map or as `Name:value,Name:value`, where it goes by HTTP.",
    secret: true,
  },
};

/** The options that all of them have; `key` and `doc` are the address's. */
export function postedOptions(key: string, doc: string): OptionTable<PostedOptions> {
  return {
    address: {
      key,
      default: "",
      doc: `${doc} With it the output is on.`,
      isUrl: true,
      secret: true,
    },
    ...POSTED_OPTIONS,
  };
}

/** The output of a service. */
export function postedOutput<Options extends PostedOptions>(
  kind: PostedKind<Options>,
): OutputKind<Options> {
  const { section, doc, options, required = "address" } = kind;
  return {
    section,
    doc,
    options,
    required,
    isOn: (stated) => stated[required] !== "",
    open: (stated, context) => new PostedDestination(kind, stated, context),
  };
}

class PostedDestination<Options extends PostedOptions> implements Destination {
  readonly name: string;
  readonly target: string;
  readonly batch: Destination["batch"];
  readonly limit: Rate | undefined;
  readonly outbox: OutboxWish;
  readonly #kind: PostedKind<Options>;
  readonly #options: Options;
  readonly #context: OutputContext;
  readonly #client: HttpClient;
  readonly #alertIn: (news: News) => Alert | undefined;

  constructor(kind: PostedKind<Options>, options: Options, context: OutputContext) {
    this.#kind = kind;
    this.#options = options;
    this.#context = context;
    this.#alertIn = urgentAlerts(options, context);
    this.limit = rateOf(options.limit);
    this.name = kind.section;
    this.batch = { lines: kind.alerts, bytes: 1 << 20 };
    const url = kind.url?.(options) ?? withPath(options.address, kind.path);
    // With its key: whose address is the region's is told from another's by that alone.
    this.outbox = serviceOutbox(options, `${url} ${String(options[kind.required ?? "address"])}`);
    this.#client = new HttpClient({
      ...certificatesFor(options),
      url,
      insecure: !options.checkCertificate,
    });
    // Of webhooks the path is the secret.
    this.target = this.#client.url?.origin ?? `${kind.section}'s address`;
  }

  format(news: News): string | undefined {
    const alert = this.#alertIn(news);
    return alert && this.#kind.line(alert, this.#options, this.#context);
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
    const { body, contentType, headers, judge } = this.#kind;
    for (let count = lines.length; ; count = count >> 1) {
      const part = lines.slice(0, count);
      const text = body?.(part) ?? part.join("\n");
      const stated = headersIn(this.#options.customHeaders, ":");
      const sent = { "content-type": contentType, ...stated, ...headers?.(this.#options, part) };
      const answer = await this.#client.post(text, sent, signal);
      if (count > 1 && REFUSED_WHOLE.has(answer.status)) continue;
      const settled = answerOf(answer, count);
      if (settled.delivered > 0) return judge?.(answer, count) ?? settled;
      if (settled.refused !== undefined) return { ...settled, ...refusal(answer) };
      const waitMs = settled.waitMs ?? this.#kind.waitMs?.(answer);
      return { ...settled, ...(waitMs === undefined ? {} : { waitMs }) };
    }
  }

  reopen(): void {
    this.#client.reopen();
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** With the other side's own words, as far as they are short. */
function refusal({ status, text }: HttpAnswer): Pick<Answer, "reason"> {
  const words = escapeUnseen(text.slice(0, ANSWER_MAX).trim()).slice(0, WORDS_MAX);
  return { reason: `it answers ${status}${words === "" ? "" : `: ${words}`}` };
}

const [ANSWER_MAX, WORDS_MAX] = [1000, 120];

/** An address with the path of an API, where it has none of its own. */
export function withPath(address: string, path: string | undefined): string {
  if (path === undefined || !URL.canParse(withScheme(address))) return address;
  const url = new URL(withScheme(address));
  if (url.pathname === "/") url.pathname = path;
  return url.href;
}

/** With it below the address's own path, as behind a proxy, unless that ends with it already. */
export function withPathBelow(address: string, path: string): string {
  if (!URL.canParse(withScheme(address))) return address;
  const url = new URL(withScheme(address));
  if (!url.pathname.endsWith(path)) url.pathname = `${url.pathname.replace(/\/+$/, "")}${path}`;
  return url.href;
}

/** The header of a name and a password; none without a name. */
export function basicAuthorization(
  name: string,
  password: string,
): Readonly<Record<string, string>> {
  if (name === "") return {};
  const text = Buffer.from(`${name}:${password}`).toString("base64");
  return { authorization: `Basic ${text}` };
}

/**
 * Headers as an option states them: `Name:value,Name:value`, or with another separator. Behind a
 * comma what begins no header belongs to the value before.
 */
export function headersIn(text: string, separator: ":" | "="): Readonly<Record<string, string>> {
  const pairs: [name: string, value: string][] = [];
  for (const pair of text.split(",")) {
    const [, name, value = ""] = HEADER[separator].exec(pair) ?? [];
    const last = pairs.at(-1);
    if (name !== undefined) pairs.push([name.toLowerCase(), value]);
    else if (last !== undefined && pair.trim() !== "" && !pair.includes(separator))
      last[1] += `,${pair.trimEnd()}`;
  }
  return Object.fromEntries(pairs.map(([name, value]) => [name, headerValue(value)]));
}

const HEADER = { ":": /^\s*([\w-]+)\s*:\s*(.*?)\s*$/, "=": /^\s*([\w-]+)\s*=\s*(.*?)\s*$/ };
