import { randomBytes } from "node:crypto";
import { AppError } from "../../lib/errors.ts";
import type { DatagramDoor } from "../../ports/datagram.ts";
import { type Alert, alertText } from "../../tls/alerts.ts";
import { cipherSuite } from "../../tls/cipher-suites.ts";
import { groupName } from "../../tls/groups.ts";
import {
  encodeQuicQuestion,
  QUIC_VERSIONS,
  type QuicVersion,
  quicVersionName,
  readQuicVersions,
} from "../../tls/quic.ts";
import { SeenCertificates } from "../certificate/seen-certificates.ts";
import { COMPUTED_GROUPS, generateKey } from "../handshake/key-agreement.ts";
import type { Answerer } from "../preference.ts";
import { namedSuite } from "../protocol-report.ts";
import type { DatagramReport, ProtocolReport } from "../report.ts";
import { certificatesOf, type DatagramOptions } from "./datagram-options.ts";
import { findSuites } from "./find-suites.ts";
import { QuicHandshake } from "./quic-handshake.ts";
import { reportSuites } from "./report-suites.ts";

/** Groups whose key fits the first datagram beside the rest of the hello. */
const SHORT_GROUPS = COMPUTED_GROUPS.filter((code) => code < 0x100);

/**
 * The QUIC versions of a port, with suite, group, application protocol and certificates of the best
 * that we can speak; undefined when it speaks no QUIC.
 */
export async function examineQuic(
  open: () => Promise<DatagramDoor>,
  options: DatagramOptions,
): Promise<DatagramReport | undefined> {
  const codes = await askVersions(open, options);
  if (codes === undefined) return undefined;
  options.onSpoken?.();
  const versions = codes.map(quicVersionName);
  const version = QUIC_VERSIONS.find(({ code }) => codes.includes(code));
  if (version === undefined)
    options.note("quic", "certificate and suite could not be read: we speak none of its versions");
  return {
    versions,
    ...(version === undefined ? { certificates: [] } : await shakeHands(open, version, options)),
  };
}

async function askVersions(
  open: () => Promise<DatagramDoor>,
  { signal, silenceMs }: DatagramOptions,
): Promise<readonly number[] | undefined> {
  const ids = { destination: randomBytes(8), source: randomBytes(8) };
  const door = await open();
  try {
    for (let turn = 0; turn < TURNS && !signal.aborted; turn += 1) {
      door.send(encodeQuicQuestion(ids));
      const answer = await door.receive(silenceMs / TURNS);
      if (answer === "refused") return undefined;
      if (answer !== "silent") return readQuicVersions(answer, ids);
    }
  } catch {
    // A packet cut short: not QUIC.
  } finally {
    door.close();
  }
  return undefined;
}

async function shakeHands(
  open: () => Promise<DatagramDoor>,
  version: QuicVersion,
  options: DatagramOptions,
): Promise<Omit<DatagramReport, "versions">> {
  try {
    const first = await converse(open, version, { groups: SHORT_GROUPS, options });
    const asked = first.retryGroup;
    const groups = asked === undefined || !SHORT_GROUPS.includes(asked) ? SHORT_GROUPS : [asked];
    const last =
      groups === SHORT_GROUPS ? first : await converse(open, version, { groups, options });
    const { hello, alpn, certificates } = last;
    if (certificates.length === 0)
      options.note("quic", `certificate could not be read: ${closing(last)}`);
    const isPicked = hello !== undefined && !hello.isRetryRequest;
    return {
      ...(isPicked ? { cipher: namedSuite(cipherSuite(hello.suite)) } : {}),
      ...(isPicked && hello.group !== undefined ? { group: groupName(hello.group) } : {}),
      ...(alpn === undefined ? {} : { alpn: [alpn] }),
      ...(hello === undefined
        ? {}
        : {
            protocols: await suitesOf(
              answererOf(open, version, { groups, options }),
              version,
              options,
            ),
          }),
      certificates: certificatesOf(certificates),
    };
  } catch (thrown) {
    options.note("quic", thrown instanceof Error ? thrown.message : String(thrown));
    return { certificates: [] };
  }
}

/** How the server has ended a handshake, in words. */
function closing({ close }: QuicHandshake): string {
  if (close === undefined) return "no answer";
  const { alert, text } = close;
  return `the server ended with ${alert === undefined ? text : alertText(alertOf(alert))}`;
}

function alertOf(description: number): Alert {
  return { level: 2, description, recordVersion: 0 };
}

/** All suites of TLS 1.3: the server may know more of them than we. */
async function suitesOf(
  answerer: Answerer,
  { name }: QuicVersion,
  { note }: DatagramOptions,
): Promise<Record<string, ProtocolReport>> {
  const suites = await findSuites(answerer, 0x0304);
  if (suites.runs.length === 0) return {};
  const seen = new SeenCertificates();
  return { [name]: await reportSuites(answerer, { version: 0x0304, name, suites, seen, note }) };
}

/** Asks for suites, and leaves each handshake at the ServerHello: it is in the clear. */
function answererOf(
  open: () => Promise<DatagramDoor>,
  version: QuicVersion,
  conversation: Conversation,
): Answerer {
  return {
    hello: async ({ suites }) => {
      const handshake = await converse(open, version, { ...conversation, suites });
      if (!handshake.hasHeard) return { kind: "nothing", ending: "silent" };
      const { hello, close } = handshake;
      return {
        kind: "flight",
        ending: handshake.isDone ? "done" : "silent",
        flight: {
          hello,
          alert: close?.alert === undefined ? undefined : alertOf(close.alert),
          certificates: [],
          keyExchange: undefined,
          ocspResponse: undefined,
          wantsClientCertificate: false,
        },
        ...(close === undefined ? {} : { fault: closing(handshake) }),
      };
    },
  };
}

interface Conversation {
  readonly groups: readonly number[];
  readonly options: DatagramOptions;
  /** Only these, and nothing behind the ServerHello. */
  readonly suites?: readonly number[];
}

/**
 * One handshake, left as soon as everything is read. What was not answered is sent again after 250
 * ms, 500 ms, … Throws `PEER_TLS`.
 */
async function converse(
  open: () => Promise<DatagramDoor>,
  version: QuicVersion,
  { groups, options, suites }: Conversation,
): Promise<QuicHandshake> {
  const key = generateKey(groups);
  if (key === undefined)
    throw new AppError(
      "BUG_QUIC_GROUP",
      `Cannot ask for a QUIC handshake: none of the groups ${groups.join(", ")} can be computed`,
    );
  const handshake = new QuicHandshake({
    version,
    serverName: options.serverName,
    key,
    groups,
    ...(suites === undefined ? {} : { suites, isHelloOnly: true }),
  });
  const door = await open();
  try {
    door.send(handshake.next());
    let [pause, waited] = [FIRST_PAUSE_MS, 0];
    for (
      let turn = 0;
      turn < MAX_DATAGRAMS &&
      !handshake.isDone &&
      !options.signal.aborted &&
      waited < HANDSHAKE_SILENCE_MS;
      turn += 1
    ) {
      const wait = Math.min(pause, HANDSHAKE_SILENCE_MS - waited);
      const answer = await door.receive(wait);
      if (answer === "refused") break;
      if (answer === "silent") {
        waited += wait;
        pause *= 2;
        door.send(handshake.next());
      } else if (handshake.push(answer) && !handshake.isDone) door.send(handshake.next());
    }
    return handshake;
  } finally {
    door.send(handshake.farewell());
    door.close();
  }
}

/** One lost datagram is borne. */
const TURNS = 2;

const FIRST_PAUSE_MS = 250;
/** Of a server that has told its versions. */
const HANDSHAKE_SILENCE_MS = 2000;
/** A flight has about five; the rest is for repetitions. */
const MAX_DATAGRAMS = 64;
