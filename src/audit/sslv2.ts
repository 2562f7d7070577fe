import { randomBytes } from "node:crypto";
import { messageOf } from "../lib/errors.ts";
import {
  encodeSslv2ClientHello,
  readSslv2ServerHello,
  SSLV2_CIPHERS,
  type Sslv2ServerHello,
  sslv2RecordLength,
} from "../tls/sslv2.ts";
import type { Prober } from "./prober.ts";
import type { ProtocolReport } from "./report.ts";
import type { Wire } from "./wire.ts";

/**
 * Whether the server speaks SSL 2.0, with one connection; undefined when it does not, which it says
 * by closing, by an alert of TLS or not at all.
 */
export async function findSslv2(prober: Prober): Promise<Sslv2ServerHello | undefined> {
  try {
    const answer = await prober.exchange(ask);
    if (answer.kind === "unreachable") prober.note("SSLv2", answer.reason);
    return answer.kind === "hello" ? answer.hello : undefined;
  } catch (thrown) {
    prober.note("SSLv2", messageOf(thrown));
    return undefined;
  }
}

type Sslv2Answer =
  | { readonly kind: "hello"; readonly hello: Sslv2ServerHello }
  | { readonly kind: "other" | "nothing" };

/**
 * A server without SSL 2.0 may wait for the rest of what it takes for a record of TLS: so long is
 * waited.
 */
const SILENCE_MS = 1000;

async function ask(wire: Wire): Promise<Sslv2Answer> {
  wire.write(encodeSslv2ClientHello(randomBytes(16)));
  // What never comes for want of more bytes from us, comes now.
  wire.endWriting();
  let received: Uint8Array = new Uint8Array(0);
  for (;;) {
    const length = received.length < 2 ? 2 : sslv2RecordLength(received);
    if (length === undefined) return { kind: "other" };
    if (received.length >= 2 && received.length >= length) {
      const hello = readSslv2ServerHello(received.subarray(0, length));
      return hello === undefined ? { kind: "other" } : { kind: "hello", hello };
    }
    const bytes = await wire.read(SILENCE_MS);
    if (typeof bytes === "string") return { kind: received.length === 0 ? "nothing" : "other" };
    received = Buffer.concat([received, bytes]);
  }
}

/**
 * SSL 2.0 among the protocols of a report. Its suites have no letter of ssl-enum-ciphers, which
 * does not ask for it: they are all F.
 */
export function reportSslv2({ ciphers }: Sslv2ServerHello): ProtocolReport {
  return {
    ciphers: ciphers.map((code) => {
      const id = `0x${code.toString(16).toUpperCase().padStart(6, "0")}`;
      return { id, name: SSLV2_CIPHERS.get(code) ?? id, strength: "F" };
    }),
    warnings: ["SSLv2 is broken (RFC 6176)"],
  };
}
