import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { audit } from "../../src/audit/audit.ts";
import type { AuditReport } from "../../src/audit/report.ts";
import { connectDirectly } from "../../src/ports/connect.ts";
import { auditNmap } from "../../src/reports/audit-nmap.ts";
import { hasProgram, type Lab } from "./lab.ts";
import type { LabServer } from "./builders.ts";
import { compareWithOpenssl, type OpensslView, viewOfOpenssl } from "./oracle.ts";
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

export interface LookOptions {
  /** Audits, one after the other. */
  readonly rounds?: number;
  /** OpenSSL's client takes a process for each suite. */
  readonly asksOpenssl?: boolean;
}

/** Whether nmap is there to compare with. */
export const hasNmap = hasProgram("/usr/bin/nmap");

/**
 * Starts one server, audits it so many times, holds each audit against nmap's ssl-enum-ciphers, line
 * by line, and against what OpenSSL's client sees, and ends it. Throws when it does not start.
 */
export async function lookAt(
  lab: Lab,
  server: LabServer,
  { rounds = 1, asksOpenssl = server.noOracle === undefined }: LookOptions = {},
): Promise<Look> {
  try {
    const port = await startServer(lab, server);
    const problems = new Set<string>();
    let summary = "";
    let view: OpensslView | undefined;
    for (let round = 1; round <= rounds; round += 1) {
      const report = await audit({
        label: server.name,
        host: "127.0.0.1",
        port,
        connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      });
      summary = summaryOf(report);
      for (const problem of problemsOf(server, report)) problems.add(problem);
      if (report.tls === true && asksOpenssl) view ??= await viewOfOpenssl(port, report.starttls);
      if (view !== undefined)
        for (const problem of compareWithOpenssl(view, report)) problems.add(problem);
      if (hasNmap && server.isCompared === true)
        for (const problem of await compare(server, report, port)) problems.add(problem);
    }
    return { summary, problems: [...problems] };
  } finally {
    lab.endServers();
  }
}

function seenOf(report: AuditReport): string {
  if (report.tls !== true) return report.speaks ?? "nothing";
  return report.starttls === undefined ? "tls" : `starttls ${report.starttls}`;
}

function summaryOf(report: AuditReport): string {
  return `${seenOf(report)}, ${Object.keys(report.protocols).toSorted().join(" ")} grade ${report.grade?.ignoringTrust ?? report.grade?.letter ?? "-"}, ${report.connections} connections, ${report.durationMs} ms`;
}

function problemsOf(server: LabServer, report: AuditReport): string[] {
  const seen = seenOf(report);
  const problems = seen === server.expect ? [] : [`expected ${server.expect}, found ${seen}`];
  for (const id of server.vulnerable ?? [])
    if (report.weaknesses?.[id] !== "vulnerable")
      problems.push(`expected ${id}, found ${report.weaknesses?.[id]}`);
  for (const { probe, error } of report.errors)
    if (server.untold?.test(`${probe}: ${error}`) !== true) problems.push(`${probe}: ${error}`);
  // A port without TLS that has a way to it says why it does not go it: that is no problem of
  // ours.
  return problems.filter((text) => report.tls || !text.startsWith("starttls: "));
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
