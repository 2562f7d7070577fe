import { randomBytes } from "node:crypto";
import type { DatagramDoor } from "../../ports/datagram.ts";
import { encodeQuicQuestion, quicVersionName, readQuicVersions } from "../../tls/quic.ts";
import type { DatagramReport } from "../report.ts";
import type { DatagramOptions } from "./dtls.ts";

/** The QUIC versions of a port; undefined when it speaks no QUIC. No handshake is done, so the certificates stay empty. */
export async function examineQuic(open: () => Promise<DatagramDoor>, { signal, silenceMs }: DatagramOptions): Promise<DatagramReport | undefined> {
  const ids = { destination: randomBytes(8), source: randomBytes(8) };
  const door = await open();
  try {
    for (let turn = 0; turn < TURNS && !signal.aborted; turn += 1) {
      door.send(encodeQuicQuestion(ids));
      const answer = await door.receive(silenceMs / TURNS);
      if (answer === "refused") return undefined;
      if (answer === "silent") continue;
      const versions = readQuicVersions(answer, ids);
      return versions === undefined ? undefined : { versions: versions.map(quicVersionName), certificates: [] };
    }
  } catch {
    // A packet cut short: not QUIC.
  } finally {
    door.close();
  }
  return undefined;
}

/** One lost datagram is borne. */
const TURNS = 2;
