import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { createConnection } from "node:net";

/** A method as `package.Service/Method`, and one message for it. */
export interface WireCall {
  readonly method: string;
  readonly request: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A connection to a unix socket, which keeps no process alive and throws nothing by itself. */
export function openSession(socket: string): ClientHttp2Session {
  // Loaded where somebody is there to talk to: it takes 25 ms and 13 MB.
  const { connect } = process.getBuiltinModule("node:http2");
  const session = connect("http://localhost", { createConnection: () => createConnection(socket) });
  // An error ends the calls under way, which report it; nobody else needs it.
  session.on("error", () => session.destroy());
  session.on("goaway", () => session.close());
  session.unref();
  return session;
}

/** Sends the request as gRPC's protocol says (grpc/grpc doc/PROTOCOL-HTTP2.md). */
export function openCall(
  session: ClientHttp2Session,
  { method, request, headers = {} }: WireCall,
): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": `/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.end(framed(request));
  return stream;
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Before each message: a byte that says whether it is compressed, and its length, big-endian. */
export const FRAME_HEAD = 5;
