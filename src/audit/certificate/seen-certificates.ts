import { messageOf } from "../../lib/errors.ts";
import { EXTENSION } from "../../tls/client-hello.ts";
import type { Flight } from "../../tls/server-flight.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import type { SentChain } from "./chain-report.ts";

/** What of a flight tells of certificates. */
export type ShownCertificates = Pick<Flight, "certificates" | "ocspResponse"> & {
  readonly hello?: Flight["hello"];
  /** The body of signed_certificate_timestamp, where it is not the ServerHello's. */
  readonly sctList?: Uint8Array | undefined;
};

/** Most chains of one target that are kept: a server has one for each kind of key. */
const MAX_CHAINS = 16;

interface SeenChain {
  readonly sent: readonly [Certificate, ...Certificate[]];
  readonly protocols: Set<string>;
  ocspResponse: Uint8Array | undefined;
  sctList: Uint8Array | undefined;
}

/**
 * The certificates of one target, each read once: a server shows the same ones with nearly every
 * suite.
 */
export class SeenCertificates {
  readonly #byDer = new Map<string, Certificate | undefined>();
  readonly #chains = new Map<string, SeenChain>();
  /** Why some could not be read; each reason once. */
  readonly faults = new Set<string>();

  /**
   * Keeps a flight's chain and gives its leaf; undefined when there is none, or when it cannot be
   * read.
   */
  add(
    { certificates, ocspResponse, hello, sctList }: ShownCertificates,
    protocol: string,
  ): Certificate | undefined {
    const read = certificates.map((der) => this.#read(der));
    const [leaf] = read;
    if (leaf === undefined) return undefined;
    const key = leaf.report.fingerprintSha256;
    let chain = this.#chains.get(key);
    if (chain === undefined) {
      const rest = read.slice(1).filter((certificate) => certificate !== undefined);
      chain = {
        sent: [leaf, ...rest],
        protocols: new Set(),
        ocspResponse: undefined,
        sctList: undefined,
      };
      if (this.#chains.size < MAX_CHAINS) this.#chains.set(key, chain);
    }
    chain.protocols.add(protocol);
    chain.ocspResponse ??= ocspResponse;
    chain.sctList ??= sctList ?? hello?.extensions.get(EXTENSION.signedCertificateTimestamp);
    return leaf;
  }

  #read(der: Uint8Array): Certificate | undefined {
    const key = Buffer.from(der).toString("latin1");
    if (this.#byDer.has(key)) return this.#byDer.get(key);
    let certificate: Certificate | undefined;
    try {
      certificate = readCertificate(der);
    } catch (thrown) {
      // Odd certificates exist; the audit goes on without theirs, and says so.
      this.faults.add(messageOf(thrown));
    }
    this.#byDer.set(key, certificate);
    return certificate;
  }

  /** True until a chain was seen, readable or not. */
  get isEmpty(): boolean {
    return this.#byDer.size === 0;
  }

  /** All that could be read, in the order they were first seen. */
  get all(): Certificate[] {
    return [...this.#byDer.values()].filter((certificate) => certificate !== undefined);
  }

  /** One for each leaf. */
  get chains(): SentChain[] {
    return [...this.#chains.values()].map((chain) => ({
      ...chain,
      protocols: [...chain.protocols],
    }));
  }
}
