import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { isIPv6 } from "node:net";
import { AppError } from "../lib/errors.ts";
import { nmapFindings } from "./nmap-output.ts";
import type { AuditReport } from "./report.ts";

/** Who examines ports with nmap, and for how long at the most. */
export interface NmapOptions {
  /** The program; `nmap` in PATH by default. */
  readonly program?: string;
  /** User and group that it runs as; those of this process by default. */
  readonly identity?: { readonly uid: number; readonly gid: number } | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** After that it is killed, in milliseconds; three minutes by default. */
  readonly deadlineMs?: number;
}

/** One port, and how to act inside its network namespace. */
export interface NmapTarget {
  readonly label: string;
  readonly host: string;
  readonly port: number;
  readonly container?: string;
  /** Runs `act`, which is synchronous, inside of the namespace. */
  within<Result>(act: () => Result): Result;
}

const DEADLINE_MS = 180_000;
/** The most of its output that is read; XML of every suite in every version is some 200 KB. */
const [OUTPUT_MAX, ERRORS_MAX] = [4 << 20, 2000];
const SCRIPT = "ssl-enum-ciphers";

/**
 * Throws `CONFIG_SCANNER` where there is no nmap with its script ssl-enum-ciphers: known at the
 * start, not with the first port.
 */
export function requireNmap({ program = "nmap", environment }: NmapOptions): void {
  const found = spawnSync(program, ["--script-help", SCRIPT], {
    env: environmentOf(environment),
    encoding: "utf8",
    timeout: 30_000,
  });
  if (found.error === undefined && found.stdout.includes(SCRIPT)) return;
  const state = found.error === undefined ? `it has no script ${SCRIPT}` : "it cannot be run";
  throw new AppError("CONFIG_SCANNER", `Cannot examine ports with "${program}": ${state}`, {
    hint: "install it (Debian: apt-get install nmap), or leave out --scanner nmap: Saker examines ports by itself",
  });
}

/**
 * Has nmap examine a port from inside its namespace: a program stays where it was started. Its
 * result is a report like Saker's own, with suites alone. Never throws; what went wrong is among
 * the report's errors.
 */
export async function nmapScan(
  target: NmapTarget,
  options: NmapOptions,
  signal: AbortSignal,
): Promise<AuditReport> {
  const started = new Date();
  const { label, host, port, container } = target;
  const output = await runNmap(target, options, signal);
  const found =
    "xml" in output
      ? nmapFindings(output.xml)
      : { scanner: "nmap", protocols: {}, errors: [{ probe: "nmap", ...output }] };
  return {
    target: label,
    host,
    port,
    ...(container === undefined ? {} : { container }),
    startedAt: started.toISOString(),
    durationMs: Date.now() - started.getTime(),
    // nmap does not say how many it makes.
    connections: 0,
    groups: [],
    certificates: [],
    findings: [],
    ...found,
  };
}

type Output = { readonly xml: string } | { readonly error: string };

async function runNmap(
  target: NmapTarget,
  options: NmapOptions,
  signal: AbortSignal,
): Promise<Output> {
  const { deadlineMs = DEADLINE_MS, program = "nmap", identity, environment } = options;
  const { host, port, within } = target;
  // The + has the script run at ports that are not known for TLS.
  const words = ["-n", "-Pn", "-sT", "--unprivileged", "--script", `+${SCRIPT}`, "-oX", "-"];
  const family = isIPv6(host) ? ["-6"] : [];
  let child: ChildProcess;
  try {
    child = within(() =>
      spawn(program, [...words, ...family, "-p", String(port), host], {
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
        env: environmentOf(environment),
        ...identity,
      }),
    );
  } catch (thrown) {
    return { error: `nmap cannot be started: ${(thrown as Error).message}` };
  }
  return outputOf(child, { deadlineMs, signal });
}

function outputOf(
  child: ChildProcess,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<Output> {
  let [xml, errors, killed] = ["", "", ""];
  const kill = (reason: string): void => {
    killed ||= reason;
    killGroup(child);
  };
  child.stdout?.on("data", (chunk: Buffer) => {
    xml += chunk.toString("latin1");
    if (xml.length > OUTPUT_MAX) kill("nmap printed more than 4 MB");
  });
  child.stderr?.on(
    "data",
    (chunk: Buffer) => (errors = (errors + chunk.toString("latin1")).slice(0, ERRORS_MAX)),
  );
  const timer = setTimeout(() => kill(`nmap took longer than ${deadlineMs / 1000} s`), deadlineMs);
  const abort = (): void => kill("the watch ends");
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  return new Promise<Output>((resolve) => {
    child.once("error", (error) => resolve({ error: `nmap cannot be run: ${error.message}` }));
    child.once("close", (code) => {
      const problem = killed || (code === 0 ? "" : `nmap ended with ${code}: ${errors.trim()}`);
      resolve(problem === "" ? { xml } : { error: problem });
    });
  }).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}

/** With the programs that it has started: a script named nmap would leave the real one behind. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** It finds itself and its scripts by these. */
function environmentOf({ PATH, NMAPDIR }: NmapOptions["environment"]) {
  return { PATH, ...(NMAPDIR === undefined ? {} : { NMAPDIR }), HOME: "/nonexistent", LC_ALL: "C" };
}
