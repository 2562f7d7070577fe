// oxlint-disable no-control-regex -- binary protocols' first bytes are told apart here
import { ByteWriter } from "../../lib/byte-writer.ts";
import { type ConnectErrorLimit, MOST_CONNECT_ERRORS } from "../connect-errors.ts";
import type { Wire } from "../wire.ts";
import {
  amqp,
  frame,
  ldap,
  mssql,
  mysql,
  MYSQL_LOGIN,
  postgresql,
  rdp,
  vnc,
} from "./binary-dialogues.ts";
import {
  ftp,
  imap,
  irc,
  nats,
  nntp,
  pop3,
  sieve,
  smtp,
  type Talk,
  xmpp,
} from "./text-dialogues.ts";

/** One protocol in which TLS is asked for. */
export interface StarttlsProtocol {
  /** What `--starttls` and reports call it. */
  readonly name: string;
  /** How its server's first words look; absent where the client speaks first. */
  readonly sign?: RegExp;
  readonly talk: Talk;
  /**
   * Milliseconds that its server may take for a word, where the protocol was named (RFC 5321
   * §4.5.3.2.1 has five minutes for the greeting).
   */
  readonly patienceMs?: number;
  /** What TLS records travel in from then on, while the handshake lasts. */
  readonly frame?: (wire: Wire) => void;
  /** Its server counts connections that end early by address, and blocks one that has too many. */
  readonly connectErrors?: ConnectErrorLimit;
  /** Told from a bare port by trying it. */
  readonly isTried?: boolean;
}

/**
 * All of them. Those that greet with `220` have no signs: only a dialogue tells them apart.
 */
export const STARTTLS_PROTOCOLS: readonly StarttlsProtocol[] = [
  { name: "lmtp", talk: smtp("LHLO"), patienceMs: 300_000 },
  { name: "smtp", talk: smtp("EHLO"), patienceMs: 300_000 },
  { name: "ftp", talk: ftp, patienceMs: 300_000 },
  { name: "imap", sign: /^\* (?:OK|PREAUTH|BYE)/i, talk: imap },
  { name: "pop3", sign: /^\+OK/, talk: pop3 },
  { name: "nntp", sign: /^20[01] /, talk: nntp },
  { name: "sieve", sign: /^"(?:IMPLEMENTATION|SIEVE|SASL)"/i, talk: sieve },
  { name: "nats", sign: /^INFO \{/, talk: nats },
  {
    name: "mysql",
    sign: /^[^]\0\0\0(?:\n\d+\.\d+|\xff)/,
    talk: mysql,
    connectErrors: { most: MOST_CONNECT_ERRORS, leave: MYSQL_LOGIN },
  },
  { name: "vnc", sign: /^RFB \d{3}\./, talk: vnc },
  {
    name: "irc",
    sign: /^(?::\S+ (?:NOTICE|\d{3}|ERROR) |NOTICE (?:AUTH|\*) |ERROR :)/,
    talk: irc,
    isTried: true,
  },
  {
    name: "xmpp-client",
    sign: /^(?:<\?xml[^>]*>\s*)?<stream:/,
    talk: xmpp("jabber:client"),
    isTried: true,
  },
  { name: "xmpp-server", talk: xmpp("jabber:server"), isTried: true },
  { name: "amqp", sign: /^AMQP/, talk: amqp, isTried: true },
  { name: "postgresql", talk: postgresql, isTried: true },
  { name: "ldap", talk: ldap, isTried: true },
  { name: "rdp", talk: rdp, isTried: true },
  { name: "ms-sql", talk: mssql, frame, isTried: true },
];

/** How the greetings of SMTP, LMTP and FTP begin, and what they say to those who spoke too early. */
export const SIGN_OF_220 = /^(?:220|120|4[25]\d|5[0-5]\d)(?:[ -]|\r?\n|$)/;

/**
 * What else a port may speak that has no TLS: told by what it says first, or by its answer to a
 * request of another protocol.
 */
export const PLAIN_SIGNS: readonly (readonly [speaks: string, sign: RegExp])[] = [
  ["http", /^HTTP\/\d/],
  ["ssh", /^SSH-\d/],
  ["redis", /^(?:-(?:ERR|NOAUTH|DENIED|NOPERM)|\+PONG)/],
  ["memcached", /^(?:(?:ERROR|CLIENT_ERROR[^\r]*)\r\n)+/],
  ["mqtt", /^\x20\x02\0[\0-\x05]/],
  ["mongodb", /^.{12}\x01\0\0\0|^.{12}\xdd\x07\0\0/s],
  ["postgresql", /^E[^]{4}S(?:FATAL|ERROR)/],
  ["ldap", /^0[^]{1,4}\x02\x01[^]\x78/],
  ["telnet", /^\xff[\xfb-\xfe]/],
  ["dns", /^[^]{2}SK[\x80-\xff]/],
  ["sip", /^SIP\/\d/],
  ["rtsp", /^RTSP\/\d/],
  ["http", /<html|<!doctype html/i],
];

/**
 * What servers of TLS say to a request in plain text: an alert, or HTTP that leads to https or says
 * that it is wanted. It is no sign of a port without TLS.
 */
export function hintsAtTls(words: string): boolean {
  if (/^\x15\x03[\0-\x04]/.test(words)) return true;
  const [, status] = /^HTTP\/\d\.\d (\d{3})/.exec(words) ?? [];
  if (status === undefined) return false;
  if (/^(?:426|497)$/.test(status) || /^location:\s*https:/im.test(words)) return true;
  return status === "400" && /\b(?:https|ssl|tls)\b/i.test(words);
}

/** It names no host: Redis would take that for an attack, and HTTP 1.0 needs none. */
export const HTTP_REQUEST = new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n");

/**
 * Requests that make clients-first protocols show themselves: short, harmless, and answered with an
 * error at worst.
 */
export const PLAIN_PROBES: readonly (readonly [name: string, request: Uint8Array])[] = [
  ["http", HTTP_REQUEST],
  // For those who want a command line: Redis answers PONG, memcached ERROR.
  ["ping", new TextEncoder().encode("PING\r\n")],
  [
    "mqtt",
    Uint8Array.of(
      0x10,
      16,
      0,
      4,
      0x4d,
      0x51,
      0x54,
      0x54,
      4,
      2,
      0,
      10,
      0,
      4,
      0x73,
      0x61,
      0x6b,
      0x72,
    ),
  ],
  ["mongodb", mongoHello()],
  ["dns", dnsQuery()],
];

/** Who serves the root, with the number `SK`, in a stream (RFC 1035 §4.2.2). */
function dnsQuery(): Uint8Array {
  return Buffer.from("\0\x11SK\x01\0\0\x01\0\0\0\0\0\0\0\0\x02\0\x01", "latin1");
}

/** `{ hello: 1, $db: "admin" }` as an OP_MSG (MongoDB wire protocol). */
function mongoHello(): Uint8Array {
  const fields = Buffer.from("\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0", "latin1");
  const length = 16 + 5 + 4 + fields.length;
  return new ByteWriter()
    .u32LE(length)
    .u32LE(1)
    .u32LE(0)
    .u32LE(2013)
    .u32LE(0)
    .u8(0)
    .u32LE(4 + fields.length)
    .bytes(fields)
    .finish();
}
