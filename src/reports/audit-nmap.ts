import type { AuditReport, ProtocolReport } from "../audit/report.ts";
import { incompleteText, unexaminedText } from "./audit-summary.ts";
import { escaped } from "./escaped.ts";
import { portState } from "./port-state.ts";

/** What ssl-enum-ciphers knows of: it does not ask for SSLv2. */
export function enumeratedProtocols({
  protocols,
}: Pick<AuditReport, "protocols">): AuditReport["protocols"] {
  return Object.fromEntries(Object.entries(protocols).filter(([name]) => name !== "SSLv2"));
}

/**
 * The block that nmap prints for ssl-enum-ciphers below a port, line by line, without its `|`
 * margin.
 */
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
  const { state, service, isTunnelled } = portState(report);
  const rows = [
    ["PORT", "STATE", "SERVICE"],
    [`${report.port}/tcp`, state, `${isTunnelled ? "ssl/" : ""}${service}`],
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" "),
  );
  const block = scriptBlock(report);
  const missing = missingText(report);
  const scripts = [
    ...(block.length === 0 ? [] : [["ssl-enum-ciphers: ", ...block]]),
    ...(missing === undefined || state !== "open" ? [] : [[`saker: ${missing}`]]),
  ];
  const script = scripts.flatMap((lines) =>
    lines.map((line, index, all) => `${index === all.length - 1 ? "|_" : "| "}${line}`),
  );
  const host = report.address === undefined ? report.host : `${report.host} (${report.address})`;
  return [
    `Nmap scan report for ${escaped(host)}`,
    "Host is up.",
    "",
    ...table,
    ...script,
    "",
    "",
  ].join("\n");
}

/** What nmap's script has no words for: that nothing, or not all, is known. */
export function missingText(report: AuditReport): string | undefined {
  return report.tls === undefined ? unexaminedText(report) : incompleteText(report);
}

/** The script's lines as nmap would have them; empty where it would print nothing. */
export function scriptBlock(report: AuditReport): string[] {
  const protocols = enumeratedProtocols(report);
  return Object.keys(protocols).length === 0
    ? []
    : cipherBlock({ ...report, protocols, leastStrength: nmapStrength(report) });
}

/** nmap's least strength; `unknown` where worse suites may not have been asked. */
export function nmapStrength(report: AuditReport): string {
  return incompleteText(report) === undefined
    ? lexicallyLast({ protocols: enumeratedProtocols(report) })
    : (report.leastStrength ?? "unknown");
}

/**
 * nmap's least strength is the last letter in the alphabet, and the word "unknown" comes after all
 * letters.
 */
function lexicallyLast(report: Pick<AuditReport, "protocols">): string {
  const letters = Object.values(report.protocols).flatMap((protocol) =>
    protocol.ciphers.map((cipher) => cipher.strength),
  );
  return letters.toSorted().at(-1) ?? "A";
}

function protocolLines(protocol: ProtocolReport): string[] {
  const lines = ["    ciphers: "];
  for (const cipher of protocol.ciphers)
    lines.push(
      `      ${cipher.name}${cipher.kexInfo === undefined ? "" : ` (${cipher.kexInfo})`} - ${cipher.strength}`,
    );
  if (protocol.compressors !== undefined)
    lines.push("    compressors: ", ...protocol.compressors.map((name) => `      ${name}`));
  if (protocol.cipherPreference !== undefined)
    lines.push(`    cipher preference: ${protocol.cipherPreference}`);
  if (protocol.cipherPreferenceError !== undefined)
    lines.push(`    cipher preference error: ${protocol.cipherPreferenceError}`);
  if (protocol.warnings.length > 0)
    lines.push("    warnings: ", ...protocol.warnings.map((warning) => `      ${warning}`));
  return lines;
}
