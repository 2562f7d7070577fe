import type { DatagramDoor } from "../../ports/datagram.ts";
import { alertText } from "../../tls/alerts.ts";
import { cipherSuite } from "../../tls/cipher-suites.ts";
import { DTLS_VERSIONS, type DtlsVersion } from "../../tls/dtls.ts";
import { groupName } from "../../tls/groups.ts";
import { SeenCertificates } from "../certificate/seen-certificates.ts";
import { candidateSuites } from "../enumerate.ts";
import { chosenGroup } from "../grade.ts";
import { namedSuite } from "../protocol-report.ts";
import type { DatagramReport, ProtocolReport } from "../report.ts";
import type { DatagramOptions } from "./datagram-options.ts";
import { DtlsAnswerer } from "./dtls-answerer.ts";
import { findSuites, type FoundSuites } from "./find-suites.ts";
import { reportSuites } from "./report-suites.ts";

/**
 * The DTLS versions of a port with their suites, and certificates up to 1.2 (1.3 encrypts them);
 * undefined when it speaks no DTLS. One silent wait at most, where it does not.
 */
export async function examineDtls(
  open: () => Promise<DatagramDoor>,
  options: DatagramOptions,
): Promise<DatagramReport | undefined> {
  const found: Found[] = [];
  for (const version of ASKED) {
    const answerer = new DtlsAnswerer(open, version, options);
    const suites = await findSuites(answerer, version.tls, suitesOf(version));
    if (!answerer.hasSpoken && found.length === 0) return undefined;
    found.push({ version, suites, answerer });
  }
  const spoken = found
    .filter(({ suites: { runs } }) => runs.length > 0)
    .toSorted((a, b) => b.version.tls - a.version.tls);
  noteFaults(found, spoken.length > 0, options);
  const first = spoken[0]?.suites.runs[0]?.[0];
  if (first === undefined) return undefined;
  const seen = new SeenCertificates();
  const protocols: Record<string, ProtocolReport> = {};
  for (const { version, suites, answerer } of spoken)
    protocols[version.name] = await reportSuites(answerer, {
      version: version.tls,
      name: version.name,
      suites,
      seen,
      note: options.note,
    });
  const group = chosenGroup(cipherSuite(first.suite), first.flight);
  return {
    versions: Object.keys(protocols),
    cipher: namedSuite(cipherSuite(first.suite)),
    ...(group === undefined ? {} : { group: groupName(group) }),
    protocols,
    certificates: seen.all.map(({ report }) => report),
  };
}

interface Found {
  readonly version: DtlsVersion;
  readonly suites: FoundSuites;
  readonly answerer: DtlsAnswerer;
}

/** 1.2 first: it is what most have, and what the others answer at least with an alert. */
const ASKED = [0x0303, 0x0304, 0x0302].flatMap((tls) =>
  DTLS_VERSIONS.filter((version) => version.tls === tls),
);

/** RC4 is no cipher for datagrams (RFC 6347 §4.1.2.2). */
function suitesOf({ tls }: DtlsVersion): readonly number[] {
  return candidateSuites(tls).filter((suite) => cipherSuite(suite).cipher !== "RC4");
}

/** That it has no other version than those that were found is no fault. */
function noteFaults(found: readonly Found[], isSpoken: boolean, { note }: DatagramOptions): void {
  const refusesSilently = found.some(({ suites }) => suites.refusesSilently);
  for (const { version, suites, answerer } of found) {
    const { refusal } = suites;
    if (refusal === undefined) continue;
    if (refusal.kind === "failed" && refusal.isSilent && refusesSilently) continue;
    if (refusal.kind === "failed" || refusal.kind === "unreachable")
      note("dtls", `${version.name} could not be read: ${refusal.reason}`);
    else if (!isSpoken && answerer.alert !== undefined)
      note(
        "dtls",
        `${version.name} could not be read: the server answered ${alertText(answerer.alert)}`,
      );
  }
}
