import * as z from "zod";
import { RowId } from "./alert.ts";

const PortNumber = z.int().min(0).max(65_535);

/** What an audit came to, in short. */
export const AuditSummary = z.object({
  id: RowId,
  sequence: z.int().nullable(),
  startedAt: z.string().describe("ISO 8601, UTC"),
  target: z.string().describe("such as `web:8443`"),
  container: z.string().nullable().describe("null: on the host"),
  address: z.string(),
  port: PortNumber,
  exepath: z.string().nullable(),
  reachable: z.string().nullable().describe("from where, in words"),
  tls: z.boolean().nullable().describe("null: could not be told"),
  speaks: z.string().nullable().describe("`http`, `ssh`, …: without TLS or before it"),
  grade: z.string().nullable().describe("A+ to F, T or M; null: none"),
  notAfter: z.string().nullable().describe("of the first certificate: ISO 8601, UTC"),
  findings: z.record(z.string(), z.int()).describe("how many, by severity"),
  error: z.string().nullable().describe("why it could not be examined"),
});
export type AuditSummary = z.infer<typeof AuditSummary>;

/** Audits, newest first. */
export const AuditPage = z.object({ audits: z.array(AuditSummary), older: RowId.nullable() });
export type AuditPage = z.infer<typeof AuditPage>;

/** One audit. `report` is the contract of `report/tls/NAME_PORT.json` (`saker audit --schema`). */
export const StoredAudit = z.object({
  summary: AuditSummary,
  report: z.record(z.string(), z.unknown()),
});

/** One opening of a port, with the last audit of that place. */
export const StoredPort = z.object({
  id: RowId,
  sequence: z.int().nullable(),
  hostname: z.string(),
  protocol: z.enum(["tcp", "udp"]),
  address: z.string(),
  port: PortNumber,
  namespace: z.number().describe("inode of the network namespace"),
  container: z.string().nullable().describe("null: on the host"),
  containerId: z.string().nullable(),
  exepath: z.string().nullable().describe("who listens"),
  pid: z.int().nullable(),
  openedAt: z.string().describe("ISO 8601, UTC; found open at the start of a watch: that time"),
  closedAt: z.string().nullable(),
  isUnwatchedClosing: z
    .boolean()
    .describe("it was open when a watch ended and not at the next one's start"),
  audit: AuditSummary.nullable(),
});
export type StoredPort = z.infer<typeof StoredPort>;

/** Openings of ports, newest first. */
export const PortPage = z.object({ ports: z.array(StoredPort), older: RowId.nullable() });
export type PortPage = z.infer<typeof PortPage>;

/** What became of one place: each of its openings, and each audit, newest first. */
export const PortHistory = z.object({
  port: StoredPort,
  openings: z.array(StoredPort),
  audits: z.array(AuditSummary),
});
export type PortHistory = z.infer<typeof PortHistory>;

/** What is otherwise than it was. */
export const PortDrift = z.object({
  since: z.int().describe("epoch ms"),
  opened: z.array(StoredPort).describe("open now, and not then"),
  closed: z.array(StoredPort).describe("open then, and not now"),
  regraded: z.array(
    z.object({ before: AuditSummary, after: AuditSummary }).describe("another grade than then"),
  ),
});
export type PortDrift = z.infer<typeof PortDrift>;

const Place = {
  container: z.string().max(4096).optional(),
  port: z.coerce.number().pipe(PortNumber).optional(),
};
const Paging = {
  before: z.coerce.number().pipe(RowId).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
};

/** Which ports. */
export const PortQuery = z.strictObject({
  ...Place,
  ...Paging,
  state: z.enum(["open", "closed", "all"]).default("open"),
});

/** Which audits. */
export const AuditQuery = z.strictObject({
  ...Place,
  ...Paging,
  grade: z.string().max(8).optional(),
});

/** Since when; the day before by default. */
export const DriftQuery = z.strictObject({
  since: z.coerce.number().int().min(0).optional().describe("epoch ms; default: 24 hours ago"),
});

/** The form of one audit's report. */
export const AuditReportQuery = z.strictObject({
  format: z.enum(["html", "text", "nmap", "json"]).default("html"),
});
