import type { DatagramDoor } from "../../ports/datagram.ts";
import type { AuditReport } from "../report.ts";
import { type DatagramOptions, examineDtls } from "./dtls.ts";
import { examineQuic } from "./quic.ts";

/** What a port speaks over UDP; both are asked at once, so that a silent one costs `silenceMs` and a closed one nothing. Undefined for neither. */
export async function examineDatagram(open: () => Promise<DatagramDoor>, options: DatagramOptions): Promise<AuditReport["datagram"]> {
  const [dtls, quic] = await Promise.all([examineDtls(open, options), examineQuic(open, options)]);
  if (dtls === undefined && quic === undefined) return undefined;
  return { ...(dtls === undefined ? {} : { dtls }), ...(quic === undefined ? {} : { quic }) };
}
