import { unmappedText } from "../lib/ip-text.ts";
import type { Alert } from "./alert.ts";

/** The port that an alert says was opened, and whose it is. */
export interface OpenedPort {
  readonly port: number;
  /** As text without brackets, of an IPv4 address mapped into IPv6 that; undefined where the alert does not say. */
  readonly address: string | undefined;
  /** Undefined where the alert does not say. */
  readonly protocol: "tcp" | "udp" | undefined;
  readonly owner: PortOwner;
}

/** An id is surer than a name, which another container may have had. */
export type PortOwner =
  | { readonly kind: "host" }
  | { readonly kind: "container"; readonly by: "id" | "name"; readonly key: string };

/** What an alert's fields say of an opened port; undefined when they name none. */
export function openedPort(alert: Alert): OpenedPort | undefined {
  const { name, port } = serverOf(alert);
  if (port === undefined) return undefined;
  const address = textOf(alert, "fd.sip") ?? textOf(alert, "fd.lip") ?? name?.address;
  return {
    port,
    address: address === undefined ? undefined : unmappedText(address),
    protocol: protocolOf(textOf(alert, "fd.l4proto")),
    owner: ownerOf(alert),
  };
}

/** `NAME`, or the id where there is no name; `host` on the host. */
export function ownerName(alert: Alert): string {
  const owner = ownerOf(alert);
  if (owner.kind === "host") return "host";
  return textOf(alert, "container.name") ?? owner.key;
}

function serverOf(alert: Alert) {
  const name = parseSocketName(textOf(alert, "fd.name") ?? "");
  const port =
    portOf(alert.outputFields["fd.sport"]) ?? portOf(alert.outputFields["fd.lport"]) ?? name?.port;
  return { name, port };
}

/**
 * Falco's `fd.name` of a socket: `address:port`, with or without brackets around an IPv6 address, or
 * `client->server`, of which the server counts.
 */
function parseSocketName(
  text: string,
): { readonly address: string; readonly port: number } | undefined {
  const server = text.split("->").at(-1) ?? "";
  const [, bracketed, bare, digits] =
    /^(?:\[([\da-fA-F:.%]+)\]|([\da-fA-F:.]+)):(\d{1,5})$/.exec(server) ?? [];
  const [address, port] = [bracketed ?? bare, portOf(digits)];
  return address === undefined || port === undefined ? undefined : { address, port };
}

function portOf(value: unknown): number | undefined {
  const isNumber = typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));
  const port = isNumber ? Number(value) : 0;
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

function protocolOf(text: string | undefined): "tcp" | "udp" | undefined {
  return text === "tcp" || text === "udp" ? text : undefined;
}

/** Falco's host has the id `host` and the name `host`; a container may have that name. */
function ownerOf(alert: Alert): PortOwner {
  const id = textOf(alert, "container.id");
  if (id === "host") return { kind: "host" };
  if (id !== undefined) return { kind: "container", by: "id", key: id };
  const name = textOf(alert, "container.name");
  return name === undefined || name === "host"
    ? { kind: "host" }
    : { kind: "container", by: "name", key: name };
}

function textOf(alert: Alert, field: string): string | undefined {
  const value = alert.outputFields[field];
  return typeof value === "string" && value !== "" && value !== "<NA>" ? value : undefined;
}
