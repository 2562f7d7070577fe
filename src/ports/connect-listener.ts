import type { Socket } from "node:net";
import { AppError } from "../lib/errors.ts";
import { connectInNamespace, type ConnectOptions } from "./connect.ts";
import type { Listener } from "./listeners.ts";
import type { NetworkNamespace } from "./network-namespace.ts";

/**
 * Addresses by which a listener, and nobody else, is reached from inside its namespace: on all
 * addresses, by loopback; `::` by IPv4 first, where IPv6 may be off. `listening`: what listens in
 * the namespace; a socket on one address has its connections before one on all (ip(7), ipv6(7)).
 * None when all of loopback is others'.
 */
export function addressesOf(
  { address, port, isIpv6Only }: Pick<Listener, "address" | "port" | "isIpv6Only">,
  listening: readonly Pick<Listener, "address" | "port">[],
): readonly string[] {
  const isTaken = (one: string): boolean =>
    listening.some((listener) => listener.port === port && listener.address === one);
  const ipv4 = (): readonly string[] => LOOPBACK.filter((one) => !isTaken(one)).slice(0, 1);
  if (address === "0.0.0.0") return ipv4();
  if (address !== "::") return [address];
  const takesIpv4 = isIpv6Only !== true && !isTaken("0.0.0.0");
  return [...(takesIpv4 ? ipv4() : []), ...(isTaken("::1") ? [] : ["::1"])];
}

/** Codes that mean that the namespace has no such address, which says nothing of the listener. */
const NO_ADDRESS: ReadonlySet<string> = new Set([
  "PEER_EADDRNOTAVAIL",
  "PEER_ENETUNREACH",
  "PEER_EAFNOSUPPORT",
  "KERNEL_EAFNOSUPPORT",
]);

/** Codes that mean "not by this address" rather than "not at all". */
const OTHER_ADDRESS: ReadonlySet<string> = NO_ADDRESS.union(new Set(["PEER_ECONNREFUSED"]));

/**
 * Connects to a listener from inside its namespace, by whichever of its addresses answers
 * (`addressesOf`). Rejects as `connectInNamespace`, with what the address said that is there.
 */
export async function connectToListener(
  namespace: NetworkNamespace,
  addresses: readonly string[],
  port: number,
  options: ConnectOptions,
): Promise<Socket> {
  const [first = "", ...others] = addresses;
  try {
    return await connectInNamespace(namespace, first, port, options);
  } catch (thrown) {
    const [other] = others;
    if (other === undefined || !isOneOf(thrown, OTHER_ADDRESS)) throw thrown;
    try {
      return await connectInNamespace(namespace, other, port, options);
    } catch (next) {
      throw isOneOf(next, NO_ADDRESS) ? thrown : next;
    }
  }
}

function isOneOf(thrown: unknown, codes: ReadonlySet<string>): boolean {
  return thrown instanceof AppError && codes.has(thrown.code);
}

/** Each is the namespace's own; a socket on all addresses has those that no other is bound to. */
const LOOPBACK = Array.from({ length: 16 }, (_, number) => `127.0.0.${number + 1}`);
