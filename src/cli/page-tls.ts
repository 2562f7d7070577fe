import { dirname, join } from "node:path";
import type { WebSettings } from "../config/settings.ts";
import type { PageTls } from "../history/messages.ts";
import { AppError } from "../lib/errors.ts";

/**
 * What TLS the page is served with: the certificate that is given, else one of Saker's own, beside the
 * token. Undefined for plain HTTP: on loopback, and elsewhere where that is forced. Throws
 * `CONFIG_WEB`.
 */
export function pageTls(web: WebSettings, tokenFile: string): PageTls | undefined {
  const { address, certificate, key, tls, insecure } = web;
  if (certificate !== undefined && key !== undefined) return { kind: "given", certificate, key };
  if (certificate !== undefined || key !== undefined)
    throw new AppError(
      "CONFIG_WEB",
      "Cannot serve the page: a certificate and its key go together",
      { hint: "set both web.certificate and web.key" },
    );
  const isLoopback = /^127\.|^::1$|^localhost$/.test(address);
  if (!tls && (isLoopback || insecure)) return undefined;
  return { kind: "self-signed", file: join(dirname(tokenFile), "page.pem") };
}
