/** A TLS alert as it came. */
export interface Alert {
  readonly level: number;
  readonly description: number;
  /** Version of the record that carried it. */
  readonly recordVersion: number;
}

/** IANA "TLS Alerts": those that servers send before a handshake is complete, and SSL 3.0's own. */
const NAMES: Readonly<Record<number, string>> = {
  0: "close_notify",
  10: "unexpected_message",
  20: "bad_record_mac",
  22: "record_overflow",
  40: "handshake_failure",
  41: "no_certificate",
  42: "bad_certificate",
  47: "illegal_parameter",
  48: "unknown_ca",
  49: "access_denied",
  50: "decode_error",
  51: "decrypt_error",
  60: "export_restriction",
  70: "protocol_version",
  71: "insufficient_security",
  80: "internal_error",
  86: "inappropriate_fallback",
  90: "user_canceled",
  100: "no_renegotiation",
  109: "missing_extension",
  110: "unsupported_extension",
  112: "unrecognized_name",
  115: "unknown_psk_identity",
  116: "certificate_required",
  120: "no_application_protocol",
};

/** `alert 40 (handshake_failure)`; an unknown one by its number alone. */
export function alertText({ description }: Alert): string {
  const name = NAMES[description];
  return name === undefined ? `alert ${description}` : `alert ${description} (${name})`;
}
