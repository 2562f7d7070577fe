import { ByteReader } from "../../lib/byte-reader.ts";
import { ByteWriter } from "../../lib/byte-writer.ts";
import type { Framing, Wire } from "../wire.ts";
import type { PlainStream } from "./plain-stream.ts";
import type { Talk } from "./text-dialogues.ts";

/** PostgreSQL's SSLRequest (protocol 3.0, "Message Formats"): one byte answers. */
export const postgresql: Talk = async (stream) => {
  stream.send(Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f));
  const [answer] = await stream.bytes(1);
  if (answer === 0x53) return;
  if (answer === 0x4e) {
    if (stream.hasMore) throw stream.isOther("it goes on behind its N");
    throw stream.refuses("the server says N: it was set up without TLS");
  }
  if (answer !== 0x45) throw stream.isOther("it does not answer an SSLRequest");
  // ErrorResponse: its length, then a severity. One letter alone may be the first of any word.
  const [a = 0, b = 0, , , code] = await stream.bytes(5);
  throw a === 0 && b === 0 && code === 0x53
    ? stream.refuses("the server answers with an error")
    : stream.isOther("it does not answer an SSLRequest");
};

const MYSQL_SSL = 0x0800;

/**
 * MySQL and MariaDB: the server's handshake says whether it can, an SSLRequest begins ("Connection
 * Phase").
 */
export const mysql: Talk = async (stream) => {
  const header = await stream.bytes(4);
  const length = (header[0] ?? 0) | ((header[1] ?? 0) << 8) | ((header[2] ?? 0) << 16);
  if (header[3] !== 0 || length < 10 || length > 4096)
    throw stream.isOther("it does not greet as MySQL does");
  const greeting = new ByteReader(await stream.bytes(length), "PEER_PROTOCOL");
  const version = greeting.u8("protocol version");
  // An error instead of the greeting: too many connections, this host is not allowed.
  if (version === 0xff)
    throw stream.turnsAway(
      Buffer.from(greeting.take(greeting.left, "message").subarray(2)).toString("latin1"),
    );
  if (version !== 10) throw stream.isOther("it does not greet as MySQL does");
  while (greeting.u8("server version") !== 0);
  greeting.take(13, "thread id and salt");
  const abilities = greeting.u8("capabilities") | (greeting.u8("capabilities") << 8);
  if ((abilities & MYSQL_SSL) === 0) throw stream.refuses("the server was set up without TLS");
  stream.send(mysqlPacket(1, mysqlClient()));
};

/** One packet: 3 bytes of length and its number ("MySQL Packets"). */
function mysqlPacket(number: number, body: Uint8Array): Uint8Array {
  const header = new ByteWriter().u32LE((number << 24) | body.length).finish();
  return Buffer.concat([header, body]);
}

/**
 * What SSLRequest is, and HandshakeResponse41 begins with: CLIENT_LONG_PASSWORD, PROTOCOL_41, SSL,
 * SECURE_CONNECTION, PLUGIN_AUTH; packets of up to 16 MiB; utf8.
 */
function mysqlClient(): Uint8Array {
  return new ByteWriter()
    .u32LE(0x0008_8a01)
    .u32LE(0x0100_0000)
    .u8(33)
    .bytes(new Uint8Array(23))
    .finish();
}

/**
 * A login that must fail, inside TLS: the answer to a challenge that was not looked at. Only who gets
 * so far is not counted by `max_connect_errors` (MariaDB's and MySQL's sql_acl.cc: a refused login is
 * no handshake error).
 */
export const MYSQL_LOGIN: Uint8Array = mysqlPacket(
  2,
  Buffer.concat([
    mysqlClient(),
    Buffer.from("saker\0\x14", "latin1"),
    Buffer.alloc(20, 0x5a),
    Buffer.from("mysql_native_password\0", "latin1"),
  ]),
);

/** LDAP's StartTLS (RFC 4511 §4.14): an extended request, in BER. */
export const ldap: Talk = async (stream) => {
  const name = new TextEncoder().encode("1.3.6.1.4.1.1466.20037");
  stream.send(
    new ByteWriter()
      .bytes(Uint8Array.of(0x30, 0x1d, 2, 1, 1, 0x77, 0x18, 0x80, name.length))
      .bytes(name)
      .finish(),
  );
  const head = await stream.bytes(2);
  if (head[0] !== 0x30) throw stream.isOther("it does not answer in LDAP");
  const length = await berLength(stream, head[1] ?? 0);
  const body = await stream.bytes(length);
  const at = Buffer.from(body).indexOf(Buffer.of(0x0a, 1));
  // ExtendedResponse, or a notice of disconnection with message id 0.
  if (body[0] !== 2 || !body.includes(0x78) || at < 0)
    throw stream.isOther("it does not answer an extended request");
  if (body[at + 2] !== 0) throw stream.refuses(`result code ${body[at + 2]}`);
};

async function berLength(stream: PlainStream, first: number): Promise<number> {
  if (first < 0x80) return first;
  const bytes = await stream.bytes(first & 0x7f);
  const length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  if (length > 4096) throw stream.isOther(`its answer claims ${length} bytes`);
  return length;
}

/**
 * RDP ([MS-RDPBCGR] §2.2.1.1): a connection request that offers TLS and CredSSP, which is TLS, too.
 */
export const rdp: Talk = async (stream) => {
  stream.send(Uint8Array.of(3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0));
  const head = await stream.bytes(4);
  const length = ((head[2] ?? 0) << 8) | (head[3] ?? 0);
  if (head[0] !== 3 || head[1] !== 0 || length < 11 || length > 512)
    throw stream.isOther("it does not answer as RDP does");
  const body = await stream.bytes(length - 4);
  if (body[1] !== 0xd0) throw stream.isOther("it does not confirm the connection");
  if (body[7] === 3) throw stream.refuses(`failure code ${body[11]}`);
  if (body[7] !== 2 || (body[11] ?? 0) === 0)
    throw stream.refuses("the server speaks RDP's own encryption only");
};

const [TDS_RESPONSE, TDS_PRELOGIN] = [0x04, 0x12];

/**
 * MS-SQL ([MS-TDS] §2.2.6.5): PRELOGIN asks, and the handshake's records then travel in packets of
 * the same kind.
 */
export const mssql: Talk = async (stream) => {
  const options = new ByteWriter()
    .u8(0)
    .u16(11)
    .u16(6)
    .u8(1)
    .u16(17)
    .u16(1)
    .u8(0xff)
    .bytes(Uint8Array.of(9, 0, 0, 0, 0, 0, 1))
    .finish();
  stream.send(tdsPacket(options));
  const head = new ByteReader(await stream.bytes(8), "PEER_PROTOCOL");
  const [type] = [head.u8("packet type"), head.u8("status")];
  const length = head.u16("length");
  if (type !== TDS_RESPONSE || length < 9 || length > 4096)
    throw stream.isOther("it does not answer as MS-SQL does");
  const body = await stream.bytes(length - 8);
  const encryption = preloginOption(body, 1);
  if (encryption === undefined || encryption === 2)
    throw stream.refuses("the server was set up without TLS");
};

function tdsPacket(content: Uint8Array): Uint8Array {
  return new ByteWriter()
    .u8(TDS_PRELOGIN)
    .u8(1)
    .u16(content.length + 8)
    .u32(0)
    .bytes(content)
    .finish();
}

function preloginOption(body: Uint8Array, wanted: number): number | undefined {
  for (let at = 0; at + 5 <= body.length && body[at] !== 0xff; at += 5) {
    if (body[at] === wanted) return body[((body[at + 1] ?? 0) << 8) | (body[at + 2] ?? 0)];
  }
  return undefined;
}

/** Wraps what is written and unwraps what is read. */
export function tdsFraming(): Framing {
  let rest: Uint8Array = new Uint8Array(0);
  return {
    seal: tdsPacket,
    open: (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      const contents: Uint8Array[] = [];
      for (;;) {
        const length = ((rest[2] ?? 0) << 8) | (rest[3] ?? 0);
        // A record that stands by itself: the server has left the framing, as it may at an alert.
        if (rest.length > 0 && rest[0] !== TDS_PRELOGIN && rest[0] !== TDS_RESPONSE)
          return taken(rest);
        if (rest.length < 8 || rest.length < length || length < 8) break;
        contents.push(rest.subarray(8, length));
        rest = rest.subarray(length);
      }
      return Buffer.concat(contents);
    },
  };

  function taken(bytes: Uint8Array): Uint8Array {
    rest = new Uint8Array(0);
    return bytes;
  }
}

/** Sets a dialogue's framing on the wire. */
export function frame(wire: Wire): void {
  wire.framing = tdsFraming();
}

const [VENCRYPT, OLD_TLS] = [19, 18];

/**
 * VNC (RFC 6143 §7.1) with the security type VeNCrypt, X.509 before anonymous kinds; or the older
 * type TLS.
 */
export const vnc: Talk = async (stream) => {
  const version = Buffer.from(await stream.bytes(12)).toString("latin1");
  if (!version.startsWith("RFB ")) throw stream.isOther("it does not greet as VNC does");
  if (version < "RFB 003.007")
    throw stream.refuses(`version ${version.trim()} has no choice of security`);
  stream.send("RFB 003.008\n");
  const [count = 0] = await stream.bytes(1);
  if (count === 0) throw stream.refuses("the server offers no security type");
  const types = await stream.bytes(count);
  if (!types.includes(VENCRYPT)) {
    if (!types.includes(OLD_TLS))
      throw stream.refuses(`security types ${types.join(", ")} have no TLS`);
    stream.send(Uint8Array.of(OLD_TLS));
    return;
  }
  stream.send(Uint8Array.of(VENCRYPT));
  await stream.bytes(2);
  stream.send(Uint8Array.of(0, 2));
  if ((await stream.bytes(1))[0] !== 0) throw stream.refuses("VeNCrypt 0.2 is not taken");
  const [kinds = 0] = await stream.bytes(1);
  const list = new ByteReader(await stream.bytes(kinds * 4), "PEER_PROTOCOL");
  const offered = Array.from({ length: kinds }, () => list.u32("kind"));
  // 257 to 259 are anonymous, 260 to 262 have certificates.
  const kind =
    offered.find((one) => one >= 260 && one <= 262) ??
    offered.find((one) => one >= 257 && one <= 259);
  if (kind === undefined)
    throw stream.refuses(`VeNCrypt's kinds ${offered.join(", ")} have no TLS`);
  stream.send(new ByteWriter().u32(kind).finish());
  if ((await stream.bytes(1))[0] !== 1) throw stream.refuses("the chosen kind is refused");
};

/**
 * AMQP 1.0 §5.2: a header of protocol 2 is echoed. Older versions of AMQP have TLS from the first
 * byte or not at all.
 */
export const amqp: Talk = async (stream) => {
  const header = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 2, 1, 0, 0);
  stream.send(header);
  const answer = await stream.bytes(8);
  if (Buffer.from(answer.subarray(0, 4)).toString("latin1") !== "AMQP")
    throw stream.isOther("it does not answer as AMQP does");
  if (answer[4] !== 2) throw stream.refuses(`it wants protocol ${answer.subarray(4).join(".")}`);
};
