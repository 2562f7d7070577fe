import { createHash } from "node:crypto";
import type { Alert } from "../alerts/alert.ts";

/**
 * What alerts have in common that are one incident for whoever is called: rule, host and container,
 * as 64 hexadecimal digits.
 */
export function incidentOf({ rule, hostname, outputFields }: Alert): string {
  const container = String(outputFields["container.id"] ?? "");
  return createHash("sha256")
    .update(JSON.stringify([rule, hostname, container]))
    .digest("hex");
}
