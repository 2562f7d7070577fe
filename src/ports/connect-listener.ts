import type { Socket } from "node:net";
import { AppError } from "../lib/errors.ts";
import { connectInNamespace, type ConnectOptions } from "./connect.ts";
import type { NetworkNamespace } from "./network-namespace.ts";

/**
 * Addresses by which a listener is reached from inside its namespace: on all addresses, loopback;
 * `::` takes IPv4 too, where IPv6 may be off.
 */
export function addressesOf(listenAddress: string): readonly [string, ...string[]] {
  if (listenAddress === "0.0.0.0") return ["127.0.0.1"];
  return listenAddress === "::" ? ["127.0.0.1", "::1"] : [listenAddress];
}

/** Codes that mean "not by this address" rather than "not at all". */
const OTHER_ADDRESS: ReadonlySet<string> = new Set([
  "PEER_ECONNREFUSED",
  "PEER_EADDRNOTAVAIL",
  "PEER_ENETUNREACH",
  "PEER_EAFNOSUPPORT",
  "KERNEL_EAFNOSUPPORT",
]);

/**
 * Connects to a listener from inside its namespace, by whichever of its addresses answers. Rejects
 * as `connectInNamespace`.
 */
export async function connectToListener(
  namespace: NetworkNamespace,
  listenAddress: string,
  port: number,
  options: ConnectOptions,
): Promise<Socket> {
  const [first, ...others] = addressesOf(listenAddress);
  try {
    return await connectInNamespace(namespace, first, port, options);
  } catch (thrown) {
    const [other] = others;
    if (other === undefined || !(thrown instanceof AppError) || !OTHER_ADDRESS.has(thrown.code))
      throw thrown;
    return connectInNamespace(namespace, other, port, options);
  }
}
