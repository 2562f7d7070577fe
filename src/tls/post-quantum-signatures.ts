/**
 * Post-quantum signatures by object identifier, which names key and algorithm alike (NIST "Computer
 * Security Objects Register"; RFC 9881, RFC 9909). The names are OpenSSL's.
 */
export const POST_QUANTUM_SIGNATURES: Readonly<Record<string, string>> = {
  "2.16.840.1.101.3.4.3.17": "ml-dsa-44",
  "2.16.840.1.101.3.4.3.18": "ml-dsa-65",
  "2.16.840.1.101.3.4.3.19": "ml-dsa-87",
  "2.16.840.1.101.3.4.3.20": "slh-dsa-sha2-128s",
  "2.16.840.1.101.3.4.3.21": "slh-dsa-sha2-128f",
  "2.16.840.1.101.3.4.3.22": "slh-dsa-sha2-192s",
  "2.16.840.1.101.3.4.3.23": "slh-dsa-sha2-192f",
  "2.16.840.1.101.3.4.3.24": "slh-dsa-sha2-256s",
  "2.16.840.1.101.3.4.3.25": "slh-dsa-sha2-256f",
  "2.16.840.1.101.3.4.3.26": "slh-dsa-shake-128s",
  "2.16.840.1.101.3.4.3.27": "slh-dsa-shake-128f",
  "2.16.840.1.101.3.4.3.28": "slh-dsa-shake-192s",
  "2.16.840.1.101.3.4.3.29": "slh-dsa-shake-192f",
  "2.16.840.1.101.3.4.3.30": "slh-dsa-shake-256s",
  "2.16.840.1.101.3.4.3.31": "slh-dsa-shake-256f",
};
