import type { Answer } from "./connection.ts";
import type { Prober } from "./prober.ts";

/** What protocols say first, or to a hello that they do not understand. */
const SIGNS: readonly (readonly [speaks: string, sign: RegExp])[] = [
  ["http", /^HTTP\/\d/],
  ["ssh", /^SSH-\d/],
  ["smtp", /^220[ -].*(?:SMTP|ESMTP|Postfix|Exim)/i],
  ["ftp", /^220[ -]/],
  ["imap", /^\* (?:OK|PREAUTH|BYE)/],
  ["pop3", /^\+OK/],
  ["redis", /^-(?:ERR|NOAUTH|DENIED)/],
  ["nats", /^INFO \{/],
  ["mysql", /^.\0\0\0\n\d+\.\d+/s],
  ["memcached", /^(?:ERROR\r\n)+/],
  ["vnc", /^RFB \d{3}\./],
  ["xmpp", /^<\?xml[^>]*>\s*<stream/],
  ["amqp", /^AMQP/],
  ["http", /<html|<!doctype html/i],
];

/** What a port without TLS speaks: by its answer to the hello, else by what it says to an HTTP request. */
export async function identifyPlain(prober: Prober, first: Answer, host: string): Promise<string | undefined> {
  const said = first.kind === "plain" ? recognise(first.bytes) : undefined;
  if (said !== undefined) return said;
  const request = `GET / HTTP/1.0\r\nHost: ${host.replace(/[^\w.:[\]-]/g, "")}\r\nConnection: close\r\n\r\n`;
  const answer = await prober.send(new TextEncoder().encode(request));
  if (answer.kind === "plain") return recognise(answer.bytes) ?? "unknown";
  if (first.kind === "plain") return "unknown";
  return answer.kind === "nothing" && answer.ending === "silent" ? "silent" : undefined;
}

function recognise(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString("latin1");
  return SIGNS.find(([, sign]) => sign.test(text))?.[0];
}
