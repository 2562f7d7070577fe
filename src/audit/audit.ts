import { isIP } from "node:net";
import { attempt } from "./attempt.ts";
import type { AuditTarget } from "./audit-target.ts";
import type { Found } from "./assess-server.ts";
import { asciiName } from "./certificate/host-match.ts";
import type { TrustStore } from "./certificate/trust-store.ts";
import { examineDatagram } from "./datagram/examine-datagram.ts";
import { type Budget, type BudgetLimits, budget } from "./budget.ts";
import { examine, NOTHING } from "./examine.ts";
import { ConnectErrors, MOST_CONNECT_ERRORS } from "./connect-errors.ts";
import { Prober } from "./prober.ts";
import type { AuditReport } from "./report.ts";
import { BLOCKS } from "./sessions.ts";

/** The limits and settings of one `audit`, all of them optional. */
export interface AuditOptions {
  readonly signal?: AbortSignal;
  /** The most time for a connection and for each wait for bytes; default 3 s. */
  readonly connectionTimeoutMs?: number;
  /**
   * The most time for the whole target. When left out, work counts: 20 s without any answer end it
   * (60 s where `starttls` names a protocol), and 80 s in all (140 s).
   */
  readonly targetTimeoutMs?: number;
  /** The most connections to the target at once; default 6. */
  readonly maxParallel?: number;
  /** The date that certificates are held against; default today. */
  readonly now?: () => Date;
  /** What certificates must lead to; default the system's store. */
  readonly trust?: TrustStore;
  /**
   * Asks the certificates' authorities, over HTTP, whether they are revoked: the only connections that
   * go elsewhere than to the port.
   */
  readonly revocation?: boolean;
  /**
   * The protocol in which TLS is asked for, such as `smtp`; `auto`, the default, finds that out.
   */
  readonly starttls?: string;
  /** What servers have counted of earlier audits; without it each audit stands by itself. */
  readonly connectErrors?: ConnectErrors;
}

/**
 * Examines the TLS of one port: versions, suites with grades, order, certificate; or what it speaks
 * instead. Ends within its time limit, and never rejects for what the peer does: what could not be
 * told stands in `errors`.
 */
export async function audit(target: AuditTarget, options: AuditOptions = {}): Promise<AuditReport> {
  const { label, host, port, container } = target;
  const now = options.now ?? (() => new Date());
  const start = performance.now();
  const startedAt = now().toISOString();
  const over = new AbortController();
  const starttls = options.starttls === "auto" ? undefined : options.starttls;
  const limits = limitsOf(options.targetTimeoutMs, starttls !== undefined);
  const limit = budget(
    limits,
    AbortSignal.any([over.signal, ...(options.signal === undefined ? [] : [options.signal])]),
  );
  const { connectErrors = new ConnectErrors() } = options;
  const server = `${host}:${port}`;
  const isSpared = connectErrors.of(server) >= MOST_CONNECT_ERRORS;
  const prober = proberOf(target, { ...options, connectErrors }, limit);
  try {
    const [found, datagram] = await Promise.all([
      attempt({ prober, probe: "target", facts: "what it speaks" }, () =>
        isSpared
          ? spared(prober, connectErrors)
          : examine(prober, {
              names: namesOf(target),
              identity: target.identity,
              starttls,
              greetingMs: limits.stallMs * GREETING_SHARE,
              now: now(),
              trust: options.trust,
              revocation: options.revocation === true ? limit.signal : undefined,
            }),
      ),
      overDatagrams(target, prober, limit.signal),
    ]);
    noteMissing(prober, found, limit.signal.aborted);
    return {
      target: label,
      host,
      port,
      ...(container === undefined ? {} : { container }),
      ...(found ?? NOTHING),
      ...(datagram === undefined ? {} : { datagram }),
      startedAt,
      durationMs: Math.round(performance.now() - start),
      connections: prober.connections,
      errors: [...prober.errors],
    };
  } finally {
    // Probes whose answer was not needed any more are ended with it.
    over.abort();
    prober.close();
    limit.end();
    const { connectErrors: made } = prober;
    if (made !== undefined) connectErrors.add(made.address, server, made.count);
  }
}

function proberOf(
  { connect, serverName }: AuditTarget,
  { connectionTimeoutMs, maxParallel, connectErrors }: AuditOptions,
  limit: Budget,
): Prober {
  return new Prober({
    connect,
    signal: limit.signal,
    silenceMs: connectionTimeoutMs ?? 3000,
    serverName: serverName === undefined ? undefined : asciiName(serverName),
    maxParallel: maxParallel ?? 6,
    onProgress: () => limit.progress(),
    errorsBefore: (address) => connectErrors?.of(address) ?? 0,
  });
}

/** Nothing is asked of a server that would block our address for it. */
function spared(prober: Prober, { path }: ConnectErrors): Found {
  const counted = `it has counted ${MOST_CONNECT_ERRORS} of ours and forgets them by a login from here or FLUSH HOSTS`;
  const kept = path === undefined ? "" : `; then remove ${path}`;
  prober.note("target", `${BLOCKS}: ${counted}${kept}`, "spared");
  return NOTHING;
}

/** Says that a report is not whole, and whose doing that is. */
function noteMissing(prober: Prober, found: Found | undefined, isOver: boolean): void {
  if (isOver)
    prober.note(
      "target",
      "the time for this target is up: the rest was not examined",
      found?.tls === undefined ? "aborted" : "incomplete",
    );
  else if (found?.tls === true && prober.isIncomplete && !prober.hasSpared)
    prober.note("target", "not everything could be asked", "incomplete");
}

/** A protocol that was named is worth a longer wait: its servers may take minutes to greet. */
function limitsOf(totalMs: number | undefined, isNamed: boolean): BudgetLimits {
  if (totalMs !== undefined) return { stallMs: totalMs, totalMs };
  return isNamed
    ? { stallMs: NAMED_STALL_MS, totalMs: TOTAL_MS + NAMED_STALL_MS }
    : { stallMs: STALL_MS, totalMs: TOTAL_MS };
}

/** A greeting that never comes is said to, before the time is up. */
const GREETING_SHARE = 0.9;
const NAMED_STALL_MS = 60_000;
const STALL_MS = 20_000;
const TOTAL_MS = 80_000;

/** What a server of several names may know itself by. */
function namesOf({ serverName, container, host }: AuditTarget): string[] {
  return [
    ...new Set(
      [serverName, container, isIP(host) === 0 ? host : undefined, "localhost"].filter(
        (name) => name !== undefined,
      ),
    ),
  ];
}

/** Milliseconds that a port which is silent over UDP may cost; it runs beside the rest. */
const DATAGRAM_SILENCE_MS = 1000;

async function overDatagrams(
  { datagram, serverName }: AuditTarget,
  prober: Prober,
  signal: AbortSignal,
): Promise<AuditReport["datagram"]> {
  if (datagram === undefined) return undefined;
  return attempt({ prober, probe: "datagram", facts: "what it speaks over UDP" }, () =>
    examineDatagram(datagram, {
      serverName,
      signal,
      silenceMs: DATAGRAM_SILENCE_MS,
      note: (probe, error) => prober.note(probe, error),
    }),
  );
}
