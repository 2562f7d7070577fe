import { cipherSuite } from "../tls/cipher-suites.ts";
import { versionName, type VersionCode } from "../tls/client-hello.ts";
import { groupCodes } from "../tls/groups.ts";
import { readKeyScheme } from "../tls/server-key.ts";
import { schemeCodes } from "../tls/signature-schemes.ts";
import type { Flight } from "../tls/server-flight.ts";
import type { Accepted } from "./enumerate.ts";
import { chosenGroup } from "./grade.ts";
import { certificateCurves } from "./handshake/certificate-curves.ts";
import type { Prober } from "./prober.ts";
import { classifyAnswer } from "./verdict.ts";

/** What a version's key exchange may rest on. */
export interface KeyExchangeFacts {
  /** Codes of the groups, in the order in which the server picked them from one offer. */
  readonly groups: readonly number[];
  readonly groupPreference: "server" | "client" | "indeterminate" | undefined;
  /**
   * Codes of the signature schemes, in that order; empty in TLS 1.3, where they are encrypted, and
   * before TLS 1.2.
   */
  readonly schemes: readonly number[];
  /** The flights in which they were seen: each kind of certificate is among them. */
  readonly flights: readonly Flight[];
}

/**
 * Finds the groups and, in TLS 1.2, the signature schemes that a server takes: the ones that it
 * picked are struck out of the next offer, both at once, until
 * it refuses; then what is left of each is offered alone. Only suites with ephemeral elliptic keys
 * are offered, for a server may avoid the question with others.
 */
export async function findKeyExchange(
  prober: Prober,
  version: VersionCode,
  accepted: readonly Accepted[],
): Promise<KeyExchangeFacts | undefined> {
  const suites = accepted
    .map(({ suite }) => suite)
    .filter((suite) => version === 0x0304 || cipherSuite(suite).ephemeral === "ec");
  if (suites.length === 0) return undefined;
  const search = new KeySearch(prober, version, suites);
  for (const { suite, flight } of accepted.slice(0, 1))
    if (suites.includes(suite)) search.learn(flight, suite);
  await search.run();
  return {
    groups: search.groups,
    groupPreference: await search.groupPreference(),
    schemes: search.schemes,
    flights: search.flights,
  };
}

class KeySearch {
  readonly groups: number[] = [];
  readonly schemes: number[] = [];
  readonly flights: Flight[] = [];
  readonly #prober: Prober;
  readonly #version: VersionCode;
  readonly #suites: readonly number[];
  readonly #allGroups: readonly number[];
  readonly #allSchemes: readonly number[];

  constructor(prober: Prober, version: VersionCode, suites: readonly number[]) {
    this.#prober = prober;
    const { groups, schemes } = prober.shapeOf(version);
    this.#allGroups = groups ?? groupCodes(version);
    this.#allSchemes = schemes ?? schemeCodes(version);
    this.#version = version;
    this.#suites = suites;
  }

  async run(): Promise<void> {
    const asksSchemes = this.#version === 0x0303;
    if (asksSchemes) {
      await this.#strikeOut(() => ({
        groups: this.#left(this.#allGroups, this.groups),
        schemes: this.#left(this.#allSchemes, this.schemes),
      }));
      await this.#strikeOut(() => ({
        groups: this.#allGroups,
        schemes: this.#left(this.#allSchemes, this.schemes),
      }));
    }
    await this.#strikeOut(() => ({
      groups: this.#left(this.#allGroups, this.groups),
      schemes: this.#allSchemes,
    }));
    const pinned = this.#pinned();
    if (pinned.length > 0)
      await this.#strikeOut(() => ({
        groups: [...this.#left(this.#allGroups, this.groups), ...pinned],
        schemes: this.#allSchemes,
      }));
  }

  /** Takes what a flight shows; false when it shows nothing new. */
  learn(flight: Flight, suite: number): boolean {
    this.flights.push(flight);
    const known = this.groups.length + this.schemes.length;
    const group = chosenGroup(cipherSuite(suite), flight);
    if (group !== undefined && !this.groups.includes(group)) this.groups.push(group);
    const scheme = this.#version === 0x0303 ? schemeOf(flight, suite) : undefined;
    if (scheme !== undefined && !this.schemes.includes(scheme)) this.schemes.push(scheme);
    return this.groups.length + this.schemes.length > known;
  }

  /** Who decides on the group: all of them offered from the last to the first. */
  async groupPreference(): Promise<KeyExchangeFacts["groupPreference"]> {
    const [first] = this.groups;
    if (this.groups.length < 2) return "indeterminate";
    const answer = await this.#prober.hello({
      version: this.#version,
      suites: this.#suites,
      groups: this.groups.toReversed(),
    });
    const verdict = classifyAnswer(answer, this.#version, this.#suites);
    if (verdict.kind !== "accepted") return undefined;
    return chosenGroup(cipherSuite(verdict.suite), verdict.flight) === first ? "server" : "client";
  }

  async #strikeOut(
    offer: () => { readonly groups: readonly number[]; readonly schemes: readonly number[] },
  ): Promise<void> {
    for (
      let { groups, schemes } = offer();
      groups.length > 0 && schemes.length > 0 && !this.#prober.isOver;
      { groups, schemes } = offer()
    ) {
      const answer = await this.#prober.hello({
        version: this.#version,
        suites: this.#suites,
        groups,
        signatureSchemes: schemes,
      });
      const verdict = classifyAnswer(answer, this.#version, this.#suites);
      const isTrouble =
        verdict.kind === "unreachable" || (verdict.kind === "failed" && verdict.isSilent);
      if (isTrouble)
        this.#prober.note(
          `${versionName(this.#version)} groups`,
          `there may be more than were found: ${verdict.reason}`,
        );
      // A server that picks what it has picked before does not look at the offer.
      if (verdict.kind !== "accepted" || !this.learn(verdict.flight, verdict.suite)) return;
    }
  }

  #left(all: readonly number[], found: readonly number[]): readonly number[] {
    return all.filter((code) => !found.includes(code));
  }

  /** The curves of elliptic certificates that were struck out (`certificateCurves`). */
  #pinned(): readonly number[] {
    if (this.#version === 0x0304) return [];
    const leaves = new Map(
      this.flights.map(({ certificates: [leaf] }) => [
        leaf === undefined ? "" : Buffer.from(leaf).toString("base64"),
        leaf,
      ]),
    );
    const curves = certificateCurves([...leaves.values()].filter((leaf) => leaf !== undefined));
    return curves.filter((code) => this.groups.includes(code));
  }
}

function schemeOf({ keyExchange }: Flight, suite: number): number | undefined {
  try {
    return keyExchange === undefined ? undefined : readKeyScheme(keyExchange, cipherSuite(suite));
  } catch {
    // A broken message tells nothing; the group was picked all the same.
    return undefined;
  }
}
