import type { IncomingMessage } from "node:http";
import { bytesUpTo } from "../../lib/bytes-up-to.ts";
import { AppError } from "../../lib/errors.ts";

/** One question over HTTP, and its limits. */
export interface HttpQuestion {
  /** An OCSP request, which is posted; without it the URL is fetched. */
  readonly body?: Uint8Array;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A list may have moved; more than this is a circle. */
const MAX_REDIRECTS = 3;

/**
 * The body of a 200 answer. Plain http alone, also behind redirects: these answers are signed, and
 * with https the question would need an answer first. Throws `PEER_HTTP`.
 */
export async function httpBytes(url: string, question: HttpQuestion): Promise<Uint8Array> {
  const signal = AbortSignal.any([question.signal, AbortSignal.timeout(question.timeoutMs)]);
  let target = plainUrl(url, url);
  for (let turn = 0; turn <= MAX_REDIRECTS; turn += 1) {
    const response = await respond(target, { ...question, signal });
    const { statusCode: status = 0, headers } = response;
    if (status === 200) return readBody(response, question.maxBytes);
    response.destroy();
    if (status < 300 || status >= 400 || headers.location === undefined)
      throw failed(`the answer's status is ${status}`);
    target = plainUrl(headers.location, target.href);
  }
  throw failed(`it redirects more than ${MAX_REDIRECTS} times`);
}

function plainUrl(text: string, base: string): URL {
  const url = URL.parse(text, base);
  if (url === null) throw failed("its URL cannot be read");
  if (url.protocol !== "http:") throw failed(`its URL is ${url.protocol}, and only http is asked`);
  return url;
}

function respond(url: URL, { body, signal }: HttpQuestion): Promise<IncomingMessage> {
  const { hostname, port, pathname, search } = url;
  return new Promise((resolve, reject) => {
    const asked = process.getBuiltinModule("node:http").request(
      {
        // Without the brackets of an IPv6 address.
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? 80 : port,
        path: `${pathname}${search}`,
        agent: false,
        signal,
        ...(body === undefined
          ? {}
          : {
              method: "POST",
              headers: {
                "Content-Type": "application/ocsp-request",
                "Content-Length": body.length,
              },
            }),
      },
      resolve,
    );
    asked.once("error", (error) => reject(failed(reasonOf(error, signal))));
    asked.end(body);
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  try {
    return await bytesUpTo(response, maxBytes, () =>
      failed(`its answer is over ${maxBytes} bytes`),
    );
  } catch (thrown) {
    response.destroy();
    throw thrown instanceof AppError ? thrown : failed("the answer broke off, or took too long");
  }
}

function reasonOf(error: NodeJS.ErrnoException, signal: AbortSignal): string {
  return signal.aborted ? "no answer in time" : (error.code ?? error.message);
}

function failed(state: string): AppError {
  return new AppError("PEER_HTTP", `Cannot ask: ${state}`);
}
