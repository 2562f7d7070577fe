import { type NmapOptions, requireNmap } from "../audit/nmap-scanner.ts";
import type { WatchOptions } from "./watch-options.ts";

/** Debian's nobody: what a hostile server makes of nmap has no rights here. */
const NOBODY = { uid: 65_534, gid: 65_534 };

/** nmap, where it is to examine ports. Throws `CONFIG_SCANNER` where it is not there. */
export function nmapOf({ audit, scanner }: WatchOptions): NmapOptions | undefined {
  if (!audit || scanner !== "nmap") return undefined;
  const identity = process.geteuid?.() === 0 ? NOBODY : undefined;
  const nmap = { environment: process.env, identity };
  requireNmap(nmap);
  return nmap;
}
