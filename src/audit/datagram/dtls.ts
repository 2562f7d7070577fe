import { randomBytes } from "node:crypto";
import { messageOf } from "../../lib/errors.ts";
import type { DatagramDoor } from "../../ports/datagram.ts";
import { alertText } from "../../tls/alerts.ts";
import {
  CIPHER_SUITES,
  type CipherSuite,
  cipherSuite,
  hasForwardSecrecy,
} from "../../tls/cipher-suites.ts";
import { COMMON } from "../../tls/client-hello.ts";
import {
  DatagramFlightReader,
  DTLS_VERSIONS,
  encodeDatagramFarewell,
  encodeDatagramHello,
  type DtlsVersion,
} from "../../tls/dtls.ts";
import { groupName } from "../../tls/groups.ts";
import { readServerKey } from "../../tls/server-key.ts";
import type { DatagramReport } from "../report.ts";
import { certificatesOf, type DatagramOptions } from "./datagram-options.ts";

/**
 * The DTLS versions of a port, with suite, group and certificates of the newest; undefined when it
 * speaks no DTLS. One silent wait at most.
 */
export async function examineDtls(
  open: () => Promise<DatagramDoor>,
  options: DatagramOptions,
): Promise<DatagramReport | undefined> {
  const flights = new Map<string, DatagramFlightReader>();
  for (const version of DTLS_VERSIONS) {
    const door = await open();
    const answer = await converse(door, version, options).finally(() => door.close());
    if (answer === undefined) break;
    const chosen = DTLS_VERSIONS.find(({ tls }) => tls === answer.reader.hello?.version);
    if (chosen !== undefined && !flights.has(chosen.name)) flights.set(chosen.name, answer.reader);
    const { fault } = answer;
    // That it has no older version is no fault.
    if (fault !== undefined && (flights.size === 0 || !answer.isRefusal))
      options.note("dtls", `${version.name} could not be read: ${fault}`);
  }
  const [newest] = flights.values();
  if (newest?.hello === undefined) return undefined;
  const suite = cipherSuite(newest.hello.suite);
  const key =
    newest.keyExchange === undefined ? undefined : readServerKey(newest.keyExchange, suite);
  return {
    versions: [...flights.keys()],
    cipher: { id: `0x${suite.id.toString(16).toUpperCase().padStart(4, "0")}`, name: suite.name },
    ...(key?.kind === "ec" ? { group: groupName(key.group) } : {}),
    certificates: certificatesOf(newest.certificates),
  };
}

interface Conversation {
  readonly reader: DatagramFlightReader;
  /** Why the flight is not whole. */
  readonly fault: string | undefined;
  /** The server has refused, by an alert. */
  readonly isRefusal: boolean;
}

/**
 * One handshake's first flight; undefined when nothing that is DTLS came. Our hello is repeated
 * after 250 ms, 500 ms, … (RFC 6347 §4.2.4).
 */
async function converse(
  door: DatagramDoor,
  version: DtlsVersion,
  { serverName, signal, silenceMs, onSpoken }: DatagramOptions,
): Promise<Conversation | undefined> {
  const hello = { suites: OFFERED, random: randomBytes(32), serverName, ...COMMON };
  let [cookie, turn, reader, hasSpoken] = [new Uint8Array(0), 0, new DatagramFlightReader(), false];
  let [waited, pause, fault]: [number, number, string | undefined] = [0, FIRST_PAUSE_MS, undefined];
  door.send(encodeDatagramHello(version, hello, { cookie, turn }));
  while (!signal.aborted && waited < silenceMs && turn < MAX_TURNS) {
    const wait = Math.min(pause, silenceMs - waited);
    const answer = await door.receive(wait);
    if (answer === "refused") break;
    if (answer === "silent") {
      waited += wait;
      pause *= 2;
      turn += 1;
      if (waited < silenceMs) door.send(encodeDatagramHello(version, hello, { cookie, turn }));
      continue;
    }
    try {
      reader.push(answer);
    } catch (thrown) {
      // Where nothing was DTLS before, the port speaks something else.
      fault = messageOf(thrown);
      break;
    }
    if (!hasSpoken) onSpoken?.();
    hasSpoken = true;
    if (reader.isDone && reader.cookie !== undefined && cookie.length === 0) {
      cookie = new Uint8Array(reader.cookie);
      turn += 1;
      reader = new DatagramFlightReader();
      door.send(encodeDatagramHello(version, hello, { cookie, turn }));
    } else if (reader.isDone) break;
  }
  if (!hasSpoken) return undefined;
  door.send(encodeDatagramFarewell(turn + 1));
  if (reader.alert !== undefined)
    return { reader, fault: `the server answered ${alertText(reader.alert)}`, isRefusal: true };
  return {
    reader,
    fault: fault ?? (reader.isDone ? undefined : "the server's flight did not come whole"),
    isRefusal: false,
  };
}

const FIRST_PAUSE_MS = 250;

/** Records of ours in one conversation: a cookie and the repetitions. */
const MAX_TURNS = 12;

/**
 * Strongest first, for servers that follow the client. RC4 is no cipher for datagrams (RFC 6347
 * §4.1.2.2).
 */
const OFFERED = [...CIPHER_SUITES.values()]
  .filter(({ isOlder, cipher }) => isOlder && cipher !== "RC4")
  .toSorted((a, b) => rank(b) - rank(a))
  .map(({ id }) => id);

function rank(suite: CipherSuite): number {
  const proven = suite.isAnonymous || suite.certificateKey === undefined ? 0 : 4000;
  return (
    proven +
    (hasForwardSecrecy(suite) ? 2000 : 0) +
    (suite.isCbc ? 0 : 1000) +
    (suite.ephemeral === "ec" ? 500 : 0) +
    suite.bits
  );
}
