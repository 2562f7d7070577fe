import {
  constants,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { cipherSuite } from "../../tls/cipher-suites.ts";
import { RECORD } from "../../tls/records.ts";
import { readX509 } from "../../tls/x509.ts";
import type { SubjectProtocol } from "../subject.ts";
import { afterFlight, reaction, reactionText, record } from "./handshake-probe.ts";
import {
  type Evidence,
  NOT_APPLICABLE,
  NOT_VULNERABLE,
  type Verdict,
  type Weakness,
} from "./weakness.ts";

/**
 * Bleichenbacher's oracle as it was found again in 2017 (Böck, Somorovsky, Young: "Return Of
 * Bleichenbacher's Oracle Threat").
 */
export const ROBOT: Weakness = {
  id: "robot",
  severity: "high",
  title: "RSA padding oracle (ROBOT)",
  explanation:
    "The server's answers tell good RSA padding from bad: with enough questions an attacker decrypts recorded sessions or signs with the server's key.",
  examine,
};

const CLIENT_KEY_EXCHANGE = 16;

/** A Certificate message with an empty list. */
const NO_CERTIFICATE = Uint8Array.of(11, 0, 0, 3, 0, 0, 0);

async function examine(evidence: Evidence): Promise<Verdict> {
  const protocol = evidence.protocols.find(
    (one) => one.version < 0x0304 && one.version > 0x0300 && rsaSuites(one).length > 0,
  );
  if (protocol === undefined) return NOT_APPLICABLE;
  const [suite] = rsaSuites(protocol);
  const leaf = protocol.accepted.find((one) => one.suite === suite)?.flight.certificates[0];
  if (suite === undefined || leaf === undefined) return NOT_APPLICABLE;
  const key = keyOf(leaf);
  if (key === undefined) return { kind: "unknown", reason: "the server's key cannot be used" };
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  // No handshake with RSA key exchange can come to its end with it, a sound one's neither.
  if (bits < MIN_BITS) return NOT_APPLICABLE;
  if (bits > MAX_BITS)
    return { kind: "unknown", reason: `a key of ${bits} bits cannot be computed with here` };
  let isDeaf = true;
  for (const isWhole of [true, false]) {
    const oracle: Oracle = { evidence, protocol, suite, key, isWhole };
    const first = await ask(oracle);
    // Who waits for the rest of the flight closes at our end of it, which says nothing of the key.
    isDeaf &&= first.every((answer) => answer === "silent" || (!isWhole && answer === "closed"));
    if (isUniform(first)) continue;
    // Chance makes no pattern twice: what differs must differ in the same way again.
    const again = [await ask(oracle), await ask(oracle)];
    if (again.some((one) => one.join() !== first.join()))
      return { kind: "unknown", reason: `the answers vary from try to try: ${first.join(", ")}` };
    return { kind: "vulnerable", evidence: describe(first) };
  }
  return isDeaf
    ? { kind: "unknown", reason: "the server said nothing to any key, sound ones included" }
    : NOT_VULNERABLE;
}

/** A premaster secret of 48 bytes with its least padding (RFC 8017 §7.2.1) fits no shorter key. */
const MIN_BITS = 8 * (48 + 11) - 7;

/** OpenSSL computes with no longer ones (OPENSSL_RSA_MAX_MODULUS_BITS). */
const MAX_BITS = 16_384;

function keyOf(leaf: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({
      key: Buffer.from(readX509(leaf).publicKeyInfo),
      format: "der",
      type: "spki",
    });
  } catch {
    return undefined;
  }
}

function rsaSuites({ accepted }: SubjectProtocol): readonly number[] {
  return accepted
    .map(({ suite }) => suite)
    .filter((suite) => cipherSuite(suite).keyExchange === "RSA" && cipherSuite(suite).bits > 0);
}

interface Oracle {
  readonly evidence: Evidence;
  readonly protocol: SubjectProtocol;
  readonly suite: number;
  readonly key: KeyObject;
  /**
   * With ChangeCipherSpec and a Finished behind the key, or the key alone: some servers differ only
   * in one of the two.
   */
  readonly isWhole: boolean;
}

/** How a premaster secret can be wrapped: right, and wrong in four ways. */
const SHAPES = ["right", "wrong type", "zero too late", "no zero", "wrong version"] as const;

/** What the server says to each shape. */
function ask(oracle: Oracle): Promise<string[]> {
  return Promise.all(SHAPES.map((shape) => askOne(oracle, shape)));
}

async function askOne(
  { evidence, protocol, suite, key, isWhole }: Oracle,
  shape: (typeof SHAPES)[number],
): Promise<string> {
  return afterFlight(
    evidence,
    protocol,
    { suites: [suite] },
    async (wire, { wantsClientCertificate }) => {
      const secret = publicEncrypt(
        { key, padding: constants.RSA_NO_PADDING },
        padded(shape, key.asymmetricKeyDetails?.modulusLength ?? 0, protocol.version),
      );
      const message = new ByteWriter()
        .u8(CLIENT_KEY_EXCHANGE)
        .vector(3, (body) => body.vector(2, (inner) => inner.bytes(secret)))
        .finish();
      const parts = [
        record(
          RECORD.handshake,
          protocol.version,
          wantsClientCertificate ? Buffer.concat([NO_CERTIFICATE, message]) : message,
        ),
      ];
      if (isWhole)
        parts.push(
          record(RECORD.changeCipherSpec, protocol.version, Uint8Array.of(1)),
          record(RECORD.handshake, protocol.version, FINISHED),
        );
      wire.write(Buffer.concat(parts));
      // A server that waits for the rest answers now, too.
      if (!isWhole) wire.endWriting();
      return reactionText(await reaction(wire));
    },
  );
}

/** What stands in for an encrypted Finished; the same in all tries. */
const FINISHED = new Uint8Array(64).fill(0x5a);

/** A block for a key of `bits` (RFC 8017 §7.2.1) around a premaster secret of 48 bytes. */
function padded(shape: (typeof SHAPES)[number], bits: number, version: number): Uint8Array {
  const padding = randomBytes(Math.ceil(bits / 8) - 51).map((byte) => byte | 1);
  const random = randomBytes(46).map((byte) => byte | 1);
  const [zero, first, second] =
    shape === "no zero" || shape === "zero too late"
      ? [1, 1, 1]
      : [0, version >>> 8, version & 0xff];
  if (shape === "zero too late") random[44] = 0;
  // As a number the block must stay below the modulus, whose first byte may be anything from 1 on.
  const start = shape === "wrong type" ? [bits % 8 === 0 ? 0x41 : 0, 0x17] : [0, 2];
  return Buffer.concat([
    Uint8Array.from(start),
    padding,
    Uint8Array.of(
      zero,
      shape === "wrong version" ? 2 : first,
      shape === "wrong version" ? 2 : second,
    ),
    random,
  ]);
}

function isUniform(answers: readonly string[]): boolean {
  return new Set(answers).size === 1;
}

/**
 * An oracle that tells only wholly right blocks is slow to use; one that tells kinds of wrong apart
 * is quick.
 */
function describe(answers: readonly string[]): string {
  const isWeak = isUniform(answers.slice(1, 4));
  return `${isWeak ? "weak" : "strong"} oracle: ${SHAPES.map((shape, index) => `${shape}: ${answers[index]}`).join("; ")}`;
}
