import { constants } from "node:crypto";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { messageOf } from "../../lib/errors.ts";
import type { VersionName } from "../../tls/client-hello.ts";
import type { Prober } from "../prober.ts";
import type { Wire } from "../wire.ts";

/** A handshake to its end, by Node's own TLS: for what only a finished session tells. */
export interface WholeHandshake {
  readonly version: VersionName;
  /** A session to resume, as `WholeSession.session` gives it. */
  readonly session?: Buffer | undefined;
  /** Neither offers nor takes tickets. */
  readonly noTickets?: boolean;
  /** Tries to renegotiate once the handshake is done; TLS 1.2 and older. */
  readonly renegotiates?: boolean;
}

export interface WholeSession {
  readonly kind: "done";
  readonly wasResumed: boolean;
  /**
   * What resumes it, as Node writes sessions; undefined when the server of TLS 1.3 gave no ticket.
   */
  readonly session: Buffer | undefined;
  readonly ticket: Uint8Array | undefined;
  /** Undefined when it was not tried, or the server said nothing to it. */
  readonly hasRenegotiated: boolean | undefined;
}

export type HandshakeOutcome =
  | WholeSession
  | {
      readonly kind: "failed";
      readonly reason: string;
      /** OpenSSL's code, `ERR_SSL_…`. */ readonly code: string;
    };

/** Versions that Node can speak. */
const NODE_VERSIONS: Partial<Readonly<Record<VersionName, SecureVersion>>> = {
  "TLSv1.0": "TLSv1",
  "TLSv1.1": "TLSv1.1",
  "TLSv1.2": "TLSv1.2",
  "TLSv1.3": "TLSv1.3",
};

/**
 * So long a server of TLS 1.3 has for its ticket, or for the alert to a client without certificate,
 * once the handshake is done for us.
 */
const AFTERMATH_MS = 300;

/** How long a server has to say goodbye, too. */
const FAREWELL_MS = 50;

/**
 * Does one handshake. Nothing is verified: this is a scanner. Never rejects for what the peer does.
 */
export async function wholeHandshake(
  prober: Prober,
  handshake: WholeHandshake,
): Promise<HandshakeOutcome> {
  const outcome = await prober.exchange((wire) => shake(wire, handshake, prober.serverName));
  return outcome.kind === "done" || outcome.kind === "failed"
    ? outcome
    : {
        kind: "failed",
        reason: outcome.reason,
        code: outcome.kind === "nothing" ? outcome.code : "",
      };
}

/** The peer was gone before it said a word. */
type Silence = Omit<Extract<HandshakeOutcome, { readonly kind: "failed" }>, "kind"> & {
  readonly kind: "nothing";
};

function shake(
  wire: Wire,
  handshake: WholeHandshake,
  serverName: string | undefined,
): Promise<HandshakeOutcome | Silence> {
  if (wire.framing !== undefined)
    return Promise.resolve({
      kind: "failed",
      reason: "TLS in packets of another protocol is not spoken to its end here",
      code: "",
    });
  const socket = wire.release();
  const version = NODE_VERSIONS[handshake.version];
  if (socket === undefined || version === undefined)
    return Promise.resolve({ kind: "nothing", reason: "the connection has ended", code: "" });
  const heard = socket.bytesRead;
  return new Promise((resolve) => {
    const tls = connect({
      socket,
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
      // Old suites and short keys are why one looks.
      ciphers:
        version === "TLSv1.3"
          ? "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
          : "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
      secureOptions:
        constants.SSL_OP_LEGACY_SERVER_CONNECT |
        (handshake.noTickets === true ? constants.SSL_OP_NO_TICKET : 0),
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(handshake.session === undefined ? {} : { session: handshake.session }),
    });
    let latest: Buffer | undefined;
    let hasRenegotiated: boolean | undefined;
    let timer: NodeJS.Timeout | undefined;
    const settle = (outcome: HandshakeOutcome): void => {
      clearTimeout(timer);
      resolve(
        outcome.kind === "failed" && socket.bytesRead === heard
          ? { ...outcome, kind: "nothing" }
          : outcome,
      );
      tls.destroy();
    };
    const done = (): void => {
      // Where the peer has gone already, Node gives null, whatever its types say.
      const session =
        latest ?? (version === "TLSv1.3" ? undefined : (tls.getSession() ?? undefined));
      const outcome: HandshakeOutcome = {
        kind: "done",
        wasResumed: tls.isSessionReused(),
        session,
        ticket: tls.getTLSTicket() ?? undefined,
        hasRenegotiated,
      };
      clearTimeout(timer);
      tls.removeAllListeners("error").on("error", () => settle(outcome));
      tls.removeAllListeners("close").on("close", () => settle(outcome));
      tls.removeAllListeners("session");
      // OpenSSL forgets a session whose connection ends without close_notify.
      tls.end();
      timer = setTimeout(() => settle(outcome), FAREWELL_MS);
    };
    tls.on("error", (error: NodeJS.ErrnoException) =>
      settle({ kind: "failed", reason: messageOf(error), code: error.code ?? "" }),
    );
    tls.on("close", () =>
      settle({ kind: "failed", reason: "the connection was closed", code: "" }),
    );
    tls.on("session", (session) => {
      // Node gives the bytes away only for the time of this call.
      latest = Buffer.from(session);
      if (version === "TLSv1.3") done();
    });
    tls.once("secureConnect", () => {
      tls.resume();
      if (version !== "TLSv1.3" && handshake.renegotiates !== true) return done();
      timer = setTimeout(done, AFTERMATH_MS);
      if (handshake.renegotiates === true)
        renegotiate(
          tls,
          (has) => ((hasRenegotiated = has), done()),
          (session) => (latest = session),
        );
    });
  });
}

/**
 * A second handshake in the session; the first one's session is kept before, for it is lost then.
 */
function renegotiate(
  tls: TLSSocket,
  done: (has: boolean) => void,
  keep: (session: Buffer | undefined) => void,
): void {
  keep(tls.getSession() ?? undefined);
  tls.removeAllListeners("error").on("error", () => done(false));
  tls.removeAllListeners("close").on("close", () => done(false));
  tls.renegotiate({ rejectUnauthorized: false }, (error) =>
    done(error === null || error === undefined),
  );
}
