import { constants } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { OPENSSL_GROUPS } from "./whole-handshake.ts";

/**
 * A client of TLS, in whatever version and suite the server likes, on a socket that was led to where
 * TLS begins; nothing is verified.
 */
export function tlsClient(
  socket: Socket,
  { host, alpn = [] }: { readonly host: string; readonly alpn?: string[] },
): TLSSocket {
  return connect({
    socket,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    minVersion: "TLSv1",
    ecdhCurve: OPENSSL_GROUPS,
    ciphers: "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: alpn }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  });
}
