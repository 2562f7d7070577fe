import type { DatagramDoor } from "../../ports/datagram.ts";
import type { AuditReport } from "../report.ts";
import type { DatagramOptions } from "./datagram-options.ts";
import { examineDtls } from "./dtls.ts";
import { examineQuic } from "./quic.ts";

/**
 * What a port speaks over UDP; both are asked at once, so that a silent one costs `silenceMs` and a
 * closed one nothing. Undefined for neither.
 */
export async function examineDatagram(
  open: () => Promise<DatagramDoor>,
  options: DatagramOptions,
): Promise<AuditReport["datagram"]> {
  // A port that speaks the one is not waited for until it speaks the other.
  const [noDtls, noQuic] = [new AbortController(), new AbortController()];
  const [dtls, quic] = await Promise.all([
    examineDtls(open, {
      ...options,
      signal: AbortSignal.any([options.signal, noDtls.signal]),
      onSpoken: () => noQuic.abort(),
    }),
    examineQuic(open, {
      ...options,
      signal: AbortSignal.any([options.signal, noQuic.signal]),
      onSpoken: () => noDtls.abort(),
    }),
  ]);
  if (dtls === undefined && quic === undefined) return undefined;
  return { ...(dtls === undefined ? {} : { dtls }), ...(quic === undefined ? {} : { quic }) };
}
