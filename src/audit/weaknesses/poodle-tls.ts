import type { Padding } from "../handshake/older-keys.ts";
import { atClientsTurn, computableSuites } from "../handshake/older-handshake.ts";
import { type Reaction, reaction, reactionText } from "./handshake-probe.ts";
import {
  type Evidence,
  newestOlder,
  NOT_APPLICABLE,
  NOT_VULNERABLE,
  type Verdict,
  type Weakness,
} from "./weakness.ts";

/** CVE-2014-8730 and its kin. */
export const POODLE_TLS: Weakness = {
  id: "poodle-tls",
  severity: "high",
  title: "Padding of CBC suites is not checked (POODLE in TLS)",
  explanation:
    "An attacker who can make a client repeat a request reads its cookies byte by byte, as in SSLv3.",
  examine,
};

const CHANGE_CIPHER_SPEC = 20;

/**
 * Finishes two handshakes, one of them with a wrong byte in the padding of Finished: a server that
 * takes both does not look at padding.
 */
async function examine(evidence: Evidence): Promise<Verdict> {
  const protocol = newestOlder(evidence);
  // With encrypt-then-MAC padding cannot be asked about, so it is not offered; SSLv3 has its own
  // entry.
  const suites =
    protocol === undefined || protocol.version === 0x0300
      ? []
      : computableSuites(protocol, ({ isCbc }) => isCbc);
  if (protocol === undefined || suites.length === 0) return NOT_APPLICABLE;
  const finish = (padding: Padding): Promise<Reaction> =>
    atClientsTurn(evidence, protocol, { suites }, async (turn) => {
      const key = turn.key();
      turn.sendKey(key);
      turn.sendFinished(key, padding);
      return reaction(turn.wire);
    });
  const [right, wrong] = await Promise.all([finish("right"), finish("wrong")]);
  const isTaken = (one: Reaction): boolean =>
    one.kind === "record" && one.type === CHANGE_CIPHER_SPEC;
  if (!isTaken(right)) {
    return evidence.features.clientCertificate === "required"
      ? NOT_APPLICABLE
      : {
          kind: "unknown",
          reason: `a sound Finished was not taken either: ${reactionText(right)}`,
        };
  }
  if (wrong.kind === "silent")
    return { kind: "unknown", reason: "the server said nothing to a Finished with wrong padding" };
  return isTaken(wrong)
    ? {
        kind: "vulnerable",
        evidence: `a Finished with wrong padding was taken in ${protocol.name}`,
      }
    : NOT_VULNERABLE;
}
