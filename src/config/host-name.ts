import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { hostPath, isOnHost } from "../lib/host-root.ts";

/**
 * What alerts call this host: FALCO_HOSTNAME, else its own name; a container has another, which
 * nobody looks for.
 */
export function hostNameOf(environment: Readonly<Record<string, string | undefined>>): string {
  return environment["FALCO_HOSTNAME"] ?? (isOnHost() ? undefined : nameInEtc()) ?? hostname();
}

function nameInEtc(): string | undefined {
  try {
    return readFileSync(hostPath("/etc/hostname"), "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
