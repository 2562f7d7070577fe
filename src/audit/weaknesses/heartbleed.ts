import { EXTENSION, HEARTBEAT } from "../../tls/client-hello.ts";
import { afterFlight, reaction, record } from "./handshake-probe.ts";
import {
  type Evidence,
  newestOlder,
  NOT_APPLICABLE,
  NOT_VULNERABLE,
  type Verdict,
  type Weakness,
} from "./weakness.ts";

/** CVE-2014-0160, where the server takes heartbeats at all. */
export const HEARTBLEED: Weakness = {
  id: "heartbleed",
  severity: "critical",
  title: "Heartbleed (CVE-2014-0160)",
  explanation: "Anybody can read the server's memory, keys and passwords included.",
  examine,
};

const HEARTBEAT_RECORD = 24;

/**
 * Bytes that the request claims to have and does not: the server's memory is read no further than
 * this, and the answer is not kept.
 */
const CLAIMED = 32;

async function examine(evidence: Evidence): Promise<Verdict> {
  const protocol = newestOlder(evidence);
  if (
    protocol === undefined ||
    !protocol.accepted.some(({ flight }) => flight.hello?.extensions.has(EXTENSION.heartbeat))
  )
    return NOT_APPLICABLE;
  const suites = protocol.accepted.map(({ suite }) => suite);
  return afterFlight(evidence, protocol, { suites, extensions: [HEARTBEAT] }, async (wire) => {
    wire.write(record(HEARTBEAT_RECORD, protocol.version, Uint8Array.of(1, 0, CLAIMED)));
    // A record that belongs to nothing: whoever drops the heartbeat in silence, as it should,
    // speaks up at this one.
    wire.write(record(HEARTBEAT_RECORD - 1, protocol.version, Uint8Array.of(0)));
    const answer = await reaction(wire);
    const isLeak =
      answer.kind === "record" && answer.type === HEARTBEAT_RECORD && answer.body.length > 3;
    return isLeak
      ? {
          kind: "vulnerable",
          evidence: `a heartbeat without content was answered with ${answer.body.length - 3} bytes of memory and padding`,
        }
      : NOT_VULNERABLE;
  });
}
