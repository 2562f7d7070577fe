import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { audit, type AuditOptions } from "../audit/audit.ts";
import type { AuditTarget } from "../audit/audit-target.ts";
import { trustFrom } from "../audit/certificate/trust-store.ts";
import { checkStarttls } from "../audit/reach-tls.ts";
import type { AuditReport } from "../audit/report.ts";
import { AppError } from "../lib/errors.ts";
import { connectDirectly } from "../ports/connect.ts";
import { openDatagram } from "../ports/datagram.ts";
import { auditSchema } from "../reports/audit-schema.ts";
import { auditText } from "../reports/audit-text.ts";

/**
 * The package's door `saker/audit`: the TLS of a port, examined. Needs no privilege, and no program
 * beside it.
 */
export type { AuditReport };

/** The errors of all doors: `code` says whose fault it is, `hint` what to do. */
export { AppError as SakerError };

/** A report for people, and the JSON Schema of a report. */
export { auditSchema, auditText };

/** Which port is examined, and how; times in milliseconds. */
export interface AuditPortOptions {
  /** A name, or an address of either family. */
  readonly host: string;
  readonly port: number;
  /** The server name to ask for; by default `host` where that is a name. */
  readonly serverName?: string;
  /** The protocol in which TLS is asked for, such as `smtp`; `auto`, the default, finds it out. */
  readonly starttls?: string;
  /** A file of certificates (PEM) that are trusted, instead of the system's. */
  readonly caFile?: string;
  /** Asks the certificates' authorities whether they are revoked, over HTTP; default no. */
  readonly revocation?: boolean;
  /** The most time for all of it; by default work counts: some 20 s without an answer end it. */
  readonly timeoutMs?: number;
  /** Aborted: the report comes at once, with what is known. */
  readonly signal?: AbortSignal;
}

/**
 * Examines the TLS of one port: versions, cipher suites with grades, certificate, weaknesses; or
 * what it speaks instead. What the server does never makes it reject: what could not be found out
 * stands in the report's `errors`. Rejects with `USAGE_…` for what cannot be asked for.
 */
export async function auditPort(options: AuditPortOptions): Promise<AuditReport> {
  const { starttls = "auto", caFile, revocation = false, timeoutMs, signal } = options;
  const target = targetOf(options);
  const optional: AuditOptions = {
    ...(timeoutMs === undefined ? {} : { targetTimeoutMs: timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
    ...(caFile === undefined ? {} : { trust: await trustFrom(caFile) }),
  };
  return audit(target, {
    ...optional,
    revocation,
    starttls: starttls === "auto" ? "auto" : checkStarttls(starttls),
  });
}

function targetOf({ host, port, serverName }: AuditPortOptions): AuditTarget {
  const label = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  if (host === "" || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new AppError("USAGE_TARGET", `Cannot examine "${label}": it names no port`, {
      hint: "host is a name or an address, port a number from 1 to 65535",
    });
  const isName = isIP(host) === 0;
  const name = serverName ?? (isName ? host : undefined);
  return {
    label,
    host,
    port,
    ...(name === undefined ? {} : { serverName: name }),
    connect: async (signal) =>
      connectDirectly(isName ? await addressOf(host) : host, port, { signal }),
    // A name may have several addresses: which of them answers over UDP is not asked.
    ...(isName ? {} : { datagram: () => openDatagram(undefined, host, port) }),
  };
}

async function addressOf(name: string): Promise<string> {
  try {
    return (await lookup(name)).address;
  } catch (cause) {
    const message = `Cannot connect to "${name}": the name has no address`;
    throw new AppError("PEER_NAME", message, { cause });
  }
}
