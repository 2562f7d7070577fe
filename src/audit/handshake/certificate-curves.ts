import { groupCode } from "../../tls/groups.ts";
import { readPublicKey } from "../../tls/public-key.ts";
import { readX509 } from "../../tls/x509.ts";

/**
 * The codes of the curves that leaf certificates (DER) have their keys on, each once: before TLS
 * 1.3 a server needs the client to know its certificate's curve (RFC 8422 §5.1).
 */
export function certificateCurves(leaves: Iterable<Uint8Array>): readonly number[] {
  const codes = [...leaves].map((leaf) => {
    const curve = curveOf(leaf);
    return curve === undefined ? undefined : groupCode(curve);
  });
  return [...new Set(codes.filter((code) => code !== undefined))];
}

function curveOf(leaf: Uint8Array): string | undefined {
  try {
    return readPublicKey(readX509(leaf)).curve;
  } catch {
    // What is odd about a certificate is told where certificates are read.
    return undefined;
  }
}
