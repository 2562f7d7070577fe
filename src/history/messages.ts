import type { News } from "../news/news.ts";
import type { OutboxPage, OutboxPlace, OutboxRange } from "../store/outbox.ts";
import type { OutboxReader } from "../store/outbox-news.ts";
import type { CountedSilence } from "../store/silence-book.ts";
import type { Silence, SilenceRequest } from "../store/silence.ts";
import type { SilenceObstacle } from "../web/handlers.ts";
import type { RuleDetail, RuleSummary } from "../web/schemas/rule.ts";
import type { WatchHealth } from "../web/schemas/health.ts";
import type { StoredPort } from "../web/schemas/port.ts";

/** Where news are kept, and for how long. */
export interface StoreSettings {
  /** The database's file; undefined for memory. */
  readonly path: string | undefined;
  /** `postgresql://…`, in place of a file. */
  readonly url: string | undefined;
  readonly durability: "normal" | "full";
  readonly days: number;
  readonly megabytes: number;
}

/** Where the page and the API are served. */
export interface WebSettings {
  readonly address: string;
  readonly port: number;
  /** Further `HOST:PORT` by which it is reached. */
  readonly hosts: readonly string[];
  /** Undefined: plain HTTP. */
  readonly tls: PageTls | undefined;
  readonly tokenFile: string;
  readonly pageFolder: string;
}

/** Files (PEM) of a certificate that was given, or the file of one that Saker signs itself. */
export type PageTls =
  | { readonly kind: "given"; readonly certificate: string; readonly key: string }
  | { readonly kind: "self-signed"; readonly file: string };

/** What the thread is started with. */
export interface HistoryData {
  readonly version: string;
  readonly hostname: string;
  readonly store: StoreSettings;
  /** Undefined: nothing is served. */
  readonly web: WebSettings | undefined;
  /** Falco's webserver; undefined: none. */
  readonly webserver: WebserverSettings | undefined;
  /** The newest id when the watch began; undefined: now. */
  readonly begun: number | undefined;
}

/** Where Falco's webserver listens, and what it answers. */
export interface WebserverSettings {
  readonly address: string;
  readonly port: number;
  readonly healthzPath: string;
  readonly metrics: boolean;
  /** A file, PEM: certificate and key. */
  readonly certificate: string | undefined;
}

/** What the thread asks of the watch, and what it is answered. */
export interface Questions {
  readonly health: { readonly about: undefined; readonly answer: WatchHealth };
  readonly rules: { readonly about: undefined; readonly answer: readonly RuleSummary[] };
  readonly rule: { readonly about: string; readonly answer: RuleDetail | undefined };
  readonly examine: { readonly about: StoredPort; readonly answer: string | undefined };
  readonly silences: { readonly about: undefined; readonly answer: readonly CountedSilence[] };
  readonly silence: {
    readonly about: SilenceRequest;
    readonly answer: CountedSilence | SilenceObstacle;
  };
  readonly endSilence: { readonly about: string; readonly answer: boolean };
}

/** To the thread. */
export type ToThread =
  | { readonly kind: "news"; readonly news: readonly News[]; readonly dropped: number }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  /** Those that hold from now on. */
  | { readonly kind: "silences"; readonly silences: readonly Silence[] }
  | {
      readonly kind: "outbox-read";
      readonly id: number;
      readonly reader: OutboxReader;
      readonly range: OutboxRange;
    }
  /** So far the other sides have answered, by output. */
  | { readonly kind: "outbox-move"; readonly places: ReadonlyMap<string, OutboxPlace> }
  | { readonly kind: "close" };

/** From the thread. */
export type FromThread =
  | {
      readonly kind: "ready";
      readonly place: string;
      readonly page: string | undefined;
      readonly fingerprint: string | undefined;
      readonly begun: number;
    }
  | { readonly kind: "done"; readonly count: number }
  | { readonly kind: "note" | "problem"; readonly text: string }
  /** So many alerts that came by HTTP fell under these silences. */
  | { readonly kind: "silenced"; readonly counts: ReadonlyMap<string, number> }
  /** Undefined: nothing is kept beyond the end. */
  | { readonly kind: "outbox-page"; readonly id: number; readonly page: OutboxPage | undefined }
  /** So many news were removed before they were sent on, by output. */
  | { readonly kind: "outbox-lost"; readonly counts: ReadonlyMap<string, number> }
  | {
      readonly kind: "question";
      readonly id: number;
      readonly what: keyof Questions;
      readonly about: unknown;
    };
