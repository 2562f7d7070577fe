import type { AuditTarget } from "./audit-target.ts";
import { examineDatagram } from "./datagram/examine-datagram.ts";
import { deadline } from "./deadline.ts";
import { examine } from "./examine.ts";
import { Prober } from "./prober.ts";
import type { AuditReport } from "./report.ts";

export interface AuditOptions {
  readonly signal?: AbortSignal;
  /** The most time for a connection and for each wait for bytes; default 3 s. */
  readonly connectionTimeoutMs?: number;
  /** The most time for the whole target; default 20 s. */
  readonly targetTimeoutMs?: number;
  /** The most connections to the target at once; default 6. */
  readonly maxParallel?: number;
  /** The date that certificates are held against; default today. */
  readonly now?: () => Date;
}

/**
 * Examines the TLS of one port: versions, suites with grades, order, certificate; or what it speaks instead. Ends within its time limit, and
 * never rejects for what the peer does: what could not be told stands in `errors`.
 */
export async function audit(target: AuditTarget, options: AuditOptions = {}): Promise<AuditReport> {
  const { label, host, port, container } = target;
  const now = options.now ?? (() => new Date());
  const start = performance.now();
  const startedAt = now().toISOString();
  const limit = deadline(options.targetTimeoutMs ?? 20_000, options.signal);
  const prober = new Prober({
    connect: target.connect,
    signal: limit.signal,
    silenceMs: options.connectionTimeoutMs ?? 3000,
    serverName: target.serverName,
    maxParallel: options.maxParallel ?? 6,
  });
  try {
    const [found, datagram] = await Promise.all([
      examine(prober, { host: target.serverName ?? host, now: now() }),
      overDatagrams(target, prober, limit.signal),
    ]);
    if (limit.signal.aborted) prober.note("target", "the time for this target is up: the rest was not examined");
    return {
      target: label,
      host,
      port,
      ...(container === undefined ? {} : { container }),
      ...found,
      ...(datagram === undefined ? {} : { datagram }),
      startedAt,
      durationMs: Math.round(performance.now() - start),
      connections: prober.connections,
      errors: prober.errors,
    };
  } finally {
    limit.end();
  }
}

/** Milliseconds that a port which is silent over UDP may cost; it runs beside the rest. */
const DATAGRAM_SILENCE_MS = 1000;

async function overDatagrams({ datagram, serverName }: AuditTarget, prober: Prober, signal: AbortSignal): Promise<AuditReport["datagram"]> {
  if (datagram === undefined) return undefined;
  try {
    return await examineDatagram(datagram, { serverName, signal, silenceMs: DATAGRAM_SILENCE_MS });
  } catch (thrown) {
    prober.note("datagram", thrown instanceof Error ? thrown.message : String(thrown));
    return undefined;
  }
}
