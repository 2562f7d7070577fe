import type { VersionCode } from "../tls/client-hello.ts";
import { type Accepted, COMPRESSORS } from "./enumerate.ts";
import type { Prober } from "./prober.ts";

/** Compression methods by their number (RFC 3749, RFC 3943). */
const NAMES: Readonly<Record<number, string>> = { 0: "NULL", 1: "DEFLATE", 64: "LZS" };

/** Suites of the hellos that ask for more than one method: few enough for any server. */
const FEW_SUITES = 32;

/**
 * The compression methods of a version, by name. Costs no hello where the first one of the search
 * offered them all and NULL was picked.
 */
export async function findCompressors(
  prober: Prober,
  version: VersionCode,
  accepted: readonly Accepted[],
): Promise<string[]> {
  const found = new Set<number>();
  const first = accepted[0];
  let picked = first?.wasAskedAll === true ? first.flight.hello?.compressor : undefined;
  for (;;) {
    if (picked !== undefined) found.add(picked);
    const offered = COMPRESSORS.filter((method) => method === 0 || !found.has(method));
    if (found.has(0) || offered.length === 1) break;
    const answer = await prober.hello({
      version,
      suites: accepted.slice(0, FEW_SUITES).map(({ suite }) => suite),
      compressors: offered,
    });
    const next = answer.kind === "flight" ? answer.flight.hello?.compressor : undefined;
    // No answer to a hello with compression: that server says no to it. One that picks what was not
    // offered would do so for ever.
    if (next === undefined || !offered.includes(next)) break;
    picked = next;
  }
  // NULL is what all the other hellos were answered with.
  found.add(0);
  return [...found].map((method) => NAMES[method] ?? String(method)).toSorted();
}
