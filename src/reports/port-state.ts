import type { AuditReport } from "../audit/report.ts";

/** A port's state and service in nmap's words. */
export interface PortState {
  readonly state: "open" | "closed" | "filtered";
  readonly reason: "syn-ack" | "conn-refused" | "no-response";
  /** The protocol's name; `unknown` where TLS hides it. */
  readonly service: string;
  /** TLS begins at once: nmap writes the service as `ssl/…` then. */
  readonly isTunnelled: boolean;
}

/** What nmap would call the port that an audit has examined. */
export function portState({ tls, starttls, speaks, connections, errors }: AuditReport): PortState {
  const isTunnelled = tls === true && starttls === undefined;
  const isKnown = tls !== undefined && !isTunnelled;
  const service = isKnown ? (speaks ?? starttls ?? "unknown") : "unknown";
  if (connections > 0) return { state: "open", reason: "syn-ack", service, isTunnelled };
  const isRefused = errors.some(({ code }) => code === "refused");
  return isRefused
    ? { state: "closed", reason: "conn-refused", service, isTunnelled }
    : { state: "filtered", reason: "no-response", service, isTunnelled };
}
