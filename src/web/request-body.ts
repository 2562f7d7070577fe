import type { IncomingMessage } from "node:http";
import { bytesUpTo } from "../lib/bytes-up-to.ts";
import { Refusal } from "./answer.ts";

/** The body of a request as text. Throws `Refusal` when it is too long, or no JSON's type. */
export async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<string> {
  const tooLong = (): Refusal => new Refusal(413, `A body has at most ${bytesMax} bytes`);
  return (await bytesUpTo(request, bytesMax, tooLong)).toString("utf8");
}

/** The same as a JSON value. A form of another site can send no such type. */
export async function jsonBodyOf(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\b/i.test(type)) throw new Refusal(415, "The body must be JSON");
  try {
    return JSON.parse(await bodyOf(request, bytesMax)) as unknown;
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    throw new Refusal(400, "The body is not JSON");
  }
}
