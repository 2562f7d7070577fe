import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { openDatagram } from "../../ports/datagram.ts";
import { examineDatagram } from "./examine-datagram.ts";

test("examineDatagram tells the versions of a peer that negotiates as QUIC does (scripted, no real server)", async () => {
  const peer = createSocket("udp4");
  await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", resolve));
  peer.on("message", (packet, from) => {
    if (packet.length < 1200) return;
    const [destination, source] = [packet.subarray(5, 14), packet.subarray(14, 23)];
    peer.send(
      Buffer.concat([
        Buffer.from([0x80, 0, 0, 0, 0]),
        source,
        destination,
        Buffer.from([0, 0, 0, 1]),
      ]),
      from.port,
      from.address,
    );
  });
  const { port } = peer.address();
  const found = await examineDatagram(() => openDatagram(undefined, "127.0.0.1", port), {
    signal: AbortSignal.timeout(5000),
    silenceMs: 400,
    note: () => {},
  });
  await new Promise<void>((resolve) => peer.close(() => resolve()));
  assert.deepEqual(found, { quic: { versions: ["QUICv1"], certificates: [] } });
});

test("examineDatagram asks a server of DTLS that hears its first peer alone nothing else", async () => {
  const peer = createSocket("udp4");
  await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", resolve));
  const heard: (number | undefined)[] = [];
  peer.on("message", (packet, from) => {
    heard.push(packet[0]);
    // HelloVerifyRequest with a cookie of one byte (RFC 6347 §4.2.1); then a refusal.
    const verify = "16feff000000000000000000100300000400000000000000 04feff0101";
    const refusal = "15feff00000000000000010002 0228";
    const isFirst = heard.length === 1;
    const answer = Buffer.from((isFirst ? verify : refusal).replaceAll(" ", ""), "hex");
    peer.send(answer, from.port, from.address);
  });
  const { port } = peer.address();
  await examineDatagram(() => openDatagram(undefined, "127.0.0.1", port), {
    signal: AbortSignal.timeout(5000),
    silenceMs: 1000,
    note: () => {},
  });
  await new Promise<void>((resolve) => peer.close(() => resolve()));
  assert.ok(heard.length > 1);
  // All are handshakes of DTLS or alerts; QUIC's first byte has the two highest bits.
  assert.ok(
    heard.every((type) => type === 22 || type === 21),
    String(heard),
  );
});
