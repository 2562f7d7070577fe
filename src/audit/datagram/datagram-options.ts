import { readCertificate } from "../certificate/certificate.ts";
import type { CertificateReport } from "../report.ts";

/** The settings of a probe over UDP, DTLS or QUIC; `serverName` is the name in its hello (SNI). */
export interface DatagramOptions {
  readonly serverName?: string | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds until a port that says nothing is given up. */
  readonly silenceMs: number;
  /** Told once the port is known to speak this protocol. */
  readonly onSpoken?: () => void;
  /** Takes what could not be told. */
  readonly note: (probe: string, error: string) => void;
}

/** Those that can be read, leaf first. */
export function certificatesOf(chain: readonly Uint8Array[]): CertificateReport[] {
  return chain.flatMap((der) => {
    try {
      return [readCertificate(der).report];
    } catch {
      return [];
    }
  });
}
