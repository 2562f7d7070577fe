import { AppError, messageOf } from "../../lib/errors.ts";
import { FlightReader } from "../../tls/server-flight.ts";
import { type Answer, converse, type Dialogue } from "../connection.ts";
import type { Prober } from "../prober.ts";
import { PlainStream } from "./plain-stream.ts";
import {
  HTTP_REQUEST,
  PLAIN_PROBES,
  PLAIN_SIGNS,
  STARTTLS_PROTOCOLS,
  type StarttlsProtocol,
} from "./protocols.ts";
import type { DialogueContext } from "./text-dialogues.ts";

/** How TLS is reached in a port that did not answer a hello with TLS, or what it speaks instead. */
export type Way =
  | { readonly kind: "starttls"; readonly protocol: string; readonly dialogue: Dialogue }
  /** `refusal`: it has a way to TLS, and does not go it. */
  | { readonly kind: "plain"; readonly speaks: string; readonly refusal?: string }
  /** `hasSpoken`: there was an answer, in no protocol that is known here. */
  | { readonly kind: "none"; readonly hasSpoken?: boolean };

/** One protocol's dialogue for a target. */
export function dialogueOf(
  protocol: StarttlsProtocol,
  context: DialogueContext,
  silenceMs?: number,
): Dialogue {
  return async (wire) => {
    const stream = new PlainStream(wire, protocol.name, silenceMs);
    await protocol.talk(stream, context);
    stream.end();
    protocol.frame?.(wire);
  };
}

/** Looks for the way by what the port said to the hello. */
export async function findByWords(
  prober: Prober,
  bytes: Uint8Array,
  context: DialogueContext,
): Promise<Way> {
  const words = Buffer.from(bytes).toString("latin1");
  const plain = PLAIN_SIGNS.find(([, sign]) => sign.test(words))?.[0];
  if (plain !== undefined && !STARTTLS_PROTOCOLS.some(({ name }) => name === plain))
    return { kind: "plain", speaks: plain };
  const signed = STARTTLS_PROTOCOLS.filter(
    ({ name, sign }) => name === plain || sign?.test(words) === true,
  );
  // A bare 220 may be SMTP's, which FTP servers tell at its first word; and a server of XMPP may
  // want servers.
  const kin =
    signed[0]?.name === "ftp"
      ? ["smtp", "ftp"]
      : signed[0]?.name === "xmpp-client"
        ? ["xmpp-client", "xmpp-server"]
        : undefined;
  for (const protocol of kin === undefined
    ? signed
    : STARTTLS_PROTOCOLS.filter(({ name }) => kin.includes(name))) {
    const way = await tryProtocol(prober, protocol, context);
    if (way.kind !== "none") return way;
  }
  // It greets like one and then has nothing more to say.
  return signed[0] === undefined ? { kind: "none" } : { kind: "plain", speaks: signed[0].name };
}

/** How long one protocol is tried in a port that says nothing by itself. */
const TRY_MS = 1000;

/**
 * Tries protocols in which the client speaks first, all at once; the first that fits ends it. The
 * prober closes what is still open at the audit's end.
 */
export async function findByTrying(prober: Prober, context: DialogueContext): Promise<Way> {
  prober.widen(Number.POSITIVE_INFINITY);
  const asked = PLAIN_PROBES.map(([, request]) => askPlainly(prober, request, context));
  const tried = STARTTLS_PROTOCOLS.filter(({ isTried }) => isTried === true).map((protocol) =>
    tryProtocol(prober, protocol, context),
  );
  const found = [...asked, ...tried].map(async (pending) => {
    const way = await pending;
    if (way.kind === "none")
      throw new AppError("PEER_PROTOCOL", "Cannot speak with the port: it is another protocol");
    return way;
  });
  return Promise.any(found).catch(async (): Promise<Way> => {
    const hasSpoken = (await Promise.all(asked)).some(
      (way) => way.kind === "none" && way.hasSpoken === true,
    );
    return hasSpoken ? { kind: "plain", speaks: "unknown" } : { kind: "none" };
  });
}

/**
 * One dialogue on a connection of its own; with XMPP, for each name in turn until the server serves
 * one.
 */
async function tryProtocol(
  prober: Prober,
  protocol: StarttlsProtocol,
  { names }: DialogueContext,
): Promise<Way> {
  const attempts = protocol.name.startsWith("xmpp") ? names : names.slice(0, 1);
  let refused: Way | undefined;
  for (const name of attempts) {
    const dialogue = dialogueOf(protocol, { names: [name] });
    const quick = dialogueOf(protocol, { names: [name] }, TRY_MS);
    const way = await prober.session(async (wire): Promise<Way> => {
      try {
        await quick(wire);
        return { kind: "starttls", protocol: protocol.name, dialogue };
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown;
        return thrown.code === "PEER_STARTTLS"
          ? { kind: "plain", speaks: protocol.name, refusal: messageOf(thrown) }
          : { kind: "none" };
      }
    });
    if (way.kind === "starttls") return way;
    if (way.kind === "plain") refused = way;
    if (way.kind === "unreachable" || way.kind === "none") break;
  }
  return refused ?? { kind: "none" };
}

async function askPlainly(
  prober: Prober,
  request: Uint8Array,
  context: DialogueContext,
): Promise<Way> {
  const answer = await prober.session(async (wire) => {
    wire.write(request);
    const bytes = await wire.read(TRY_MS);
    return { words: typeof bytes === "string" ? undefined : bytes };
  });
  const words = "words" in answer ? answer.words : undefined;
  if (words === undefined) return { kind: "none" };
  const way = await findByWords(prober, words, context);
  return way.kind === "none" ? { kind: "none", hasSpoken: true } : way;
}

/** What a plain HTTP request is answered with. */
export function askHttp(prober: Prober): Promise<Answer> {
  return prober.session((wire): Promise<Answer> =>
    converse(wire, HTTP_REQUEST, new FlightReader()),
  );
}
