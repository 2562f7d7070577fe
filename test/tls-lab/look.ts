import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { audit } from "../../src/audit/audit.ts";
import type { AuditReport } from "../../src/audit/report.ts";
import { connectDirectly } from "../../src/ports/connect.ts";
import { auditNmap } from "../../src/reports/audit-nmap.ts";
import { hasProgram, type Lab } from "./lab.ts";
import type { LabServer } from "./builders.ts";
import { compareWithOpenssl } from "./oracle.ts";
import { startServer } from "./servers.ts";

/** What one server's audit came to. */
export interface Look {
  /** In one line: what was found, at what cost. */
  readonly summary: string;
  /**
   * What is not as it should be, or differs from nmap's lines without an entry that explains it.
   */
  readonly problems: readonly string[];
}

/** Whether nmap is there to compare with. */
export const hasNmap = hasProgram("/usr/bin/nmap");

/**
 * Starts one server, audits it, compares each line with nmap's ssl-enum-ciphers, and ends it.
 * Throws when it does not start.
 */
export async function lookAt(lab: Lab, server: LabServer): Promise<Look> {
  try {
    const port = await startServer(lab, server);
    const report = await audit({
      label: server.name,
      host: "127.0.0.1",
      port,
      connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
    });
    const seen = report.tls
      ? report.starttls === undefined
        ? "tls"
        : `starttls ${report.starttls}`
      : (report.speaks ?? "nothing");
    const problems = seen === server.expect ? [] : [`expected ${server.expect}, found ${seen}`];
    for (const id of server.vulnerable ?? [])
      if (report.weaknesses?.[id] !== "vulnerable")
        problems.push(`expected ${id}, found ${report.weaknesses?.[id]}`);
    for (const { probe, error } of report.errors)
      if (server.untold?.test(`${probe}: ${error}`) !== true) problems.push(`${probe}: ${error}`);
    if (report.tls === true && server.noOracle === undefined)
      problems.push(...((await compareWithOpenssl(port, report)) ?? []));
    if (hasNmap && server.isCompared === true)
      problems.push(...(await compare(server, report, port)));
    // A port without TLS that has a way to it says why it does not go it: that is no problem of
    // ours.
    const left = problems.filter((text) => report.tls || !text.startsWith("starttls: "));
    const summary = `${seen}, ${Object.keys(report.protocols).toSorted().join(" ")} grade ${report.grade?.ignoringTrust ?? report.grade?.letter ?? "-"}, ${report.connections} connections, ${report.durationMs} ms`;
    return { summary, problems: left };
  } finally {
    lab.endServers();
  }
}

/**
 * Lines that only one of the two has and that no entry explains. nmap loses suites when a
 * connection fails, so it may try three times.
 */
async function compare(
  server: LabServer,
  report: AuditReport,
  port: number,
  tries = 3,
): Promise<string[]> {
  const left = await compareOnce(server, report, port);
  return left.length === 0 || tries === 1 ? left : compare(server, report, port, tries - 1);
}

async function compareOnce(
  { differences = [] }: LabServer,
  report: AuditReport,
  port: number,
): Promise<string[]> {
  // Not the synchronous kind: the servers' own words are read meanwhile, or they would stand still.
  const { stdout } = await promisify(execFile)("nmap", [
    "-Pn",
    "-n",
    "-p",
    `${port}`,
    "--script",
    "ssl-enum-ciphers",
    "127.0.0.1",
  ]);
  const theirs = block(stdout);
  const ours = block(auditNmap(report));
  const only = { ours: without(ours, theirs), theirs: without(theirs, ours) };
  return (["ours", "theirs"] as const).flatMap((side) =>
    only[side]
      .filter(
        (line) =>
          !differences.some((difference) => difference.only === side && difference.line.test(line)),
      )
      .map((line) => `only ${side}: ${line}`),
  );
}

/** The script's lines, each below its protocol, without margins. */
function block(output: string): string[] {
  let protocol = "";
  return output
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => {
      const text = line.slice(2).trim();
      if (/^(?:SSL|TLS)v[\d.]+:$/.test(text)) protocol = text;
      return `${protocol} ${text}`;
    });
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
