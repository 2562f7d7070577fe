import { existsSync } from "node:fs";

/** Where Falco's own image has the host's /proc and /etc. */
const CUSTOMARY = "/host";

/** The folder below which the host's files are: HOST_ROOT as Falco has it, else /host where the host's /proc is mounted there, else none. */
export function hostRootOf(environment: Readonly<Record<string, string | undefined>>): string {
  const stated = environment["HOST_ROOT"];
  if (stated !== undefined) return stated;
  return existsSync(`${CUSTOMARY}/proc/1/stat`) ? CUSTOMARY : "";
}
