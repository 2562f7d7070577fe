import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { audit } from "../../src/audit/audit.ts";
import type { AuditReport } from "../../src/audit/report.ts";
import { connectDirectly } from "../../src/ports/connect.ts";
import { auditNmap } from "../../src/reports/audit-nmap.ts";
import { hasProgram, Lab } from "./lab.ts";
import { LAB_SERVERS, type LabServer, startServer } from "./servers.ts";

// Audits real servers on loopback, one after the other, and compares each line with nmap's ssl-enum-ciphers. `node test/tls-lab/run.ts [NAME…]`; with --install,
// missing servers are installed from Debian's packages first. Exit code 1 when something differs that no entry explains.

const words = process.argv.slice(2).filter((word) => word !== "--install");
const servers = LAB_SERVERS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const missing = [...new Set(servers.filter(({ needs: [program] }) => !hasProgram(program)).map(({ needs: [, debian] }) => debian))];
if (missing.length > 0 && process.argv.includes("--install")) execFileSync("apt-get", ["install", "-y", "--no-install-recommends", ...missing], { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });

const hasNmap = hasProgram("/usr/bin/nmap");
const lab = new Lab();
const counts = { good: 0, bad: 0, skipped: 0 };
process.once("exit", () => lab.end());
process.once("SIGINT", () => process.exit(130));

for (const server of servers) {
  const problems = hasProgram(server.needs[0]) ? await look(server) : undefined;
  if (problems === undefined) {
    counts.skipped += 1;
    console.log(`-     ${server.name}: needs ${server.needs[0]} (apt-get install ${server.needs[1]})`);
  } else {
    counts[problems.length === 0 ? "good" : "bad"] += 1;
    for (const line of problems) console.log(`      ${line}`);
  }
}
console.log(`${counts.good} as expected, ${counts.bad} not, ${counts.skipped} not installed${hasNmap ? "" : "; nmap is not installed, so nothing was compared"}`);
process.exitCode = counts.bad === 0 ? 0 : 1;

/** Audits one server; what is not as it should be. */
async function look(server: LabServer): Promise<string[]> {
  try {
    const port = await startServer(lab, server);
    const report = await audit({ label: server.name, host: "127.0.0.1", port, connect: (signal) => connectDirectly("127.0.0.1", port, { signal }) });
    const seen = report.tls ? (report.starttls === undefined ? "tls" : `starttls ${report.starttls}`) : (report.speaks ?? "nothing");
    const problems = seen === server.expect ? [] : [`expected ${server.expect}, found ${seen}`];
    for (const { probe, error } of report.errors) problems.push(`${probe}: ${error}`);
    if (hasNmap && server.isCompared === true) problems.push(...(await compare(server, report, port)));
    // A port without TLS that has a way to it says why it does not go it: that is no problem of ours.
    const left = problems.filter((text) => report.tls || !text.startsWith("starttls: "));
    console.log(`${left.length === 0 ? "ok  " : "DIFF"}  ${server.name}: ${seen}, ${Object.keys(report.protocols).toSorted().join(" ")} grade ${report.grade?.ignoringTrust ?? report.grade?.letter ?? "-"}, ${report.connections} connections, ${report.durationMs} ms`);
    return left;
  } catch (thrown) {
    console.log(`FAIL  ${server.name}`);
    return [thrown instanceof Error ? thrown.message : String(thrown)];
  } finally {
    lab.endServers();
  }
}

/** Lines that only one of the two has and that no entry explains. nmap loses suites when a connection fails, so it may try three times. */
async function compare(server: LabServer, report: AuditReport, port: number, tries = 3): Promise<string[]> {
  const left = await compareOnce(server, report, port);
  return left.length === 0 || tries === 1 ? left : compare(server, report, port, tries - 1);
}

async function compareOnce({ differences = [] }: LabServer, report: AuditReport, port: number): Promise<string[]> {
  // Not the synchronous kind: the servers' own words are read meanwhile, or they would stand still.
  const { stdout } = await promisify(execFile)("nmap", ["-Pn", "-n", "-p", `${port}`, "--script", "ssl-enum-ciphers", "127.0.0.1"]);
  const theirs = block(stdout);
  const ours = block(auditNmap(report));
  const only = { ours: without(ours, theirs), theirs: without(theirs, ours) };
  return (["ours", "theirs"] as const).flatMap((side) =>
    only[side].filter((line) => !differences.some((difference) => difference.only === side && difference.line.test(line))).map((line) => `only ${side}: ${line}`),
  );
}

/** The script's lines, each below its protocol, without margins. */
function block(output: string): string[] {
  let protocol = "";
  return output.split("\n").filter((line) => line.startsWith("|")).map((line) => {
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
