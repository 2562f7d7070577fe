import type { VersionCode } from "../tls/client-hello.ts";
import type { Accepted } from "./enumerate.ts";
import type { Prober } from "./prober.ts";
import { cipherSuite } from "../tls/cipher-suites.ts";

export interface Preference {
  readonly preference: "server" | "client" | "indeterminate" | undefined;
  readonly error: string | undefined;
}

/**
 * Who decides on the suite: the accepted ones are offered from the last to the first. A server with an order of its own picks the same as before,
 * one that follows the client picks the other end. ChaCha20 is left out where it can be: servers move it to the front for clients that
 * put it there first, which says nothing of the others.
 */
export async function findPreference(prober: Prober, version: VersionCode, accepted: readonly Accepted[]): Promise<Preference> {
  if (accepted.length < 2) return { preference: "indeterminate", error: "Too few ciphers supported" };
  const all = accepted.map(({ suite }) => suite);
  const plain = all.filter((suite) => cipherSuite(suite).cipher !== "CHACHA20");
  const offered = plain.length >= 2 ? plain : all;
  const [first, last] = [offered[0], offered.at(-1)];
  const answer = await prober.hello({ version, suites: offered.toReversed() });
  const picked = answer.kind === "flight" ? answer.flight.hello?.suite : undefined;
  if (picked === undefined || first === undefined || last === undefined) {
    return { preference: undefined, error: `Error when comparing ${cipherSuite(first ?? 0).name} and ${cipherSuite(last ?? 0).name}` };
  }
  return { preference: picked === last ? "client" : "server", error: undefined };
}
