import { ByteReader } from "../lib/byte-reader.ts";

/** Signature algorithms by object identifier (RFC 3279, 4055, 5758, 8410, 9882; the rest from the hash's own). */
const ALGORITHMS: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
  "1.2.840.113549.1.1.3": "md4WithRSAEncryption",
  "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
  "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
  "1.3.14.3.2.29": "sha1WithRSA",
  "1.2.840.113549.1.1.10": "rsassaPss",
  "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
  "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
  "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
  "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
  "1.2.840.10040.4.3": "dsa-with-sha1",
  "2.16.840.1.101.3.4.3.1": "dsa-with-sha224",
  "2.16.840.1.101.3.4.3.2": "dsa-with-sha256",
  "1.2.840.10045.4.1": "ecdsa-with-sha1",
  "1.2.840.10045.4.3.1": "ecdsa-with-sha224",
  "1.2.840.10045.4.3.2": "ecdsa-with-sha256",
  "1.2.840.10045.4.3.3": "ecdsa-with-sha384",
  "1.2.840.10045.4.3.4": "ecdsa-with-sha512",
  "1.3.101.112": "ed25519",
  "1.3.101.113": "ed448",
  "2.16.840.1.101.3.4.3.17": "ml-dsa-44",
  "2.16.840.1.101.3.4.3.18": "ml-dsa-65",
  "2.16.840.1.101.3.4.3.19": "ml-dsa-87",
  "1.2.156.10197.1.501": "sm2-with-sm3",
};

/**
 * The algorithm that signed a DER certificate, by its name, or by its object identifier where no register knows it (RFC 5280 §4.1.1.2).
 * Throws `PEER_CERTIFICATE`.
 */
export function certificateSignature(der: Uint8Array): string {
  const certificate = element(new ByteReader(der, "PEER_CERTIFICATE"), "certificate");
  element(certificate, "signed part");
  const algorithm = element(certificate, "signature algorithm");
  const identifier = objectIdentifier(element(algorithm, "signature algorithm's identifier").rest());
  return ALGORITHMS[identifier] ?? identifier;
}

/** The next DER element's content, whatever its tag. */
function element(reader: ByteReader, name: string): ByteReader {
  reader.u8(`${name}'s tag`);
  const first = reader.u8(`${name}'s length`);
  let length = first;
  if (first >= 0x80) {
    length = 0;
    for (let left = first & 0x7f; left > 0; left -= 1) length = length * 256 + reader.u8(`${name}'s length`);
  }
  return reader.sub(length, name);
}

function objectIdentifier(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join(".");
}
