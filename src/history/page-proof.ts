import { randomBytes } from "node:crypto";
import { type IncomingMessage, request } from "node:http";
import { request as requestByTls } from "node:https";
import { bytesUpTo } from "../lib/bytes-up-to.ts";
import { Proof } from "../web/schemas/session.ts";
import { isSameSecret, proofOf } from "../web/token.ts";

/** Who listens at the page's address: a server that has the token, somebody else, or nobody. */
export type Listener = "ours" | "other" | "nobody";

/**
 * Asks who listens at the page's address, by a question whose answer takes the token and tells
 * nothing of it. Who does not answer so within three seconds is somebody else.
 */
export async function listenerAt({ origin }: URL, token: string): Promise<Listener> {
  const question = randomBytes(24).toString("base64url");
  const url = new URL(`/api/v1/proof?question=${question}`, origin);
  try {
    const { proof } = Proof.parse(await answerOf(url));
    return isSameSecret(proof, proofOf(token, { port: portOf(url), question })) ? "ours" : "other";
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "ECONNREFUSED" ? "nobody" : "other";
  }
}

/** Rejects with what the connection does, and when the answer is no short JSON. */
async function answerOf(url: URL): Promise<unknown> {
  const ask = url.protocol === "https:" ? requestByTls : request;
  // Whoever signed its certificate: the answer proves more.
  const options = {
    agent: false,
    rejectUnauthorized: false,
    signal: AbortSignal.timeout(PATIENCE_MS),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    ask(url, options, resolve).on("error", reject).end();
  });
  const body = await bytesUpTo(response, ANSWER_MAX, () => new RangeError("Too long an answer"));
  return JSON.parse(body.toString());
}

function portOf({ protocol, port }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

const PATIENCE_MS = 3000;
const ANSWER_MAX = 4096;
