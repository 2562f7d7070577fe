import { statSync } from "node:fs";
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { errnoOf } from "../lib/errno.ts";
import { bytesUpTo } from "../lib/bytes-up-to.ts";
import { AppError, messageOf } from "../lib/errors.ts";

/** Requests to one daemon, over a unix socket or TCP. */
export interface DockerHttp {
  /** As it was given: `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
  /**
   * A JSON answer of at most `limit` bytes. At most 8 requests run at once, the others wait their
   * turn. Throws `PEER_DOCKER_UNREACHABLE`, `PEER_DOCKER_TIMEOUT`, `PEER_DOCKER_NOT_FOUND`,
   * `PEER_DOCKER_STATUS`, `PEER_DOCKER_ANSWER`.
   */
  get(path: string, limit: number): Promise<unknown>;
  /**
   * An endless answer of JSON lines; lines that are not JSON are left out. `opened` is called when
   * the daemon has accepted. Resolves when the daemon ends it or `signal` aborts; throws like
   * `get`.
   */
  follow(
    path: string,
    options: {
      readonly signal: AbortSignal;
      readonly opened: () => void;
      readonly onLine: (value: unknown) => void;
    },
  ): Promise<void>;
}

/** Throws `CONFIG_DOCKER_HOST` for an address that is neither unix:// nor tcp://. */
export function dockerHttp(endpoint: string, timeoutMs: number): DockerHttp {
  const to = addressOf(endpoint);
  let agent: Agent | undefined;
  const failed = (error: unknown): AppError => unreachable(endpoint, error);
  const requested = (path: string, options: RequestOptions): ClientRequest => {
    try {
      if (typeof to.socketPath === "string") statSync(to.socketPath);
    } catch (error) {
      throw failed(error);
    }
    // Loaded where somebody is there to talk to: it takes 45 ms and 16 MB.
    const http = process.getBuiltinModule("node:http");
    agent ??= new http.Agent({ maxSockets: 8 });
    return http.request({ agent, ...to, path, ...options });
  };
  return {
    endpoint,
    get: async (path, limit) => {
      const response = await respond(requested(path, {}), timeoutMs, failed);
      const body = await readBody(response, limit, `Cannot read "${path}" from ${endpoint}`);
      if (response.statusCode !== 200)
        throw statusError(endpoint, path, response.statusCode ?? 0, body);
      return parseJson(body, `Cannot read "${path}" from ${endpoint}`);
    },
    follow: async (path, { signal, opened, onLine }) => {
      try {
        const response = await respond(
          requested(path, { agent: false, signal }),
          timeoutMs,
          failed,
        );
        if (response.statusCode !== 200)
          throw statusError(
            endpoint,
            path,
            response.statusCode ?? 0,
            await readBody(response, ERROR_BYTES, `Cannot follow ${endpoint}`),
          );
        // The deadline was for the answer's beginning: now silence is normal.
        response.socket.setTimeout(0);
        opened();
        await readLines(response, onLine);
      } catch (error) {
        if (signal.aborted) return;
        throw error instanceof AppError ? error : failed(error);
      }
    },
  };
}

function addressOf(endpoint: string): RequestOptions {
  if (endpoint.startsWith("unix://")) return { socketPath: endpoint.slice("unix://".length) };
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol === "tcp:" || url?.protocol === "http:")
    return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port || 2375) };
  throw new AppError(
    "CONFIG_DOCKER_HOST",
    `Cannot use "${endpoint}" as Docker's address: neither unix:// nor tcp://`,
    { hint: "set DOCKER_HOST to unix:///PATH or tcp://HOST:PORT" },
  );
}

/**
 * The head of the answer. The deadline starts when the request gets its connection, not while it
 * waits for one.
 */
function respond(
  message: ClientRequest,
  timeoutMs: number,
  failed: (error: unknown) => AppError,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    message.setTimeout(timeoutMs, () =>
      message.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })),
    );
    message.on("error", (error) => reject(failed(error)));
    message.on("response", resolve);
    message.end();
  });
}

async function readBody(response: IncomingMessage, limit: number, doing: string): Promise<string> {
  const failed = (state: string, cause?: unknown): AppError =>
    new AppError("PEER_DOCKER_ANSWER", `${doing}: ${state}`, { cause });
  try {
    const body = await bytesUpTo(response, limit, () => failed(`longer than ${limit} bytes`));
    return body.toString("utf8");
  } catch (cause) {
    throw cause instanceof AppError ? cause : failed("the connection broke off", cause);
  }
}

async function readLines(
  response: IncomingMessage,
  onLine: (value: unknown) => void,
): Promise<void> {
  let rest = "";
  response.setEncoding("utf8");
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_BYTES) throw new Error(`a line is longer than ${LINE_BYTES} bytes`);
    for (const line of lines) readLine(line, onLine);
  }
}

function readLine(line: string, onLine: (value: unknown) => void): void {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return;
  }
  onLine(value);
}

function parseJson(body: string, doing: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AppError("PEER_DOCKER_ANSWER", `${doing}: not JSON`, { cause });
  }
}

function unreachable(endpoint: string, cause: unknown): AppError {
  const errno = errnoOf(cause) ?? "";
  if (errno === "ETIMEDOUT")
    return new AppError(
      "PEER_DOCKER_TIMEOUT",
      `Cannot ask Docker at "${endpoint}": no answer in time`,
      { cause },
    );
  const state = REASONS[errno] ?? (errno || messageOf(cause));
  const hint =
    errno === "EACCES"
      ? "run as root or as a member of the group docker"
      : "start Docker, or set DOCKER_HOST to where it listens";
  return new AppError("PEER_DOCKER_UNREACHABLE", `Cannot reach Docker at "${endpoint}": ${state}`, {
    cause,
    hint,
  });
}

function statusError(endpoint: string, path: string, status: number, body: string): AppError {
  const said = /"message":\s*"((?:[^"\\]|\\.){0,300})/.exec(body)?.[1] ?? `status ${status}`;
  const code = status === 404 ? "PEER_DOCKER_NOT_FOUND" : "PEER_DOCKER_STATUS";
  return new AppError(code, `Cannot read "${path}" from ${endpoint}: ${said}`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such socket",
  ECONNREFUSED: "nothing listens there",
  EACCES: "permission denied",
};
const ERROR_BYTES = 64 * 1024;
const LINE_BYTES = 1024 * 1024;
