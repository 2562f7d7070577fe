import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AppError } from "../../lib/errors.ts";
import {
  type LongPacket,
  QUIC_VERSIONS,
  type QuicVersion,
  readLongPackets,
  readQuicFrames,
} from "../../tls/quic.ts";
import { initialProtection } from "./quic-protection.ts";

const [V1, V2] = QUIC_VERSIONS as readonly [QuicVersion, QuicVersion];
const DESTINATION = Buffer.from("8394c8f03e515708", "hex");

/** The server's Initial packet of RFC 9001, Appendix A.3. */
const SERVER_INITIAL = Buffer.from(
  "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee",
  "hex",
);

test("the server's Initial packet of RFC 9001, Appendix A.3, is opened", () => {
  const [packet] = readLongPackets(SERVER_INITIAL, V1);
  assert.ok(packet?.kind === "initial");
  assert.equal(Buffer.from(packet.source).toString("hex"), "f067a5502a4262b5");
  const { number, payload } = initialProtection(V1, DESTINATION).server.open(packet);
  assert.equal(number, 1);
  const [frame] = readQuicFrames(payload);
  assert.ok(frame?.kind === "crypto");
  // A ServerHello of 90 bytes.
  assert.deepEqual([frame.offset, frame.bytes.length, frame.bytes[0]], [0, 90, 2]);
});

test("a Retry packet gives its token (RFC 9001, Appendix A.4)", () => {
  const [packet] = readLongPackets(
    Buffer.from("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba", "hex"),
    V1,
  );
  assert.ok(packet?.kind === "retry");
  assert.equal(new TextDecoder().decode(packet.token), "token");
});

test("what is sealed is opened by the same keys, in each version, two packets in one datagram", () => {
  for (const version of [V1, V2]) {
    const { client } = initialProtection(version, DESTINATION);
    const ids = { destination: DESTINATION, source: Uint8Array.of(7) };
    const payload = new Uint8Array(40).fill(1);
    const first = client.seal({
      ...ids,
      type: version.types.initial,
      token: Uint8Array.of(1, 2),
      number: 3,
      payload,
    });
    const second = client.seal({
      ...ids,
      type: version.types.handshake,
      token: undefined,
      number: 70_000,
      payload,
    });
    const packets = readLongPackets(Buffer.concat([first, second, new Uint8Array(9)]), version);
    assert.deepEqual(
      packets.map(({ kind }) => kind),
      ["initial", "handshake"],
    );
    for (const [index, number] of [3, 70_000].entries())
      assert.deepEqual(client.open(packets[index] as Extract<LongPacket, { whole: Uint8Array }>), {
        number,
        payload: Buffer.from(payload),
      });
  }
});

test("a changed packet is never opened, and throws nothing but AppError", () => {
  const { server } = initialProtection(V1, DESTINATION);
  fc.assert(
    fc.property(
      fc.nat(SERVER_INITIAL.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(SERVER_INITIAL.length),
      (at, flip, length) => {
        const bytes = Buffer.from(SERVER_INITIAL);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        const datagram = bytes.subarray(0, Math.max(at + 1, length));
        try {
          for (const packet of readLongPackets(datagram, V1))
            if (packet.kind !== "retry") assert.fail(`opened ${server.open(packet).number}`);
        } catch (error) {
          assert.ok(error instanceof AppError, String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("readQuicFrames throws nothing but AppError for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readQuicFrames(bytes);
      } catch (error) {
        assert.ok(error instanceof AppError);
      }
    }),
    { numRuns: 1000 },
  );
});
