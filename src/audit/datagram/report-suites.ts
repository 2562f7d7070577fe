import { cipherSuite } from "../../tls/cipher-suites.ts";
import type { VersionCode } from "../../tls/client-hello.ts";
import type { SeenCertificates } from "../certificate/seen-certificates.ts";
import { type Answerer, findPreference } from "../preference.ts";
import { reportProtocol } from "../protocol-report.ts";
import type { ProtocolReport } from "../report.ts";
import type { DatagramOptions } from "./datagram-options.ts";
import type { FoundSuites } from "./find-suites.ts";

/** One version over datagrams, and where its certificates go. */
export interface SpokenVersion {
  /** Of the TLS that it is built on. */
  readonly version: VersionCode;
  /** `DTLSv1.2`, `QUICv1` */
  readonly name: string;
  readonly suites: FoundSuites;
  readonly seen: SeenCertificates;
  readonly note: DatagramOptions["note"];
}

/** A version's suites with grades and order, as over TCP; notes where there may be more. */
export async function reportSuites(
  answerer: Answerer,
  { version, name, suites, seen, note }: SpokenVersion,
): Promise<ProtocolReport> {
  const { undecided, isPartial } = suites;
  if (isPartial !== undefined) note(name, `there may be more suites than were found: ${isPartial}`);
  if (undecided.length > 0)
    note(
      name,
      `the handshake fails at ${undecided.map((suite) => cipherSuite(suite).name).join(", ")}`,
    );
  const preference = await findPreference(answerer, version, suites);
  return reportProtocol(
    { version, preference, compressors: undefined, keyExchange: undefined },
    ({ flight }) => seen.add(flight, name),
  );
}
