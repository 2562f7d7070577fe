import { setTimeout as sleep } from "node:timers/promises";
import type { DatagramDoor } from "../../ports/datagram.ts";
import type { AuditReport } from "../report.ts";
import type { DatagramOptions } from "./datagram-options.ts";
import { examineDtls } from "./dtls.ts";
import { examineQuic } from "./quic.ts";

/**
 * Milliseconds that DTLS is asked alone: a small server talks to one peer at a time, and one that
 * waits for more of what it took for a handshake hears no other.
 */
const HEAD_START_MS = 300;

/**
 * What a port speaks over UDP; QUIC is asked while DTLS still may answer, so that a silent one costs
 * little more than `silenceMs` and a closed one nothing. Undefined for neither.
 */
export async function examineDatagram(
  open: () => Promise<DatagramDoor>,
  options: DatagramOptions,
): Promise<AuditReport["datagram"]> {
  // A port that speaks the one is not waited for until it speaks the other.
  const [noDtls, noQuic] = [new AbortController(), new AbortController()];
  const asked = examineDtls(open, {
    ...options,
    signal: AbortSignal.any([options.signal, noDtls.signal]),
    onSpoken: () => noQuic.abort(),
  });
  const afterHeadStart = async (): ReturnType<typeof examineQuic> => {
    await Promise.race([asked, sleep(HEAD_START_MS, undefined, { ref: false })]);
    if (noQuic.signal.aborted) return undefined;
    return examineQuic(open, {
      ...options,
      signal: AbortSignal.any([options.signal, noQuic.signal]),
      onSpoken: () => noDtls.abort(),
    });
  };
  const [dtls, quic] = await Promise.all([asked, afterHeadStart()]);
  if (dtls === undefined && quic === undefined) return undefined;
  return { ...(dtls === undefined ? {} : { dtls }), ...(quic === undefined ? {} : { quic }) };
}
