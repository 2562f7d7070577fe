import { randomBytes } from "node:crypto";
import type { DatagramDoor } from "../../ports/datagram.ts";
import { CIPHER_SUITES, type CipherSuite, cipherSuite, hasForwardSecrecy } from "../../tls/cipher-suites.ts";
import { COMMON } from "../../tls/client-hello.ts";
import { DatagramFlightReader, DTLS_VERSIONS, encodeDatagramFarewell, encodeDatagramHello, type DtlsVersion } from "../../tls/dtls.ts";
import { readCertificate } from "../certificate.ts";
import type { DatagramReport } from "../report.ts";

export interface DatagramOptions {
  readonly serverName?: string | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds until a port that says nothing is given up. */
  readonly silenceMs: number;
}

/** The DTLS versions of a port, with the suite and the certificates of the newest; undefined when it speaks no DTLS. One silent wait at most. */
export async function examineDtls(open: () => Promise<DatagramDoor>, options: DatagramOptions): Promise<DatagramReport | undefined> {
  const flights = new Map<string, DatagramFlightReader>();
  for (const version of DTLS_VERSIONS) {
    const door = await open();
    const answer = await converse(door, version, options).finally(() => door.close());
    if (answer === undefined) break;
    const chosen = DTLS_VERSIONS.find(({ tls }) => tls === answer.hello?.version);
    if (chosen !== undefined && !flights.has(chosen.name)) flights.set(chosen.name, answer);
  }
  const [newest] = flights.values();
  if (newest?.hello === undefined) return undefined;
  const certificates = newest.certificates.flatMap((der) => readCertificate(der)?.report ?? []);
  const { suite } = newest.hello;
  const id = `0x${suite.toString(16).toUpperCase().padStart(4, "0")}`;
  return { versions: [...flights.keys()], cipher: { id, name: cipherSuite(suite).name }, certificates };
}

/** One handshake's first flight; undefined when nothing that is DTLS came. Our hello is repeated after 250 ms, 500 ms, … (RFC 6347 §4.2.4). */
async function converse(door: DatagramDoor, version: DtlsVersion, { serverName, signal, silenceMs }: DatagramOptions): Promise<DatagramFlightReader | undefined> {
  const hello = { suites: OFFERED, random: randomBytes(32), serverName, ...COMMON };
  let [cookie, turn, reader, hasSpoken] = [new Uint8Array(0), 0, new DatagramFlightReader(), false];
  let [waited, pause] = [0, FIRST_PAUSE_MS];
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
    } catch {
      // Not DTLS, or broken: either way no flight comes of it.
      break;
    }
    hasSpoken = true;
    if (reader.isDone && reader.cookie !== undefined && cookie.length === 0) {
      cookie = new Uint8Array(reader.cookie);
      turn += 1;
      reader = new DatagramFlightReader();
      door.send(encodeDatagramHello(version, hello, { cookie, turn }));
    } else if (reader.isDone) break;
  }
  if (hasSpoken) door.send(encodeDatagramFarewell(turn + 1));
  return hasSpoken ? reader : undefined;
}

const FIRST_PAUSE_MS = 250;

/** Records of ours in one conversation: a cookie and the repetitions. */
const MAX_TURNS = 12;

/** Strongest first, for servers that follow the client. RC4 is no cipher for datagrams (RFC 6347 §4.1.2.2). */
const OFFERED = [...CIPHER_SUITES.values()]
  .filter(({ isOlder, cipher }) => isOlder && cipher !== "RC4")
  .toSorted((a, b) => rank(b) - rank(a))
  .map(({ id }) => id);

function rank(suite: CipherSuite): number {
  const proven = suite.isAnonymous || suite.certificateKey === undefined ? 0 : 4000;
  return proven + (hasForwardSecrecy(suite) ? 2000 : 0) + (suite.isCbc ? 0 : 1000) + (suite.ephemeral === "ec" ? 500 : 0) + suite.bits;
}
