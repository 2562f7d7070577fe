import { lookup } from "node:dns/promises";
import type { Socket } from "node:net";
import { domainToASCII } from "node:url";
import { AppError } from "../lib/errors.ts";
import { connectDirectly } from "../ports/connect.ts";
import { connectToAny } from "../ports/connect-any.ts";

/** Addresses of one name that are looked at. */
const MAX_ADDRESSES = 8;

/**
 * A name that is looked up when its target's turn comes, once: of thousands, nobody waits for all.
 * All its addresses count; the one that answers first is taken from then on.
 */
export class NamedHost {
  readonly #name: string;
  #lookup: Promise<readonly string[]> | undefined;
  /** What is connected to; undefined until then. */
  address: string | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** In the resolver's order. Rejects with `PEER_NAME` where the name has none. */
  async addresses(): Promise<readonly string[]> {
    this.#lookup ??= lookup(this.#name, { all: true, order: "verbatim" }).then(
      (found) => [...new Set(found.map(({ address }) => address))].slice(0, MAX_ADDRESSES),
      () => [],
    );
    const addresses = await this.#lookup;
    if (addresses.length === 0)
      throw new AppError("PEER_NAME", `Cannot connect to "${this.#name}": the name has no address`);
    return addresses;
  }

  async connect(port: number, signal: AbortSignal): Promise<Socket> {
    const addresses = this.address === undefined ? await this.addresses() : [this.address];
    const { socket, address } = await connectToAny(
      addresses,
      (one, limit) => connectDirectly(one, port, { signal: limit }),
      signal,
    );
    this.address = address;
    return socket;
  }

  /** The one that is connected to, or the first. */
  async anyAddress(): Promise<string> {
    return this.address ?? (await this.addresses())[0] ?? this.#name;
  }
}

/**
 * A name as it goes over the wire: letters of other alphabets as A-labels (RFC 5890 §2.3.2.1), and
 * without the dot of the root, which TLS does not write (RFC 6066 §3). Throws `USAGE_TARGET` for one
 * that is none.
 */
export function wireName(name: string): string {
  // oxlint-disable-next-line no-control-regex -- all of ASCII stays as it is: underscores, too
  const ascii = /^[\x21-\x7e]+$/.test(name) ? name : domainToASCII(name);
  if (ascii === "" || ascii === ".")
    throw new AppError("USAGE_TARGET", `Cannot ask for "${name}": it is no name of a host`);
  return ascii.replace(/\.$/, "");
}
