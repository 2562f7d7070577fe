import { statSync } from "node:fs";
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { errnoOf } from "../lib/errno.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { FRAME_HEAD, openCall, openSession, type WireCall } from "./grpc-wire.ts";
import { type ProtoMessage, readProto } from "./protobuf.ts";

/** Calls to one gRPC server behind a unix socket, each with a deadline. */
export interface GrpcClient {
  readonly socket: string;
  /**
   * One question, one answer. Throws `PEER_GRPC_NOT_FOUND`, `PEER_GRPC_UNIMPLEMENTED` and
   * `PEER_GRPC_STATUS` for what the server says, `PEER_GRPC_TIMEOUT`, `PEER_GRPC_UNREACHABLE` and
   * `PEER_PAUSED` when it says nothing, `PEER_GRPC_ANSWER` for what is no answer.
   */
  call(
    method: string,
    request: Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ProtoMessage>;
  close(): void;
}

/**
 * gRPC over HTTP/2 as its protocol says (grpc/grpc doc/PROTOCOL-HTTP2.md). Connects when it is
 * first asked, and anew after the connection broke. `timeoutMs` is for one call, the connecting
 * included; `busyMs` for one to a server that has answered within LATELY_MS.
 */
export function grpcClient(
  socket: string,
  {
    timeoutMs = 200,
    busyMs = 1000,
  }: { readonly timeoutMs?: number; readonly busyMs?: number } = {},
): GrpcClient {
  const breaker = new CircuitBreaker(socket, () => performance.now());
  let session: ClientHttp2Session | undefined;
  let answeredAt = -Infinity;
  // Who has just answered is not hanging when he is slow: many containers may start at once.
  const patience = (): number =>
    performance.now() - answeredAt < LATELY_MS ? Math.max(timeoutMs, busyMs) : timeoutMs;
  const drop = (): void => {
    session?.destroy();
    session = undefined;
  };
  const connected = (): ClientHttp2Session => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    try {
      statSync(socket);
    } catch (error) {
      throw unreachable({ socket }, error as Error);
    }
    session = openSession(socket);
    return session;
  };
  return {
    socket,
    call: (method, request, headers = {}) => {
      const startedAt = performance.now();
      // One that answers others meanwhile is busy.
      const isThere = (error: unknown): boolean =>
        isAnswer(error) || (isSilent(error) && answeredAt > startedAt);
      const ask = async (): Promise<ProtoMessage> => {
        if (breaker.isTrial) drop();
        try {
          const call = { socket, method, request, headers, timeoutMs: patience() };
          const answer = readProto(await unary(connected(), call));
          answeredAt = performance.now();
          return answer;
        } catch (error) {
          if (isAnswer(error)) answeredAt = performance.now();
          // Of one that is silent the others' calls may still get an answer.
          else if (!isSilent(error)) drop();
          throw error;
        }
      };
      return breaker.call(ask, isThere);
    },
    close: drop,
  };
}

interface Call extends WireCall {
  readonly socket: string;
  readonly timeoutMs: number;
}

/** The answer's message, unpacked from its frame. */
function unary(session: ClientHttp2Session, call: Call): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const stream = openCall(session, call);
    const chunks: Buffer[] = [];
    let length = 0;
    let status: IncomingHttpHeaders = {};
    const fail = (error: AppError): void => {
      clearTimeout(timer);
      stream.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(silent(call)), call.timeoutMs);
    stream.on("error", (error) => fail(unreachable(call, error)));
    stream.on("response", (headers) => (status = { ...status, ...headers }));
    stream.on("trailers", (headers) => (status = { ...status, ...headers }));
    stream.on("data", (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > ANSWER_BYTES) fail(broken(call, `longer than ${ANSWER_BYTES} bytes`));
    });
    stream.on("close", () => {
      clearTimeout(timer);
      settle(call, status, Buffer.concat(chunks), { resolve, reject });
    });
  });
}

function settle(
  call: Call,
  status: IncomingHttpHeaders,
  body: Buffer,
  outcome: { resolve: (message: Uint8Array) => void; reject: (error: AppError) => void },
): void {
  const code = status["grpc-status"];
  if (code === undefined) return outcome.reject(broken(call, "it broke off"));
  if (code !== "0") return outcome.reject(refused(call, String(code), status["grpc-message"]));
  if (
    body.length < FRAME_HEAD ||
    body[0] !== 0 ||
    body.readUInt32BE(1) !== body.length - FRAME_HEAD
  )
    return outcome.reject(broken(call, "not one whole message"));
  outcome.resolve(body.subarray(FRAME_HEAD));
}

function isAnswer(error: unknown): boolean {
  return error instanceof AppError && ANSWERS.has(error.code);
}

function isSilent(error: unknown): boolean {
  return error instanceof AppError && error.code === "PEER_GRPC_TIMEOUT";
}

function refused(call: Call, code: string, message: unknown): AppError {
  const said = typeof message === "string" && message !== "" ? message : `status ${code}`;
  const kind = { "5": "PEER_GRPC_NOT_FOUND", "12": "PEER_GRPC_UNIMPLEMENTED" } as const;
  const known = code === "5" || code === "12" ? kind[code] : "PEER_GRPC_STATUS";
  return new AppError(known, `${doing(call)}: ${said.slice(0, 300)}`);
}

function silent(call: Call): AppError {
  return new AppError("PEER_GRPC_TIMEOUT", `${doing(call)}: no answer within ${call.timeoutMs} ms`);
}

function broken(call: Call, state: string): AppError {
  return new AppError("PEER_GRPC_ANSWER", `${doing(call)}: ${state}`);
}

function unreachable(call: Pick<Call, "socket">, cause: Error): AppError {
  // A connection that fails cancels its calls: why stands behind that.
  const errno = errnoOf(cause.cause) ?? errnoOf(cause) ?? "";
  const state = REASONS[errno] ?? (errno || messageOf(cause));
  return new AppError("PEER_GRPC_UNREACHABLE", `Cannot reach "${call.socket}": ${state}`, {
    cause,
  });
}

function doing({ method, socket }: Call): string {
  return `Cannot ask "${socket}" for ${method.split("/").at(-1) ?? method}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such socket",
  ECONNREFUSED: "nothing listens there",
  EACCES: "permission denied",
};
const ANSWERS: ReadonlySet<string> = new Set([
  "PEER_GRPC_NOT_FOUND",
  "PEER_GRPC_UNIMPLEMENTED",
  "PEER_GRPC_STATUS",
]);
const LATELY_MS = 60_000;
const ANSWER_BYTES = 4 * 1024 * 1024;
