import { AppError } from "../../lib/errors.ts";
import { certificateCurves } from "../handshake/certificate-curves.ts";
import { computableSuites, atClientsTurn, type ClientKey } from "../handshake/older-handshake.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { type Reaction, reaction, reactionText } from "./handshake-probe.ts";
import {
  type Evidence,
  newestOlder,
  NOT_APPLICABLE,
  NOT_VULNERABLE,
  type Verdict,
  type Weakness,
} from "./weakness.ts";

/** Jager, Schwenk, Somorovsky: "Practical Invalid Curve Attacks on TLS-ECDH" (2015). */
export const INVALID_CURVE: Weakness = {
  id: "invalid-curve",
  severity: "high",
  title: "Points that are not on the curve are accepted",
  explanation:
    "With points of another curve an attacker finds out a key that the server uses more than once.",
  examine,
};

const SECP256R1 = 23;
const CHANGE_CIPHER_SPEC = 20;
const OTHER_CURVE = "the server takes its certificate's curve, not secp256r1";

/**
 * Tries: each goes right by chance one time in two, where the server is vulnerable. A sound one
 * refuses the first, or is asked for as long as it does not say for what it refuses.
 */
const TRIES = 12;

/** Silences after which a server is asked no more. */
const MAX_DEAF = 2;

/** How long a server may think about a bare key before the rest is sent. */
const PATIENCE_MS = 200;

/**
 * bad_record_mac, decryption_failed and decrypt_error: the point was taken, and the guess was
 * wrong.
 */
const GUESSED_WRONG = new Set([20, 21, 51]);

/**
 * Sends a point of order two of another curve, (x, 0): whatever the server's secret is, the result
 * is that point or none. A server that goes on with it to the
 * end of the handshake has not looked. Ephemeral keys make this harmless, and a sound server
 * refuses the first try at once.
 */
async function examine(evidence: Evidence): Promise<Verdict> {
  const protocol = newestOlder(evidence);
  const suites =
    protocol === undefined || protocol.version === 0x0300 || !evidence.groups.includes("secp256r1")
      ? []
      : computableSuites(protocol, ({ keyExchange }) => keyExchange.startsWith("ECDHE"));
  if (protocol === undefined || suites.length === 0) return NOT_APPLICABLE;
  const groups = [...new Set([SECP256R1, ...certificateCurves(evidence.leaves)])];
  let [last, deaf]: [Reaction | undefined, number] = [undefined, 0];
  for (let turn = 0; turn < TRIES; turn += 1) {
    const answer = await atClientsTurn(
      evidence,
      protocol,
      { suites, groups },
      async (probe): Promise<Reaction> => {
        if (probe.group !== SECP256R1)
          throw new AppError("PEER_HANDSHAKE", `Cannot probe ${protocol.name}: ${OTHER_CURVE}`);
        const key = pointOfOrderTwo();
        probe.sendKey(key);
        const early = await reaction(probe.wire, PATIENCE_MS);
        if (early.kind !== "silent") return early;
        probe.sendFinished(key);
        return reaction(probe.wire);
      },
    );
    if (answer.kind === "record" && answer.type === CHANGE_CIPHER_SPEC)
      return {
        kind: "vulnerable",
        evidence: "a handshake with a point off secp256r1 came to its end",
      };
    // Refused for what it is, and not for the guess: one answer is enough.
    if (answer.kind === "alert" && !GUESSED_WRONG.has(answer.description)) return NOT_VULNERABLE;
    if (answer.kind === "silent") deaf += 1;
    last = answer;
    if (deaf === MAX_DEAF) break;
  }
  return deaf === 0
    ? NOT_VULNERABLE
    : {
        kind: "unknown",
        reason: `the server does not say what it makes of such a point (${reactionText(last ?? { kind: "silent" })})`,
      };
}

/** A point with y = 0, and the secret that it leads to when the server's key is odd. */
function pointOfOrderTwo(): ClientKey {
  const x = new Uint8Array(32);
  x[31] = 5;
  const point = Buffer.concat([Uint8Array.of(4), x, new Uint8Array(32)]);
  return {
    exchange: new ByteWriter().vector(1, (content) => content.bytes(point)).finish(),
    premaster: x,
  };
}
