import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { addressText, type GeneralName } from "../../tls/x509-extensions.ts";

/**
 * Whether a certificate's names cover a host (RFC 9525 §6): an address exactly and by iPAddress
 * names alone, a name by DNS names alone, with `*` for one whole label at the left. International
 * names are compared in their ASCII form; the common name counts no more.
 */
export function matchesHost(names: readonly GeneralName[], host: string): boolean {
  const address = bareAddress(host);
  if (address !== undefined)
    return names.some(
      ({ kind, bytes }) => kind === "IP Address" && isSameAddress(addressText(bytes), address),
    );
  const wanted = asciiName(host);
  return (
    wanted !== undefined &&
    names.some(({ kind, value }) => kind === "DNS" && isCovered(wanted, value.toLowerCase()))
  );
}

/** An address without the brackets and the zone that a URL gives it; undefined for a name. */
function bareAddress(host: string): string | undefined {
  const bare = host.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  return isIP(bare) === 0 ? undefined : bare;
}

/**
 * A host name in the form that certificates and hellos carry: lower case, A-labels, without the
 * root's dot (RFC 5890 §2.3.2.1); undefined for what is no name.
 */
export function asciiName(host: string): string | undefined {
  // What is ASCII already is kept, though it may hold characters that no name has.
  const name = /^[ -~]*$/.test(host) ? host.toLowerCase() : domainToASCII(host);
  const bare = name.replace(/\.$/, "");
  return bare === "" ? undefined : bare;
}

/**
 * A pattern is a name in ASCII, its only `*` a whole label before two more (`*.com` would be all of
 * com).
 */
function isCovered(host: string, name: string): boolean {
  const pattern = name.replace(/\.$/, "");
  if (!pattern.startsWith("*.")) return host === pattern && !host.includes("*");
  const dot = host.indexOf(".");
  const rest = pattern.slice(1);
  return dot > 0 && host.slice(dot) === rest && rest.indexOf(".", 1) > 0 && !rest.includes("*");
}

function isSameAddress(a: string, b: string): boolean {
  const [left, right] = [a, b].map(
    (text) => URL.parse(`http://${text.includes(":") ? `[${text}]` : text}/`)?.hostname,
  );
  return left !== undefined && left === right;
}
