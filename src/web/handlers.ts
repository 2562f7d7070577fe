import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import type { CountedSilence } from "../store/silence-book.ts";
import type { SilenceRequest } from "../store/silence.ts";
import type { Store } from "../store/store.ts";
import type { Access } from "./access.ts";
import type { Answer } from "./answer.ts";
import type { LiveStream } from "./live-stream.ts";
import type { Metrics } from "./metrics.ts";
import type { ROUTES } from "./routes.ts";
import type { RuleDetail, RuleSummary } from "./schemas/rule.ts";
import type { StoreHealth, WatchHealth } from "./schemas/health.ts";
import type { StoredPort } from "./schemas/port.ts";
import type { News } from "../news/news.ts";

/** What the API shows that no store has: asked of the watch, which may be another thread. */
export interface WatchDoor {
  /** Undefined when it does not answer in time. */
  health(): Promise<WatchHealth | undefined>;
  rules(): Promise<readonly RuleSummary[]>;
  rule(name: string): Promise<RuleDetail | undefined>;
  /** Undefined when the port is queued for its examination, else why it is not. */
  examine(port: StoredPort): Promise<string | undefined>;
  /** Those that hold; undefined as above, and so of the others. */
  silences(): Promise<readonly CountedSilence[] | undefined>;
  silence(request: SilenceRequest): Promise<CountedSilence | SilenceObstacle | undefined>;
  /** False when there is none of that id. */
  endSilence(id: string): Promise<boolean | undefined>;
}

/** Why alerts are not silenced, in words. */
export interface SilenceObstacle {
  readonly obstacle: string;
}

/** What handlers work with. */
export interface Site {
  readonly version: string;
  readonly store: Store;
  readonly storeHealth: () => Promise<StoreHealth>;
  readonly watch: WatchDoor;
  readonly access: Access;
  readonly stream: LiveStream;
  readonly metrics: Metrics;
  /** Keeps what came in one request, or none of it: false when too many wait. */
  readonly take: (news: readonly News[]) => boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A request, checked by its route's schemas. */
export interface Asked<Query = unknown, Body = unknown> {
  readonly query: Query;
  readonly body: Body;
  /** Of the path, by name. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

type Routes = typeof ROUTES;
type QueryOf<Route> = Route extends { readonly query: infer Q extends z.ZodType }
  ? z.output<Q>
  : undefined;
type BodyOf<Route> = Route extends { readonly body: infer B extends z.ZodType }
  ? z.output<B>
  : undefined;

/** Answers a request; undefined when it has written to the response by itself. */
export type Handler<Name extends keyof Routes> = (
  asked: Asked<QueryOf<Routes[Name]>, BodyOf<Routes[Name]>>,
  site: Site,
) => Promise<Answer | undefined> | Answer;

/** Handlers of some routes. */
export type Handlers<Names extends keyof Routes = keyof Routes> = {
  readonly [Name in Names]: Handler<Name>;
};
