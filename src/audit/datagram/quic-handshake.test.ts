import assert from "node:assert/strict";
import { createSocket, type RemoteInfo } from "node:dgram";
import { test } from "node:test";
import { ByteWriter } from "../../lib/byte-writer.ts";
import { openDatagram } from "../../ports/datagram.ts";
import {
  encodeCryptoFrame,
  QUIC_VERSIONS,
  type QuicVersion,
  readLongPackets,
  readQuicFrames,
} from "../../tls/quic.ts";
import type { DatagramReport } from "../report.ts";
import { examineQuic } from "./quic.ts";
import { initialProtection } from "./quic-protection.ts";

const [V1] = QUIC_VERSIONS as readonly [QuicVersion];
const RETRY_ID = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1);
const TOKEN = new TextEncoder().encode("a token");

test("a server that wants its token back, then another group, then ends with an alert, is followed through", async () => {
  const hellos: { token: string; message: Uint8Array }[] = [];
  const { found, notes } = await against((packet, answer) => {
    const { destination, source, token } = readHead(packet);
    if (packet.readUInt32BE(1) !== V1.code) {
      answer(
        Buffer.concat([
          Uint8Array.of(0x80, 0, 0, 0, 0, source.length),
          source,
          Uint8Array.of(destination.length),
          destination,
          Uint8Array.of(0, 0, 0, 1),
        ]),
      );
    } else if (token.length === 0) {
      answer(
        Buffer.concat([
          Uint8Array.of(0xf0, 0, 0, 0, 1, source.length),
          source,
          Uint8Array.of(RETRY_ID.length),
          RETRY_ID,
          TOKEN,
          new Uint8Array(16),
        ]),
      );
    } else {
      const { client, server } = initialProtection(V1, destination);
      const [initial] = readLongPackets(packet, V1);
      assert.ok(initial?.kind === "initial");
      const frames = readQuicFrames(client.open(initial).payload);
      const hello = frames.find((frame) => frame.kind === "crypto");
      if (hello === undefined) return;
      hellos.push({ token: new TextDecoder().decode(token), message: hello.bytes });
      // The first is asked for secp384r1, the second refused: no_application_protocol.
      const payload =
        hellos.length === 1
          ? encodeCryptoFrame(retryRequest(0x18))
          : Uint8Array.of(0x1c, 0x41, 0x78, 6, 0);
      answer(
        server.seal({
          type: V1.types.initial,
          destination: source,
          source: RETRY_ID,
          token: new Uint8Array(0),
          number: 0,
          payload: Buffer.concat([payload, new Uint8Array(30)]),
        }),
      );
    }
  });
  assert.deepEqual(found, { versions: ["QUICv1"], certificates: [] });
  assert.deepEqual(notes, [
    "quic: certificate could not be read: the server ended with alert 120 (no_application_protocol)",
  ]);
  assert.deepEqual(
    hellos.map(({ token }) => token),
    ["a token", "a token"],
  );
  // Its only key is of the group that was asked for: key_share, one entry of 97 bytes.
  assert.ok(
    Buffer.from(hellos[1]?.message ?? []).includes(Buffer.from("0033006700650018006104", "hex")),
  );
});

test("garbage from a port that has told its versions ends in time, with a reason", async () => {
  const { found, notes } = await against((packet, answer) => {
    const { destination, source } = readHead(packet);
    const versions = [
      Uint8Array.of(0x80, 0, 0, 0, 0, source.length),
      source,
      Uint8Array.of(destination.length),
      destination,
      Uint8Array.of(0, 0, 0, 1),
    ];
    answer(
      packet.readUInt32BE(1) === V1.code
        ? packet.map((byte) => byte ^ 0x55)
        : Buffer.concat(versions),
    );
  });
  assert.deepEqual(found, { versions: ["QUICv1"], certificates: [] });
  assert.deepEqual(notes, ["quic: certificate could not be read: no answer"]);
});

/** `examineQuic` on a UDP peer that answers each datagram as `onPacket` says. */
async function against(
  onPacket: (packet: Buffer, answer: (bytes: Uint8Array) => void) => void,
): Promise<{ found: DatagramReport | undefined; notes: string[] }> {
  const peer = createSocket("udp4");
  await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", resolve));
  peer.on("message", (packet: Buffer, from: RemoteInfo) =>
    onPacket(packet, (bytes) => peer.send(bytes, from.port, from.address)),
  );
  const notes: string[] = [];
  try {
    const { port } = peer.address();
    const note = (probe: string, error: string): void => void notes.push(`${probe}: ${error}`);
    return {
      found: await examineQuic(() => openDatagram(undefined, "127.0.0.1", port), {
        signal: AbortSignal.timeout(8000),
        silenceMs: 500,
        note,
      }),
      notes,
    };
  } finally {
    peer.close();
  }
}

function readHead(packet: Buffer): { destination: Buffer; source: Buffer; token: Buffer } {
  const toLength = packet[5] ?? 0;
  const destination = packet.subarray(6, 6 + toLength);
  const sourceAt = 7 + toLength;
  const source = packet.subarray(sourceAt, sourceAt + (packet[sourceAt - 1] ?? 0));
  const tokenAt = sourceAt + source.length;
  return {
    destination,
    source,
    token: packet.subarray(tokenAt + 1, tokenAt + 1 + (packet[tokenAt] ?? 0)),
  };
}

/** A HelloRetryRequest for `group` (RFC 8446 §4.1.4). */
function retryRequest(group: number): Uint8Array {
  const writer = new ByteWriter().u8(2);
  writer.vector(3, (hello) => {
    hello
      .u16(0x0303)
      .bytes(
        Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex"),
      );
    hello.u8(0).u16(0x1301).u8(0);
    hello.vector(2, (extensions) =>
      extensions.u16(43).u16(2).u16(0x0304).u16(51).u16(2).u16(group),
    );
  });
  return writer.finish();
}
