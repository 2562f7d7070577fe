import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type Answer, json, problem, Refusal } from "./answer.ts";
import { messageOf } from "../lib/errors.ts";
import { Guests } from "./guests.ts";
import { listen, type WebPlace, type WebServer } from "./listen.ts";
import { sendAnswer } from "./send-answer.ts";

/** Falco's webserver: where it listens, and what it answers. */
export interface HealthServerOptions extends WebPlace {
  /** PEM; undefined for plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly healthzPath: string;
  readonly version: string;
  /** What `/metrics` answers, by what is accepted; undefined: there is no such path. */
  readonly metrics: ((accept: string) => Promise<Answer>) | undefined;
}

/**
 * Tells everybody who asks that the watch lives, of which version it is and, if so, its metrics: no
 * more than Falco's own webserver tells. Rejects when the port is taken.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<WebServer> {
  const { tls } = options;
  const limits = {
    maxHeaderSize: 8192,
    headersTimeout: 5000,
    requestTimeout: 5000,
    connectionsCheckingInterval: 1000,
    handshakeTimeout: 5000,
  };
  const server = tls === undefined ? createServer(limits) : createTlsServer({ ...limits, ...tls });
  server.on("request", (request, response) => void respond(options, request, response));
  return listen(server, options, new Guests(CONNECTIONS_MAX));
}

async function respond(
  options: HealthServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await answerTo(options, request).catch((thrown: unknown) =>
    problem(new Refusal(500, "The request failed", messageOf(thrown))),
  );
  await sendAnswer(answer, request, response).catch(() => response.destroy());
}

async function answerTo(
  { healthzPath, version, metrics }: HealthServerOptions,
  { method, url = "", headers }: IncomingMessage,
): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD")
    return problem(new Refusal(405, "There is nothing to do here"));
  const [path] = url.split("?", 1);
  if (path === healthzPath) return json({ status: "ok" });
  if (path === "/versions") return json({ saker: version });
  if (path === "/metrics" && metrics !== undefined) return metrics(headers.accept ?? "");
  return problem(new Refusal(404, "There is nothing here"));
}

const CONNECTIONS_MAX = 64;
