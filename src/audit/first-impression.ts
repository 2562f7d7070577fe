import { createHash } from "node:crypto";
import type { AuditTarget } from "./audit-target.ts";
import type { Answer } from "./connection.ts";
import { candidateSuites, firstHello } from "./enumerate.ts";
import { Prober } from "./prober.ts";

/** Milliseconds that one address is waited for. */
const SILENCE_MS = 3000;

/**
 * What a port answers to a hello of TLS 1.2 and one of 1.3, in a word that is the same for ports
 * that are served alike: two connections. Undefined where no connection comes about.
 */
export async function firstImpression(
  { connect, serverName }: Pick<AuditTarget, "connect" | "serverName">,
  signal: AbortSignal,
): Promise<string | undefined> {
  const prober = new Prober({ connect, signal, silenceMs: SILENCE_MS, serverName, maxParallel: 2 });
  const older = await prober.hello(firstHello(0x0303), { isOnce: true });
  if (older.kind === "unreachable") return undefined;
  const modern = { version: 0x0304, suites: candidateSuites(0x0304) } as const;
  return [older, await prober.hello(modern, { isOnce: true })].map(impressionOf).join(" ");
}

function impressionOf(answer: Answer): string {
  if (answer.kind !== "flight") return answer.kind;
  const { hello, alert, certificates } = answer.flight;
  const [leaf] = certificates;
  const print = leaf === undefined ? "" : createHash("sha256").update(leaf).digest("base64");
  return [hello?.version, hello?.suite, hello?.group, alert?.description, print].join("/");
}
