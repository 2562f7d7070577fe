import { randomBytes } from "node:crypto";
import { EXTENSION } from "../../tls/client-hello.ts";
import {
  type Evidence,
  newestOlder,
  NOT_APPLICABLE,
  NOT_VULNERABLE,
  type Verdict,
  type Weakness,
} from "./weakness.ts";

/** CVE-2016-9244, in F5's TLS. */
export const TICKETBLEED: Weakness = {
  id: "ticketbleed",
  severity: "high",
  title: "Ticketbleed (CVE-2016-9244)",
  explanation: "Each resumption gives away up to 31 bytes of the server's memory.",
  examine,
};

/** Shorter than the 32 bytes that a vulnerable server sends back whatever it was sent. */
const SESSION_ID_BYTES = 16;

/**
 * Resumes a session by its ticket with a short session id, which a sound server repeats as it is
 * (RFC 5077 §3.4).
 */
async function examine({ prober, ticket, ...evidence }: Evidence): Promise<Verdict> {
  const protocol = newestOlder(evidence);
  if (protocol === undefined) return NOT_APPLICABLE;
  if (ticket === undefined)
    return evidence.features.tickets === true && evidence.features.clientCertificate !== "required"
      ? { kind: "unknown", reason: "the server has tickets, and none could be got from it" }
      : NOT_APPLICABLE;
  const sessionId = randomBytes(SESSION_ID_BYTES);
  const answer = await prober.hello({
    version: protocol.version,
    suites: protocol.accepted.map(({ suite }) => suite),
    sessionId,
    extensions: [
      { type: EXTENSION.sessionTicket, body: ticket },
      { type: EXTENSION.extendedMasterSecret, body: new Uint8Array(0) },
    ],
  });
  const theirs = answer.kind === "flight" ? answer.flight.hello?.sessionId : undefined;
  if (theirs === undefined)
    return { kind: "unknown", reason: "the server did not answer a hello with its own ticket" };
  const isLonger =
    theirs.length > SESSION_ID_BYTES &&
    Buffer.compare(theirs.subarray(0, SESSION_ID_BYTES), sessionId) === 0;
  return isLonger
    ? {
        kind: "vulnerable",
        evidence: `a session id of ${SESSION_ID_BYTES} bytes came back with ${theirs.length}`,
      }
    : NOT_VULNERABLE;
}
