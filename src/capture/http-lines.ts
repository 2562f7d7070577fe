import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { bytesUpTo } from "../lib/bytes-up-to.ts";
import { errnoOf } from "../lib/errno.ts";
import { AppError, messageOf } from "../lib/errors.ts";

/** Where lines are taken; port 0 for any. */
export interface HttpPlace {
  readonly address: string;
  readonly port: number;
}

/** Lines that come by HTTP, as a stream. */
export interface HttpLines {
  readonly port: number;
  readonly stream: NodeJS.ReadableStream;
  /** Ends the stream behind what has been taken. */
  close(): void;
}

/** The most of one body, and the most that waits to be read, in bytes. */
const BODY_MAX = 1 << 20;
const WAITING_MAX = 8 << 20;
const CONNECTIONS_MAX = 64;

/**
 * Takes what Falco's http_output posts: JSON objects, one a body or a line each, at any path. Who
 * posts faster than is read is answered 503, and what is no JSON object 400. Throws `USAGE_SOURCE`
 * where it cannot listen.
 */
export async function listenForLines({ address, port }: HttpPlace): Promise<HttpLines> {
  const stream = new PassThrough({ highWaterMark: WAITING_MAX });
  const limits = { maxHeaderSize: 8192, headersTimeout: 10_000, requestTimeout: 30_000 };
  const server = createServer(limits, (request, response) => {
    void answer(request, stream).then((status) => respond(response, status));
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, { address, port });
  return {
    port: (server.address() as AddressInfo).port,
    stream,
    close: () => {
      server.close();
      server.closeAllConnections();
      stream.end();
    },
  };
}

async function listening(server: Server, { address, port }: HttpPlace): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, address, resolve);
  await promise.catch((thrown: unknown) => {
    const reason = errnoOf(thrown) === "EADDRINUSE" ? "the port is taken" : messageOf(thrown);
    throw new AppError("USAGE_SOURCE", `Cannot listen at ${address}:${port}: ${reason}`, {
      hint: "--source falco:http://127.0.0.1:2801 names another place",
    });
  });
}

/** The status of the answer; what is taken stands in the stream by then. */
async function answer(request: IncomingMessage, stream: PassThrough): Promise<number> {
  // Whoever asks whether it lives.
  if (request.method === "GET" || request.method === "HEAD") return 200;
  if (request.method !== "POST") return 405;
  const tooLong = (): Error => new RangeError("Too long a body");
  const bytes = await bytesUpTo(request, BODY_MAX, tooLong).catch(() => undefined);
  if (bytes === undefined) return 413;
  const lines = linesOf(bytes.toString("utf8"));
  if (lines === undefined) return 400;
  if (stream.writableEnded || stream.writableLength + bytes.length > WAITING_MAX) return 503;
  stream.write(`${lines.join("\n")}\n`);
  return 200;
}

/** Objects, a line each; one that goes over several lines as one line. Undefined for other things. */
function linesOf(body: string): readonly string[] | undefined {
  const lines = body.split("\n").filter((line) => line.trim() !== "");
  if (lines.length > 0 && lines.every(isObject)) return lines;
  // Line breaks inside of a JSON text's strings are escaped, so these stand between its parts.
  return isObject(body) ? [body.replaceAll(/[\r\n]+/g, " ")] : undefined;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function respond(response: ServerResponse, status: number): void {
  const later = status === 503 ? { "retry-after": "1" } : {};
  const close = status === 413 ? { connection: "close" } : {};
  response.writeHead(status, { ...later, ...close, "content-length": "0" });
  response.end();
}
