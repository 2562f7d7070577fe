import { constants } from "node:crypto";
import { isIP } from "node:net";
import { connect, type ConnectionOptions, type SecureVersion, type TLSSocket } from "node:tls";
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

/** A handshake that was finished, and the session that came of it. */
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

/** A finished handshake, or why there is none; `code` is empty where the failure has no code. */
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

/** Every group that Node's OpenSSL speaks; it makes a key of the first before it is asked for one. */
export const OPENSSL_GROUPS = [
  "X25519:P-256:P-384:P-521:X448",
  "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024:MLKEM512:MLKEM768:MLKEM1024",
  "brainpoolP256r1tls13:brainpoolP384r1tls13:brainpoolP512r1tls13",
  "brainpoolP256r1:brainpoolP384r1:brainpoolP512r1:secp256k1",
  "ffdhe2048:ffdhe3072:ffdhe4096:ffdhe6144:ffdhe8192",
].join(":");

/**
 * So long a server of TLS 1.3 has for its ticket, or for the alert to a client without certificate,
 * once the handshake is done for us.
 */
const AFTERMATH_MS = 300;

/** How long a server has to say goodbye, too. */
const FAREWELL_MS = 50;

/** How long it has to answer in its own protocol, where that is what ends the connection. */
const LAST_WORDS_MS = 1000;

/**
 * Does one handshake. Nothing is verified: this is a scanner. Never rejects for what the peer does.
 */
export async function wholeHandshake(
  prober: Prober,
  handshake: WholeHandshake,
): Promise<HandshakeOutcome> {
  const outcome = await prober
    .exchange((wire) => shake(wire, handshake, prober))
    .catch((thrown: unknown) => failure(messageOf(thrown)));
  return outcome.kind === "done" || outcome.kind === "failed"
    ? outcome
    : failure(outcome.reason, outcome.kind === "nothing" ? outcome.code : "");
}

/** The peer was gone before it said a word. */
type Silence = Omit<Extract<HandshakeOutcome, { readonly kind: "failed" }>, "kind"> & {
  readonly kind: "nothing";
};

async function shake(
  wire: Wire,
  handshake: WholeHandshake,
  { serverName, leave }: Pick<Prober, "serverName" | "leave">,
): Promise<HandshakeOutcome | Silence> {
  if (wire.framing !== undefined)
    return failure("TLS in packets of another protocol is not spoken to its end here");
  const socket = wire.release();
  const version = NODE_VERSIONS[handshake.version];
  if (socket === undefined || version === undefined)
    return { kind: "nothing", reason: "the connection has ended", code: "" };
  const heard = socket.bytesRead;
  const tls = connect({
    socket,
    ...connectionOptions(handshake, version),
    ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }),
  });
  const outcome = await outcomeOf(tls, version, handshake.renegotiates === true);
  if (leave !== undefined && outcome.kind === "done") wire.isWhole = await hasLeft(tls, leave);
  else if (outcome.kind === "done") await goodbye(tls, FAREWELL_MS);
  tls.destroy();
  return outcome.kind === "failed" && socket.bytesRead === heard
    ? { ...outcome, kind: "nothing" }
    : outcome;
}

function failure(reason: string, code = ""): Extract<HandshakeOutcome, { kind: "failed" }> {
  return { kind: "failed", reason, code };
}

function connectionOptions(
  { noTickets, session }: WholeHandshake,
  version: SecureVersion,
): ConnectionOptions {
  return {
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ecdhCurve: OPENSSL_GROUPS,
    minVersion: version,
    maxVersion: version,
    // Old suites and short keys are why one looks.
    ciphers:
      version === "TLSv1.3"
        ? "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
        : "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
    secureOptions:
      constants.SSL_OP_LEGACY_SERVER_CONNECT |
      (noTickets === true ? constants.SSL_OP_NO_TICKET : 0),
    ...(session === undefined ? {} : { session }),
  };
}

/** What came of a handshake that has begun: done, or how it ended before. */
function outcomeOf(
  tls: TLSSocket,
  version: SecureVersion,
  renegotiates: boolean,
): Promise<HandshakeOutcome> {
  const isModern = version === "TLSv1.3";
  return new Promise((resolve) => {
    let latest: Buffer | undefined;
    let ticket: Buffer | undefined;
    let timer: NodeJS.Timeout | undefined;
    const settle = (outcome: HandshakeOutcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const fail = (reason: string, code?: string): void => settle(failure(reason, code));
    const done = (hasRenegotiated?: boolean): void => {
      clearTimeout(timer);
      settle(sessionOf(tls, { session: latest, ticket, isModern, hasRenegotiated }));
    };
    tls.on("error", (error: NodeJS.ErrnoException) => fail(messageOf(error), error.code));
    tls.on("close", () => fail("the connection was closed"));
    tls.on("session", (session) => {
      // Node gives the bytes away only for the time of this call.
      latest = Buffer.from(session);
      if (isModern) done();
    });
    tls.once("secureConnect", () => {
      tls.resume();
      // TLS 1.2 has given it by now, and a peer that goes right away takes it along.
      ticket = tls.getTLSTicket();
      if (!isModern && !renegotiates) return done();
      timer = setTimeout(done, AFTERMATH_MS);
      if (renegotiates) renegotiate(tls, done, (session) => (latest = session));
    });
  });
}

interface Finished {
  readonly session: Buffer | undefined;
  /** The one that was there when the handshake was done. */
  readonly ticket: Buffer | undefined;
  readonly isModern: boolean;
  readonly hasRenegotiated: boolean | undefined;
}

/** What a finished handshake tells. */
function sessionOf(
  tls: TLSSocket,
  { session, ticket, isModern, hasRenegotiated }: Finished,
): WholeSession {
  return {
    kind: "done",
    wasResumed: tls.isSessionReused(),
    // Where the peer has gone already, Node gives null, whatever its types say.
    session: session ?? (isModern ? undefined : (tls.getSession() ?? undefined)),
    ticket: ticket ?? tls.getTLSTicket() ?? undefined,
    hasRenegotiated,
  };
}

/** True when the server has ended the connection in its own protocol. */
async function hasLeft(tls: TLSSocket, leave: Uint8Array): Promise<boolean> {
  if (!tls.writable) return false;
  tls.write(leave);
  const ending = await endingOf(tls, LAST_WORDS_MS);
  await goodbye(tls, ending === "end" ? FAREWELL_MS : 0);
  return ending === "end";
}

/** OpenSSL forgets a session whose connection ends without close_notify. */
async function goodbye(tls: TLSSocket, ms: number): Promise<void> {
  tls.end();
  await endingOf(tls, ms);
}

/** How the peer ends the connection; undefined when it has not in time. */
function endingOf(tls: TLSSocket, ms: number): Promise<"end" | "close" | undefined> {
  return new Promise((resolve) => {
    const settle = (ending?: "end" | "close"): void => {
      clearTimeout(timer);
      resolve(ending);
    };
    const timer = setTimeout(settle, ms);
    for (const event of ["session", "error", "end", "close"]) tls.removeAllListeners(event);
    tls.on("error", () => settle("close")).on("close", () => settle("close"));
    tls.on("end", () => settle("end"));
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
