import type { AuditReport } from "../audit/report.ts";
import { newestReports } from "../outputs/report-folder.ts";
import { containersOfHost } from "../engine/containers-of-host.ts";
import { exposureOf, exposureText, type Exposure } from "../ports/exposure.ts";
import { type FoundListener, scanListeners } from "../ports/inventory-scan.ts";
import { hostNamespaceInode } from "../ports/network-namespace.ts";
import { escaped } from "../reports/escaped.ts";
import { printTable } from "./table.ts";
import { printAside, printJson } from "./print.ts";

interface Row {
  readonly port: number;
  readonly addresses: readonly string[];
  readonly container: string | null;
  readonly pid: number;
  readonly process: string;
  readonly reachable: string;
  readonly grade: string | null;
}

/**
 * `saker ports`: what listens now, in which container, reachable from where, with the grade of its
 * last audit.
 */
export async function ports(options: {
  readonly report: string;
  readonly json?: boolean;
}): Promise<void> {
  const registry = containersOfHost({
    environment: process.env,
    onProblem: (text) => printAside(`saker: note: ${text}`),
  });
  await registry.start();
  const { listeners, problems, hidden } = await scanListeners();
  registry.stop();
  const rows = [...group(listeners).values()].map((sockets) => {
    const [first] = sockets as [FoundListener];
    const container = registry.byPath(first.owner.cgroupPath);
    const name = container?.metadata?.name ?? container?.id;
    const addresses = [...new Set(sockets.map((socket) => socket.address))];
    const exposure = exposureOf(
      { port: first.port, addresses },
      { onHostNetwork: first.namespace === hostNamespaceInode(), metadata: container?.metadata },
    );
    return rowOf({ first, addresses, name, exposure, reportFolder: options.report });
  });
  rows.sort((a, b) => (a.container ?? "").localeCompare(b.container ?? "") || a.port - b.port);
  if (options.json === true) for (const row of rows) printJson(row);
  else
    printTable(
      ["PORT", "ADDRESS", "CONTAINER", "PID", "PROCESS", "REACHABLE", "GRADE"],
      rows.map(cells),
    );
  for (const problem of problems) printAside(`saker: note: ${problem}`);
  if (hidden > 0 && process.getuid?.() !== 0)
    printAside(
      `saker: note: ${hidden} processes cannot be looked into: run as root to see all ports`,
    );
}

function group(listeners: readonly FoundListener[]): Map<string, FoundListener[]> {
  return Map.groupBy(
    listeners,
    (listener) => `${listener.namespace} ${listener.port} ${listener.owner.cgroupPath}`,
  );
}

interface RowInput {
  readonly first: FoundListener;
  readonly addresses: readonly string[];
  readonly name: string | undefined;
  readonly exposure: Exposure;
  readonly reportFolder: string;
}

function rowOf({ first, addresses, name, exposure, reportFolder }: RowInput): Row {
  const { port, owner } = first;
  const grade = lastGrades(newestReports(reportFolder, { container: name, port, addresses }));
  return {
    port,
    addresses,
    container: name ?? null,
    pid: owner.pid,
    process: owner.comm,
    reachable: exposureText(exposure),
    grade,
  };
}

function cells(row: Row): string[] {
  return [
    String(row.port),
    row.addresses.join(","),
    row.container ?? "-",
    // Nobody whom we may see holds it.
    row.pid === 0 ? "-" : String(row.pid),
    row.process === "" ? "-" : row.process,
    row.reachable,
    row.grade ?? "-",
  ];
}

/**
 * What the last audits of this port found: the overall grade, "no TLS", or that it could not be
 * examined; several where its addresses differ.
 */
function lastGrades(reports: readonly AuditReport[]): string | null {
  const grades = reports.map((report) => gradeOf(report));
  return grades.length === 0 ? null : [...new Set(grades)].join(", ");
}

function gradeOf({ tls, grade, errors = [] }: Partial<AuditReport>): string {
  if (tls === undefined) return "could not be examined";
  // The folder's owner may have written it.
  const ungraded = errors.some(({ code }) => code === "incomplete" || code === "spared")
    ? "incomplete"
    : "no grade";
  return tls ? escaped(JSON.stringify(grade?.letter ?? ungraded).replaceAll('"', "")) : "no TLS";
}
