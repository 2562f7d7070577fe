import type { AuditReport, ProtocolReport } from "../audit/report.ts";

/** What ssl-enum-ciphers knows of: it does not ask for SSLv2. */
export function enumeratedProtocols({ protocols }: Pick<AuditReport, "protocols">): AuditReport["protocols"] {
  return Object.fromEntries(Object.entries(protocols).filter(([name]) => name !== "SSLv2"));
}

/** The block that nmap prints for ssl-enum-ciphers below a port, line by line, without its `|` margin. */
export function cipherBlock(report: Pick<AuditReport, "protocols" | "leastStrength">): string[] {
  const lines: string[] = [];
  for (const name of Object.keys(report.protocols).toSorted()) {
    const protocol = report.protocols[name];
    if (protocol !== undefined) lines.push(`  ${name}: `, ...protocolLines(protocol));
  }
  if (report.leastStrength !== undefined) lines.push(`  least strength: ${report.leastStrength}`);
  return lines;
}

/** nmap's normal output for one port, for parsers that read it. */
export function auditNmap(report: AuditReport): string {
  const head = [`Nmap scan report for ${report.host}`, "PORT      STATE SERVICE", `${`${report.port}/tcp`.padEnd(9)} open  ${report.tls ? "ssl/unknown" : (report.speaks ?? "unknown")}`];
  const block = scriptBlock(report);
  if (block.length === 0) return `${head.join("\n")}\n`;
  const lines = ["ssl-enum-ciphers: ", ...block].map((line, index, all) => `${index === all.length - 1 ? "|_" : "| "}${line}`);
  return `${[...head, ...lines].join("\n")}\n`;
}

/** The script's lines as nmap would have them; empty where it would print nothing. */
export function scriptBlock(report: AuditReport): string[] {
  const protocols = enumeratedProtocols(report);
  return Object.keys(protocols).length === 0 ? [] : cipherBlock({ ...report, protocols, leastStrength: lexicallyLast({ protocols }) });
}

/** nmap's least strength is the last letter in the alphabet, and the word "unknown" comes after all letters. */
export function lexicallyLast(report: Pick<AuditReport, "protocols">): string {
  const letters = Object.values(report.protocols).flatMap((protocol) => protocol.ciphers.map((cipher) => cipher.strength));
  return letters.toSorted().at(-1) ?? "A";
}

function protocolLines(protocol: ProtocolReport): string[] {
  const lines = ["    ciphers: "];
  for (const cipher of protocol.ciphers) lines.push(`      ${cipher.name}${cipher.kexInfo === undefined ? "" : ` (${cipher.kexInfo})`} - ${cipher.strength}`);
  if (protocol.compressors !== undefined) lines.push("    compressors: ", ...protocol.compressors.map((name) => `      ${name}`));
  if (protocol.cipherPreference !== undefined) lines.push(`    cipher preference: ${protocol.cipherPreference}`);
  if (protocol.cipherPreferenceError !== undefined) lines.push(`    cipher preference error: ${protocol.cipherPreferenceError}`);
  if (protocol.warnings.length > 0) lines.push("    warnings: ", ...protocol.warnings.map((warning) => `      ${warning}`));
  return lines;
}
