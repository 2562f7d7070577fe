import { RECORD } from "../../tls/records.ts";
import { afterFlight, type Reaction, reaction, reactionText, record } from "./handshake-probe.ts";
import {
  type Evidence,
  newestOlder,
  NOT_APPLICABLE,
  NOT_VULNERABLE,
  type Verdict,
  type Weakness,
} from "./weakness.ts";

/** CVE-2014-0224. */
export const CCS_INJECTION: Weakness = {
  id: "ccs-injection",
  severity: "high",
  title: "Early ChangeCipherSpec is accepted (CVE-2014-0224)",
  explanation: "An attacker in the middle makes both sides use keys that he knows.",
  examine,
};

/**
 * unexpected_message, decode_error and their like: the record behind was read as plain text, so the
 * ChangeCipherSpec had no effect.
 */
const READ_AS_PLAIN = new Set([10, 47, 50]);

/**
 * A server that refuses does so at once. One that stays silent for the first time is asked again
 * with more patience, for it may only be slow.
 */
const PATIENCE_MS = [400, 1500] as const;

/**
 * Sends a ChangeCipherSpec before any key is agreed on. A sound server refuses it there and then.
 * One that takes it stays silent, and reads the next record with
 * keys made of nothing: the plain one that we send then fails as an encrypted one does. The first
 * early ChangeCipherSpec is what counts, whatever comes later.
 */
async function examine(evidence: Evidence): Promise<Verdict> {
  const protocol = newestOlder(evidence);
  if (protocol === undefined) return NOT_APPLICABLE;
  const suites = protocol.accepted.map(({ suite }) => suite);
  let last: Reaction = { kind: "silent" };
  for (const patience of PATIENCE_MS) {
    const [first, second] = await afterFlight(
      evidence,
      protocol,
      { suites },
      async (wire): Promise<readonly [Reaction, Reaction | undefined]> => {
        wire.write(record(RECORD.changeCipherSpec, protocol.version, Uint8Array.of(1)));
        const early = await reaction(wire, patience);
        if (early.kind !== "silent") return [early, undefined];
        wire.write(record(RECORD.handshake, protocol.version, new Uint8Array(64)));
        return [early, await reaction(wire)];
      },
    );
    if (first.kind !== "silent" || second === undefined) return NOT_VULNERABLE;
    if (second.kind === "alert" && READ_AS_PLAIN.has(second.description)) return NOT_VULNERABLE;
    last = second;
  }
  if (last.kind === "silent")
    return {
      kind: "unknown",
      reason: "the server said nothing to an early ChangeCipherSpec, nor to what came behind it",
    };
  return {
    kind: "vulnerable",
    evidence: `an early ChangeCipherSpec was taken; the record behind it could not be decrypted (${reactionText(last)})`,
  };
}
