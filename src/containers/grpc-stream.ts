import type { ClientHttp2Stream } from "node:http2";
import { FRAME_HEAD, openCall, openSession, type WireCall } from "./grpc-wire.ts";
import { type ProtoMessage, readProto } from "./protobuf.ts";

/** A call whose answer is a stream of messages. */
export interface StreamCall extends WireCall {
  readonly socket: string;
  readonly onMessage: (message: ProtoMessage) => void;
}

/**
 * Makes the call, on a connection of its own, and hears the stream. Resolves when it has ended: by
 * `signal`, by the server, since it is not there, or since it sent what is no message or one of
 * more than MESSAGE_BYTES. Never rejects.
 */
export async function followGrpc(call: StreamCall, signal: AbortSignal): Promise<void> {
  const session = openSession(call.socket);
  try {
    const stream = openCall(session, call);
    const end = (): void => void stream.destroy();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    await messages(stream, call.onMessage).finally(() => signal.removeEventListener("abort", end));
  } finally {
    session.destroy();
  }
}

function messages(stream: ClientHttp2Stream, onMessage: StreamCall["onMessage"]): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    try {
      rest = unframed(rest, onMessage);
    } catch {
      stream.destroy();
    }
  });
  return new Promise((resolve) => {
    stream.on("error", () => stream.destroy());
    stream.on("close", resolve);
  });
}

/** Hands on all whole messages; what is left is the beginning of the next. */
function unframed(bytes: Buffer, onMessage: StreamCall["onMessage"]): Buffer {
  let start = 0;
  while (bytes.length - start >= FRAME_HEAD) {
    const length = bytes.readUInt32BE(start + 1);
    if (bytes[start] !== 0 || length > MESSAGE_BYTES) throw new RangeError("not a message");
    const end = start + FRAME_HEAD + length;
    if (end > bytes.length) break;
    onMessage(readProto(bytes.subarray(start + FRAME_HEAD, end)));
    start = end;
  }
  return bytes.subarray(start);
}

const MESSAGE_BYTES = 64 * 1024;
