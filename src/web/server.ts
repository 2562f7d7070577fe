import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { messageOf } from "../lib/errors.ts";
import { ALERT_HANDLERS } from "./alert-handlers.ts";
import { type Answer, json, problem, Refusal } from "./answer.ts";
import type { GuestServer } from "./first-guest.ts";
import { Guests } from "./guests.ts";
import type { Asked, Handlers, Site } from "./handlers.ts";
import { alertsIn } from "./ingest.ts";
import { listen, type WebPlace } from "./listen.ts";
import { openApi } from "./openapi.ts";
import { pageFile } from "./page-files.ts";
import { PORT_HANDLERS } from "./port-handlers.ts";
import { bodyOf, jsonBodyOf } from "./request-body.ts";
import { queryOf, refusalText } from "./request-query.ts";
import { type Route, ROUTES } from "./routes.ts";
import { sendAnswer } from "./send-answer.ts";
import { SILENCE_HANDLERS } from "./silence-handlers.ts";
import { SITE_HANDLERS } from "./site-handlers.ts";

const HANDLERS: Handlers = {
  ...ALERT_HANDLERS,
  ...PORT_HANDLERS,
  ...SILENCE_HANDLERS,
  ...SITE_HANDLERS,
};

/** Where the server listens, and what it serves beside the API. */
export interface ServerOptions extends WebPlace {
  /** PEM; undefined for plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Of the built page. */
  readonly pageFolder: string;
}

/** The server of the page and the API. */
export interface PageServer extends GuestServer {
  /** For the connections that begin from now on; of a server with TLS. */
  useCertificate(pair: { readonly cert: string; readonly key: string }): void;
}

/**
 * Serves the API, the page and metrics. `siteAt` is asked once the port is known. Rejects when the port
 * is taken.
 */
export async function startServer(
  { tls, pageFolder, ...place }: ServerOptions,
  siteAt: (port: number) => Site,
): Promise<PageServer> {
  const limits = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000 };
  const handshakeTimeout = 10_000;
  const tlsServer = tls && createTlsServer({ ...limits, ...tls, handshakeTimeout });
  const server: Server = tlsServer ?? createServer(limits);
  server.maxConnections = CONNECTIONS_MAX;
  const guests = new Guests();
  const listening = await listen(server, place, guests);
  const paths = new Paths(siteAt(listening.port), { pageFolder, guests });
  server.on("request", (request, response) => void respond(paths, request, response));
  return { ...listening, useCertificate: (pair) => tlsServer?.setSecureContext(pair) };
}

async function respond(
  paths: Paths,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(SAFE_HEADERS)) response.setHeader(name, value);
  try {
    const answer = await paths.answer(request, response);
    if (answer !== undefined) await sendAnswer(answer, request, response);
  } catch (thrown) {
    if (response.headersSent) return void response.destroy();
    const refusal =
      thrown instanceof Refusal
        ? thrown
        : new Refusal(500, "The request failed", messageOf(thrown));
    await sendAnswer(problem(refusal), request, response).catch(() => response.destroy());
  }
}

/** What is behind each path. */
class Paths {
  readonly #site: Site;
  readonly #pageFolder: string;
  readonly #guests: Guests;
  #openApi: string | undefined;

  constructor(
    site: Site,
    { pageFolder, guests }: { readonly pageFolder: string; readonly guests: Guests },
  ) {
    this.#site = site;
    this.#pageFolder = pageFolder;
    this.#guests = guests;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<Answer | undefined> {
    const { access, version } = this.#site;
    const url = URL.parse(request.url ?? "/", "http://saker");
    if (url === null) throw new Refusal(400, "The path is not well-formed");
    const path = url.pathname;
    // Probes of an orchestrator come by any name, and learn nothing.
    if (path === "/healthz") return json({ status: "ok" });
    if (path === "/readyz") return this.#ready();
    access.requireOwnSite(request);
    if (path === "/versions") return json({ saker: version });
    const found = routeOf(request.method ?? "", path);
    if (found !== undefined) return this.#callRoute(found, url, { request, response });
    if (path === "/" && request.method === "POST") return this.#ingest(request);
    if (request.method !== "GET" && request.method !== "HEAD")
      throw new Refusal(405, "There is nothing to do here");
    if (path === "/login") return this.#loginOnce(url);
    if (path === "/openapi.json") return this.#describe();
    if (path === "/metrics") {
      this.#requireLogin(request);
      return this.#site.metrics.answer(request.headers.accept ?? "");
    }
    return pageFile(this.#pageFolder, path, request.headers["accept-encoding"] ?? "");
  }

  #requireLogin(request: IncomingMessage): void {
    this.#site.access.requireLogin(request);
    this.#guests.loggedIn(request.socket);
  }

  async #callRoute(
    { name, route, parameters }: FoundRoute,
    url: URL,
    { request, response }: Pick<Asked, "request" | "response">,
  ): Promise<Answer | undefined> {
    if (route.isOpen !== true) this.#requireLogin(request);
    const asked = {
      query: route.query && parsed(route.query, queryOf(route.query, url.searchParams)),
      body: route.body && parsed(route.body, await jsonBodyOf(request, BODY_MAX)),
      parameters,
      request,
      response,
    };
    // The table says which handler takes what these schemas give.
    const handler = HANDLERS[name] as (
      asked: Asked,
      site: Site,
    ) => ReturnType<(typeof HANDLERS)["alerts"]>;
    return handler(asked, this.#site);
  }

  /** Throws what the database does. */
  async #ready(): Promise<Answer> {
    await this.#site.store.backend.db.selectFrom("alert").select("id").limit(1).execute();
    return json({ status: "ok" });
  }

  async #ingest(request: IncomingMessage): Promise<Answer> {
    const { take, now } = this.#site;
    this.#requireLogin(request);
    const news = alertsIn(await bodyOf(request, INGEST_MAX), now());
    if (!take(news)) throw new Refusal(503, "Too many alerts wait");
    return { status: 200 };
  }

  #loginOnce({ searchParams }: URL): Answer {
    const cookie = this.#site.access.logInOnce(searchParams.get("once") ?? "");
    return cookie === undefined
      ? { status: 303, headers: { location: "/?login=failed" } }
      : { status: 303, headers: { location: "/", "set-cookie": cookie } };
  }

  #describe(): Answer {
    this.#openApi ??= JSON.stringify(openApi(this.#site.version));
    return { status: 200, headers: { "content-type": "application/json" }, body: this.#openApi };
  }
}

interface FoundRoute {
  readonly name: keyof typeof ROUTES;
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Literal paths stand before those with parameters in the table. */
function routeOf(method: string, path: string): FoundRoute | undefined {
  const verb = method === "HEAD" ? "get" : method.toLowerCase();
  for (const { name, route, pattern } of PATTERNS) {
    const match = pattern.exec(path);
    if (match === null || route.method !== verb) continue;
    try {
      const entries = Object.entries(match.groups ?? {});
      const parameters = Object.fromEntries(
        entries.map(([key, value]) => [key, decodeURIComponent(value)]),
      );
      return { name, route, parameters };
    } catch {
      throw new Refusal(400, "The path is not well-formed");
    }
  }
  return undefined;
}

const PATTERNS = Object.entries<Route>(ROUTES).map(([name, route]) => ({
  name: name as keyof typeof ROUTES,
  route,
  pattern: new RegExp(`^${route.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
}));

function parsed(schema: NonNullable<Route["query"]>, value: unknown): unknown {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new Refusal(400, "The request is not understood", refusalText(error));
}

/** Of every answer: nothing but the page's own files runs, and no other site shows it. */
const SAFE_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

const CONNECTIONS_MAX = 256;
const BODY_MAX = 65_536;
const INGEST_MAX = 4 << 20;
