import type { TLSSocket } from "node:tls";
import { tlsClient } from "./handshake/tls-client.ts";
import type { Prober } from "./prober.ts";
import type { Features } from "./report.ts";
import type { Wire } from "./wire.ts";

type HttpFacts = NonNullable<Features["http"]>;

/** Bytes of an answer that are read: heads of real servers are far shorter. */
const MAX_HEAD_BYTES = 32_768;

/** Cookies that are named; a head of that length could bring thousands. */
const MAX_COOKIES = 16;

/**
 * What a web server's answer to `GET /` over TLS says of exposure: Strict-Transport-Security (RFC
 * 6797), where it redirects to, and cookies without Secure (RFC 6265 §4.1.2.5). One connection;
 * nothing of a page is kept. Undefined where no HTTP comes back.
 */
export async function httpFacts(prober: Prober): Promise<HttpFacts | undefined> {
  const answer = await prober.exchange(async (wire) => ({
    head: await ask(wire, prober.serverName ?? "localhost"),
  }));
  return "head" in answer && answer.head !== undefined ? readHttpHead(answer.head) : undefined;
}

async function ask(wire: Wire, host: string): Promise<string | undefined> {
  const socket = wire.release();
  if (socket === undefined) return undefined;
  const tls = tlsClient(socket, { host, alpn: ["http/1.1"] });
  const head = await headOf(tls, host);
  tls.destroy();
  return head;
}

/** The bytes before an answer's empty line; the wire ends what takes too long. */
function headOf(tls: TLSSocket, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const settle = (): void => {
      const end = text.indexOf("\r\n\r\n");
      resolve(end < 0 ? undefined : text.slice(0, end));
    };
    tls.once("secureConnect", () =>
      tls.write(
        `GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: saker\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
      ),
    );
    tls.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      if (text.includes("\r\n\r\n") || text.length > MAX_HEAD_BYTES) settle();
    });
    for (const event of ["error", "end", "close"]) tls.on(event, settle);
  });
}

/** The facts in an answer's status line and header fields; undefined for what is no HTTP. */
export function readHttpHead(head: string): HttpFacts | undefined {
  const [first = "", ...lines] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (status === undefined) return undefined;
  const fields = lines.map((line) => /^([!-9;-~]+):[ \t]*(.*?)[ \t]*$/.exec(line));
  const valuesOf = (name: string): string[] =>
    fields.flatMap((field) => (field?.[1]?.toLowerCase() === name ? [field[2] ?? ""] : []));
  // Of several, the first counts (RFC 6797 §8.1).
  const hsts = readHsts(valuesOf("strict-transport-security")[0]);
  const [location] = valuesOf("location");
  const cookies = valuesOf("set-cookie")
    .filter((cookie) => !/;\s*secure\s*(?:;|$)/i.test(cookie))
    .map((cookie) => cookie.slice(0, cookie.search(/[=;]|$/)).slice(0, 64));
  return {
    status: Number(status),
    ...(location === undefined ? {} : { location: location.slice(0, 200) }),
    ...(hsts === undefined ? {} : { hsts }),
    ...(cookies.length === 0 ? {} : { insecureCookies: cookies.slice(0, MAX_COOKIES) }),
  };
}

/** Without a `max-age` that is a number, the field is none (RFC 6797 §6.1). */
function readHsts(value: string | undefined): HttpFacts["hsts"] {
  const directives = (value ?? "").split(";").map((part) => part.trim().toLowerCase());
  const age = directives
    .map((part) => /^max-age\s*=\s*"?(\d{1,12})"?$/.exec(part)?.[1])
    .find((digits) => digits !== undefined);
  return age === undefined
    ? undefined
    : {
        maxAge: Number(age),
        includesSubdomains: directives.includes("includesubdomains"),
        preload: directives.includes("preload"),
      };
}
