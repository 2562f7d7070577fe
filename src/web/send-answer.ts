import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Answer } from "./answer.ts";

/** Sends an answer; of one to HEAD its headers alone. Rejects when the reader goes away. */
export async function sendAnswer(
  { status, headers = {}, body = "" }: Answer,
  { method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isWhole = typeof body === "string" || body instanceof Uint8Array;
  const length = isWhole ? { "content-length": String(Buffer.byteLength(body)) } : {};
  response.writeHead(status, { "cache-control": "no-store", ...length, ...headers });
  if (method === "HEAD") response.end();
  else if (isWhole) response.end(body);
  else await pipeline(Readable.from(body), response);
}
