import { AppError, messageOf } from "../../lib/errors.ts";
import { FlightReader } from "../../tls/server-flight.ts";
import { type Answer, converse, type Dialogue } from "../connection.ts";
import { firstHello, FIRST_VERSION } from "../enumerate.ts";
import type { Prober } from "../prober.ts";
import type { Wire } from "../wire.ts";
import { PlainStream } from "./plain-stream.ts";
import {
  hintsAtTls,
  HTTP_REQUEST,
  PLAIN_PROBES,
  PLAIN_SIGNS,
  SIGN_OF_220,
  STARTTLS_PROTOCOLS,
  type StarttlsProtocol,
} from "./protocols.ts";
import { type DialogueContext, kinByName, type KinOf220, kinOf220 } from "./text-dialogues.ts";

/** How TLS is reached in a port that did not answer a hello with TLS, or what it speaks instead. */
export type Way =
  /** `first` is what a hello was answered with after the dialogue. */
  | {
      readonly kind: "starttls";
      readonly protocol: string;
      readonly dialogue: Dialogue;
      readonly first: Answer;
    }
  /** `refusal`: it has a way to TLS, and does not go it. */
  | { readonly kind: "plain"; readonly speaks: string; readonly refusal?: string }
  /** It speaks that, and turned us away before anything was known of TLS. */
  | { readonly kind: "rejected"; readonly speaks: string; readonly refusal: string }
  /** It answered as servers of TLS answer those who do not speak it. */
  | { readonly kind: "hint" }
  /** `hasSpoken`: there was an answer, in no protocol that is known here. */
  | { readonly kind: "none"; readonly hasSpoken?: boolean };

/** One protocol's dialogue for a target. */
export function dialogueOf(protocol: StarttlsProtocol, context: DialogueContext): Dialogue {
  return async (wire) => {
    const stream = new PlainStream(wire, protocol.name);
    await protocol.talk(stream, context);
    stream.end();
    protocol.frame?.(wire);
  };
}

/** Looks for the way by what the port said: words choose the dialogue, and that decides. */
export async function findByWords(
  prober: Prober,
  bytes: Uint8Array,
  context: TrialContext,
): Promise<Way> {
  const words = Buffer.from(bytes).toString("latin1");
  if (SIGN_OF_220.test(words)) return tryKinOf220(prober, words, context);
  const plain = PLAIN_SIGNS.find(([, sign]) => sign.test(words))?.[0];
  if (plain !== undefined && !STARTTLS_PROTOCOLS.some(({ name }) => name === plain))
    return { kind: "plain", speaks: plain };
  const signed = STARTTLS_PROTOCOLS.filter(
    ({ name, sign }) => name === plain || sign?.test(words) === true,
  );
  // A server of XMPP may want servers.
  const kin = signed[0]?.name === "xmpp-client" ? ["xmpp-client", "xmpp-server"] : undefined;
  for (const protocol of kin === undefined
    ? signed
    : STARTTLS_PROTOCOLS.filter(({ name }) => kin.includes(name))) {
    const way = await tryProtocol(prober, protocol, context);
    if (way.kind !== "none") return way;
  }
  // It greets like one and then has nothing more to say.
  return signed[0] === undefined ? { kind: "none" } : { kind: "plain", speaks: signed[0].name };
}

/** What came of trying all protocols in which the client speaks first, and of listening. */
export interface Trials {
  /** The first way that a hello was answered on with TLS; rejects where there is none. */
  readonly proven: Promise<Way>;
  /** The first other protocol that showed itself; rejects where there is none. */
  readonly plain: Promise<Way>;
  readonly all: Promise<readonly Way[]>;
}

interface TrialContext extends DialogueContext {
  /** Ends what is not needed any more. */
  readonly signal?: AbortSignal | undefined;
}

/** Tries protocols in which the client speaks first, all at once, and listens for a late greeting. */
export function tryProtocols(prober: Prober, context: TrialContext): Trials {
  const requests = [undefined, ...PLAIN_PROBES.map(([, request]) => request)];
  const trials = [
    ...requests.map((request) => askPlainly(prober, request, context)),
    ...STARTTLS_PROTOCOLS.filter(({ isTried }) => isTried === true).map((protocol) =>
      tryUnasked(prober, protocol, context),
    ),
  ];
  const first = (is: (way: Way) => boolean): Promise<Way> => {
    const found = Promise.any(
      trials.map(async (pending) => {
        const way = await pending;
        if (!is(way)) throw new AppError("PEER_PROTOCOL", "Cannot speak with the port: not so");
        return way;
      }),
    );
    found.catch(() => {});
    return found;
  };
  return {
    proven: first(({ kind }) => kind === "starttls"),
    plain: first(({ kind }) => kind === "plain" || kind === "rejected"),
    all: Promise.all(trials),
  };
}

/** A protocol that the port did not show: only TLS behind it proves that it is spoken. */
async function tryUnasked(
  prober: Prober,
  protocol: StarttlsProtocol,
  context: TrialContext,
): Promise<Way> {
  const way = await tryProtocol(prober, protocol, context);
  return way.kind === "starttls" && way.first.kind !== "flight" ? { kind: "none" } : way;
}

/**
 * One dialogue on a connection of its own; with XMPP, for each name in turn until the server serves
 * one.
 */
async function tryProtocol(
  prober: Prober,
  protocol: StarttlsProtocol,
  { names, signal }: TrialContext,
): Promise<Way> {
  const attempts = protocol.name.startsWith("xmpp") ? names : names.slice(0, 1);
  let refused: Way | undefined;
  for (const name of attempts) {
    const dialogue = dialogueOf(protocol, { names: [name] });
    const way = await tryDialogue(prober, dialogue, {
      signal,
      outcome: () => ({ protocol: protocol.name, dialogue }),
    });
    if (way.kind === "starttls") return way;
    if (way.kind === "none") break;
    refused = way;
  }
  return refused ?? { kind: "none" };
}

/** SMTP, LMTP or FTP: one dialogue says which, and goes on in it. */
async function tryKinOf220(prober: Prober, words: string, { signal }: TrialContext): Promise<Way> {
  let kin: KinOf220 | undefined;
  const talk = kinOf220((found) => (kin = found));
  const dialogue: Dialogue = async (wire) => {
    const stream = new PlainStream(wire, kin ?? "SMTP, LMTP or FTP");
    await talk(stream, { names: [] });
    stream.end();
  };
  const outcome = (): Dialogued => {
    const protocol = STARTTLS_PROTOCOLS.find(({ name }) => name === kin);
    return protocol === undefined
      ? { protocol: kinByName(words) ?? "unknown", dialogue }
      : { protocol: protocol.name, dialogue: dialogueOf(protocol, { names: [] }) };
  };
  const way = await tryDialogue(prober, dialogue, { signal, outcome });
  return way.kind === "none"
    ? { kind: "plain", speaks: kin ?? kinByName(words) ?? "unknown" }
    : way;
}

interface Dialogued {
  readonly protocol: string;
  readonly dialogue: Dialogue;
}

/** Goes a dialogue to its end and says a hello there. */
async function tryDialogue(
  prober: Prober,
  dialogue: Dialogue,
  { signal, outcome }: { readonly signal: AbortSignal | undefined; outcome: () => Dialogued },
): Promise<Way> {
  const way = await prober.session(
    async (wire): Promise<Way> => {
      try {
        await dialogue(wire);
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown;
        if (thrown.code !== "PEER_STARTTLS" && thrown.code !== "PEER_TURNED_AWAY")
          return { kind: "none" };
        return {
          kind: thrown.code === "PEER_STARTTLS" ? "plain" : "rejected",
          speaks: outcome().protocol,
          refusal: messageOf(thrown),
        };
      }
      const first = await prober.helloOn(wire, firstHello(FIRST_VERSION));
      return { kind: "starttls", ...outcome(), first };
    },
    { silenceMs: prober.patienceMs, dialogue: null, signal },
  );
  return way.kind === "unreachable" ? { kind: "none" } : way;
}

/** What the port says to a request, or by itself. */
async function askPlainly(
  prober: Prober,
  request: Uint8Array | undefined,
  context: TrialContext,
): Promise<Way> {
  const answer = await prober.session(
    async (wire) => {
      if (request !== undefined) wire.write(request);
      return { words: await wordsOf(wire) };
    },
    { silenceMs: prober.patienceMs, dialogue: null, signal: context.signal },
  );
  if (!("words" in answer) || answer.words.length === 0) return { kind: "none" };
  // An echo (RFC 862) says what it was told, whatever protocol that was of.
  if (request !== undefined && answer.words.subarray(0, request.length).equals(request))
    return { kind: "none", hasSpoken: true };
  if (hintsAtTls(answer.words.toString("latin1"))) return { kind: "hint" };
  const way = await findByWords(prober, answer.words, context);
  return way.kind === "none" ? { kind: "none", hasSpoken: true } : way;
}

/** After the first bytes, this long without more of them ends the wait. */
const SETTLE_MS = 100;
const WORDS_KEPT = 2048;

async function wordsOf(wire: Wire): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (
    let bytes = await wire.read();
    typeof bytes !== "string" && length < WORDS_KEPT;
    bytes = await wire.read(SETTLE_MS)
  ) {
    chunks.push(bytes);
    length += bytes.length;
  }
  return Buffer.concat(chunks).subarray(0, WORDS_KEPT);
}

/** What a plain HTTP request is answered with. */
export function askHttp(prober: Prober): Promise<Answer> {
  return prober.session((wire): Promise<Answer> =>
    converse(wire, HTTP_REQUEST, new FlightReader()),
  );
}
