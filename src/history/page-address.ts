import { isIPv6 } from "node:net";
import type { WebSettings } from "./messages.ts";

/** `http://127.0.0.1:2803/login?once=…`: the page's address with a word for one login. */
export function pageAddress(
  { address, tls }: Pick<WebSettings, "address" | "tls">,
  port: number,
  word: string,
): string {
  const isAny = address === "0.0.0.0" || address === "::";
  const host = isAny ? "127.0.0.1" : isIPv6(address) ? `[${address}]` : address;
  const scheme = tls === undefined ? "http" : "https";
  return `${scheme}://${host}:${port}/login?once=${word}`;
}
