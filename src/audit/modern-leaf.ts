import { connect as connectTls, type TLSSocket } from "node:tls";
import { messageOf } from "../lib/errors.ts";
import type { AuditTarget } from "./audit-target.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import type { Prober } from "./prober.ts";

const PATIENCE_MS = 3000;

/**
 * The leaf certificate of a server that speaks TLS 1.3 alone: there it is encrypted, so one handshake is done to its end with Node's own TLS.
 * Whatever the certificate is worth does not matter here.
 */
export async function modernLeaf(prober: Prober, target: AuditTarget): Promise<Certificate | undefined> {
  if (prober.isOver) return undefined;
  prober.connections += 1;
  try {
    const socket = await target.connect(AbortSignal.timeout(PATIENCE_MS));
    const name = target.serverName === undefined ? {} : { servername: target.serverName };
    const tls = connectTls({ socket, ...name, rejectUnauthorized: false, minVersion: "TLSv1.3", ciphers: ALL_CIPHERS });
    try {
      await handshake(tls);
      const raw = tls.getPeerX509Certificate()?.raw;
      return raw === undefined ? undefined : readCertificate(raw);
    } finally {
      tls.destroy();
      socket.destroy();
    }
  } catch (thrown) {
    prober.note("certificate", messageOf(thrown));
    return undefined;
  }
}

const ALL_CIPHERS = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";

function handshake(tls: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    tls.setTimeout(PATIENCE_MS, () => reject(new Error("no handshake in time")));
    tls.once("secureConnect", resolve);
    tls.on("error", (error) => {
      // A server that wants a client's certificate ends the connection after it has shown its own.
      if (tls.getPeerX509Certificate() === undefined) reject(error);
      else resolve();
    });
  });
}
