import { isIP } from "node:net";
import { addressText, type GeneralName } from "../../tls/x509-extensions.ts";

/**
 * Whether a certificate's names cover a host (RFC 9525 §6): addresses exactly, names with `*` for
 * one whole label at the left. The common name counts no more.
 */
export function matchesHost(names: readonly GeneralName[], host: string): boolean {
  if (isIP(host) !== 0)
    return names.some(
      ({ kind, bytes }) => kind === "IP Address" && isSameAddress(addressText(bytes), host),
    );
  const wanted = canonical(host);
  return names.some(({ kind, value }) => kind === "DNS" && isCovered(wanted, canonical(value)));
}

/** Lower case, in the ASCII form of international names, without the root's dot. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function isCovered(host: string, pattern: string): boolean {
  if (!pattern.startsWith("*.")) return host === pattern;
  const dot = host.indexOf(".");
  // `*.com` would be all of com: a wildcard needs two labels behind it.
  return dot > 0 && host.slice(dot) === pattern.slice(1) && pattern.indexOf(".", 2) > 0;
}

function isSameAddress(a: string, b: string): boolean {
  const [left, right] = [a, b].map(
    (text) => URL.parse(`http://${text.includes(":") ? `[${text}]` : text}/`)?.hostname,
  );
  return left !== undefined && left === right;
}
