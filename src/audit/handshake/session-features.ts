import { DerReader, TAG } from "../../tls/der.ts";
import type { VersionName } from "../../tls/client-hello.ts";
import type { Features } from "../report.ts";
import type { Prober } from "../prober.ts";
import { type HandshakeOutcome, wholeHandshake } from "./whole-handshake.ts";

/** What `sessionFacts` has to know of the server before it asks. */
export interface SessionOptions {
  /** Versions that the server speaks, newest first. */
  readonly versions: readonly VersionName[];
  /**
   * It asks for a client certificate, in any version; known only while the handshakes are under
   * way.
   */
  readonly wantsClientCertificate: Promise<boolean>;
}

/** What finished handshakes tell. */
export interface SessionFacts {
  readonly features: Pick<
    Features,
    "resumption" | "earlyData" | "tickets" | "clientCertificate" | "clientRenegotiation"
  >;
  /** A ticket of TLS 1.2 or older. */
  readonly ticket: Uint8Array | undefined;
}

/**
 * Resumption, early data, renegotiation by the client, and whether a client certificate is
 * required: two handshakes for TLS 1.3, up to four for what is older.
 * Versions and suites that Node cannot speak tell nothing, which is noted once.
 */
export async function sessionFacts(
  prober: Prober,
  { versions, wantsClientCertificate }: SessionOptions,
): Promise<SessionFacts> {
  const older = versions.find((name) => name !== "TLSv1.3" && name !== "SSLv3");
  const [modern, old] = await Promise.all([
    versions.includes("TLSv1.3") ? modernSession(prober) : undefined,
    older === undefined ? undefined : oldSession(prober, older),
  ]);
  const firsts = [modern?.first, old?.first].filter((outcome) => outcome !== undefined);
  const resumption = {
    ...old?.resumption,
    ...(modern?.psk === undefined ? {} : { psk: modern.psk }),
  };
  const isWanted = await wantsClientCertificate;
  const wanted = isWanted ? demand(firsts) : undefined;
  if (wanted !== "required")
    for (const outcome of firsts)
      if (outcome.kind === "failed")
        prober.note("session", `no handshake could be finished: ${outcome.reason}`);
  return {
    features: {
      ...(Object.keys(resumption).length === 0 ? {} : { resumption }),
      ...(modern?.earlyData === undefined ? {} : { earlyData: modern.earlyData }),
      ...(modern?.hasTicket === undefined || older !== undefined
        ? {}
        : { tickets: modern.hasTicket }),
      ...(old?.hasRenegotiated === undefined ? {} : { clientRenegotiation: old.hasRenegotiated }),
      clientCertificate: isWanted ? (wanted ?? "optional") : "no",
    },
    ticket: old?.ticket,
  };
}

/**
 * Required when any handshake without a certificate is refused; undefined when none was finished
 * either way.
 */
function demand(outcomes: readonly HandshakeOutcome[]): "optional" | "required" | undefined {
  if (
    outcomes.some(
      (outcome) => outcome.kind === "failed" && /ALERT|CLOSED|^$|ECONNRESET/.test(outcome.code),
    )
  )
    return "required";
  return outcomes.some(({ kind }) => kind === "done") ? "optional" : undefined;
}

interface ModernSession {
  readonly first: HandshakeOutcome;
  readonly psk?: boolean;
  readonly earlyData?: number;
  readonly hasTicket?: boolean;
}

async function modernSession(prober: Prober): Promise<ModernSession> {
  const first = await wholeHandshake(prober, { version: "TLSv1.3" });
  if (first.kind === "failed") return { first };
  const { session } = first;
  if (session === undefined) return { first, hasTicket: false, psk: false, earlyData: 0 };
  const second = await wholeHandshake(prober, { version: "TLSv1.3", session });
  const earlyData = maxEarlyData(session);
  return {
    first,
    hasTicket: true,
    ...(earlyData === undefined ? {} : { earlyData }),
    ...(second.kind === "done" ? { psk: second.wasResumed } : {}),
  };
}

interface OldSession {
  readonly first: HandshakeOutcome;
  readonly resumption: NonNullable<Features["resumption"]>;
  readonly hasRenegotiated?: boolean | undefined;
  readonly ticket: Uint8Array | undefined;
}

async function oldSession(prober: Prober, version: VersionName): Promise<OldSession> {
  const [first, plain] = await Promise.all([
    wholeHandshake(prober, { version, renegotiates: true }),
    wholeHandshake(prober, { version, noTickets: true }),
  ]);
  const [ticket, sessionId] = await Promise.all([
    first.kind === "done" && first.ticket !== undefined
      ? isResumed(prober, version, first)
      : undefined,
    isResumed(prober, version, plain, { noTickets: true }),
  ]);
  return {
    first: first.kind === "done" ? first : plain.kind === "done" ? plain : first,
    resumption: {
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(first.kind === "done" ? { ticket: ticket ?? false } : {}),
    },
    hasRenegotiated: first.kind === "done" ? first.hasRenegotiated : undefined,
    ticket: first.kind === "done" ? first.ticket : undefined,
  };
}

/** Whether the session is taken up again; undefined when there is none to try with. */
async function isResumed(
  prober: Prober,
  version: VersionName,
  first: HandshakeOutcome,
  more: { readonly noTickets?: boolean } = {},
): Promise<boolean | undefined> {
  if (first.kind === "failed" || first.session === undefined) return undefined;
  const { session } = first;
  const again = await wholeHandshake(prober, { version, session, ...more });
  return again.kind === "done" ? again.wasResumed : undefined;
}

/** A field of OpenSSL's SSL_SESSION in DER (ssl/ssl_asn1.c): [15] max_early_data. */
const EARLY_DATA_FIELD = 0xaf;

/** Bytes of early data that a session allows; undefined when its form is not known. */
function maxEarlyData(session: Uint8Array): number | undefined {
  try {
    // Node puts a header of its own before OpenSSL's bytes, which end with the buffer.
    for (
      let at = session.indexOf(TAG.sequence);
      at >= 0;
      at = session.indexOf(TAG.sequence, at + 1)
    ) {
      if (
        ((session[at + 2] ?? 0) << 8) + (session[at + 3] ?? 0) + 4 !== session.length - at ||
        session[at + 1] !== 0x82
      )
        continue;
      for (const { tag, body } of new DerReader(session.subarray(at))
        .inside("session", TAG.sequence)
        .rest("field")) {
        if (tag === EARLY_DATA_FIELD)
          return new DerReader(body)
            .next("early data", TAG.integer)
            .body.reduce((sum, byte) => sum * 256 + byte, 0);
      }
      return 0;
    }
  } catch {
    // Another version of OpenSSL may write it otherwise.
  }
  return undefined;
}
