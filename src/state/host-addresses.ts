import { isUnspecified } from "../lib/ip-text.ts";
import type { InterfaceEntry } from "./host-entries.ts";

/** The addresses of a host's interfaces: which are its own, and which leads to another host. */
export class HostAddresses {
  readonly #interfaces: readonly InterfaceEntry[];
  readonly #texts: ReadonlySet<string>;
  readonly #hasIpv6: boolean;

  constructor(interfaces: readonly InterfaceEntry[]) {
    this.#interfaces = interfaces;
    this.#texts = new Set(interfaces.map(({ address }) => address.join(".")));
    this.#hasIpv6 = interfaces.some(({ address }) => address.length === 16);
  }

  /** True for an address of one of the host's interfaces. */
  isLocal(address: Uint8Array): boolean {
    if (address.length === 16 && isUnspecified(address)) return this.#hasIpv6;
    return this.#texts.has(address.join("."));
  }

  /**
   * The host's own IPv4 address towards `peer`: that of the interface in its network, else of the
   * first that is no loopback.
   */
  towards(peer: Uint8Array): Uint8Array | undefined {
    if (peer.length !== 4 || isUnspecified(peer)) return undefined;
    const own = this.#interfaces.filter(({ address }) => address.length === 4);
    const near = own.find(({ address, netmask }) =>
      address.every(
        (byte, index) =>
          (byte & (netmask[index] ?? 0)) === ((peer[index] ?? 0) & (netmask[index] ?? 0)),
      ),
    );
    return (near ?? own.find(({ address }) => address[0] !== 127))?.address;
  }
}
