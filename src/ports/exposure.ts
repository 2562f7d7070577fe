import type { ContainerMetadata } from "../containers/container.ts";

/** From where a port can be reached. */
export type Exposure =
  /** From outside, through these addresses of the host. */
  | {
      readonly kind: "published";
      readonly at: readonly { readonly address: string; readonly port: number }[];
    }
  /** It is a port of the host itself. */
  | { readonly kind: "host" }
  /** From inside its own namespace only. */
  | { readonly kind: "loopback" }
  /** From the container's networks: the host and neighbours. */
  | { readonly kind: "internal" };

/**
 * `onHostNetwork`: the port's namespace is the host's. A listener on loopback alone is out of reach
 * even when its port is published.
 */
export function exposureOf(
  port: { readonly addresses: readonly string[]; readonly port: number },
  { onHostNetwork, metadata }: { onHostNetwork: boolean; metadata?: ContainerMetadata | undefined },
): Exposure {
  if (port.addresses.every(isLoopback)) return { kind: "loopback" };
  if (onHostNetwork) return { kind: "host" };
  const at = (metadata?.ports ?? []).flatMap((candidate) =>
    candidate.port === port.port &&
    candidate.protocol === "tcp" &&
    candidate.published !== undefined
      ? [candidate.published]
      : [],
  );
  return at.length > 0 ? { kind: "published", at } : { kind: "internal" };
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

/** From where a port can be reached, in words. */
export function exposureText(exposure: Exposure): string {
  if (exposure.kind === "published")
    return `published at ${exposure.at.map(({ address, port }) => `${address}:${port}`).join(", ")}`;
  return {
    host: "from the host's networks",
    loopback: "loopback only",
    internal: "container network",
  }[exposure.kind];
}
