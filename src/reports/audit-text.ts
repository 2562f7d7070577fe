import type { AuditReport, CertificateReport } from "../audit/report.ts";
import { cipherBlock } from "./audit-nmap.ts";
import { auditSummary, escaped } from "./audit-summary.ts";

/** An audit for people: the first line says what matters, then suites as ssl-enum-ciphers prints them, certificates, findings, errors. */
export function auditText(report: AuditReport): string {
  const lines = [auditSummary(report), whereLine(report), ""];
  if (Object.keys(report.protocols).length > 0) lines.push("ssl-enum-ciphers: ", ...cipherBlock(report), "");
  for (const [index, certificate] of report.certificates.entries()) lines.push(...certificateLines(certificate, index), "");
  if (report.findings.length > 0) lines.push("findings:", ...report.findings.map((finding) => `  ${finding.severity.padEnd(8)} ${finding.title}: ${escaped(finding.evidence)}`), "");
  if (report.errors.length > 0) lines.push("could not tell:", ...report.errors.map(({ probe, error }) => `  ${probe}: ${escaped(error)}`), "");
  return lines.join("\n");
}

function whereLine({ startedAt, host, port, container, reachable }: AuditReport): string {
  const inside = container === undefined ? "" : ` in container ${container}`;
  return `examined ${startedAt}, at ${host} port ${port}${inside}${reachable === undefined ? "" : `; reachable: ${reachable}`}`;
}

function certificateLines(certificate: CertificateReport, index: number): string[] {
  const size = certificate.curve ?? (certificate.keyBits === undefined ? "" : `${certificate.keyBits} bits`);
  return [
    index === 0 ? "certificate:" : `certificate ${index + 1}:`,
    `  subject    ${escaped(certificate.subject)}`,
    `  issuer     ${escaped(certificate.issuer)}${certificate.isSelfSigned ? " (signed by itself)" : ""}`,
    `  valid      ${certificate.notBefore} to ${certificate.notAfter}`,
    `  names      ${escaped(certificate.names.join(", "))}`,
    `  key        ${certificate.keyType} ${size}`,
    `  signature  ${certificate.signatureAlgorithm}`,
    `  SHA-256    ${certificate.fingerprintSha256}`,
  ];
}
