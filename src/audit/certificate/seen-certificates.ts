import { EXTENSION } from "../../tls/client-hello.ts";
import type { Flight } from "../../tls/server-flight.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import type { SentChain } from "./chain-report.ts";

/** What of a flight tells of certificates. */
export type ShownCertificates = Pick<Flight, "certificates" | "ocspResponse"> & {
  readonly hello?: Flight["hello"];
  /** The body of signed_certificate_timestamp, where it is not the ServerHello's. */
  readonly sctList?: Uint8Array | undefined;
  /** The scheme of TLS 1.3 that the handshake was signed with. */
  readonly scheme?: number | undefined;
};

/** Most chains of one target that are kept: a server has one for each kind of key. */
const MAX_CHAINS = 16;

interface SeenChain {
  readonly sent: readonly [Certificate, ...Certificate[]];
  readonly protocols: Set<string>;
  readonly schemes: Set<number>;
  ocspResponse: Uint8Array | undefined;
  sctList: Uint8Array | undefined;
}

/**
 * The certificates of one target, each read once: a server shows the same ones with nearly every
 * suite.
 */
export class SeenCertificates {
  readonly #byDer = new Map<string, Certificate>();
  readonly #chains = new Map<string, SeenChain>();

  /** Keeps a flight's chain and gives its leaf; undefined when there is none. */
  add(
    { certificates, ocspResponse, hello, sctList, scheme }: ShownCertificates,
    protocol: string,
  ): Certificate | undefined {
    const [leaf, ...above] = certificates.map((der) => this.#read(der));
    if (leaf === undefined) return undefined;
    const key = leaf.report.fingerprintSha256;
    let chain = this.#chains.get(key);
    if (chain === undefined) {
      chain = {
        sent: [leaf, ...above],
        protocols: new Set(),
        schemes: new Set(),
        ocspResponse: undefined,
        sctList: undefined,
      };
      if (this.#chains.size < MAX_CHAINS) this.#chains.set(key, chain);
    }
    chain.protocols.add(protocol);
    if (scheme !== undefined) chain.schemes.add(scheme);
    chain.ocspResponse ??= ocspResponse;
    chain.sctList ??= sctList ?? hello?.extensions.get(EXTENSION.signedCertificateTimestamp);
    return leaf;
  }

  #read(der: Uint8Array): Certificate {
    const key = Buffer.from(der).toString("latin1");
    const certificate = this.#byDer.get(key) ?? readCertificate(der);
    this.#byDer.set(key, certificate);
    return certificate;
  }

  /** True until a chain was seen, readable or not. */
  get isEmpty(): boolean {
    return this.#byDer.size === 0;
  }

  /** All of them, in the order they were first seen. */
  get all(): Certificate[] {
    return [...this.#byDer.values()];
  }

  /** One for each leaf. */
  get chains(): SentChain[] {
    return [...this.#chains.values()].map((chain) => ({
      ...chain,
      protocols: [...chain.protocols],
      schemes: [...chain.schemes],
    }));
  }
}
