import { AppError, messageOf } from "../../lib/errors.ts";
import { FlightReader } from "../../tls/server-flight.ts";
import { type Answer, converse, type Dialogue } from "../connection.ts";
import type { Prober } from "../prober.ts";
import { PlainStream } from "./plain-stream.ts";
import { PLAIN_PROBES, PLAIN_SIGNS, STARTTLS_PROTOCOLS, type StarttlsProtocol } from "./protocols.ts";
import type { DialogueContext } from "./text-dialogues.ts";

/** How TLS is reached in a port that did not answer a hello with TLS, or what it speaks instead. */
export type Way =
  | { readonly kind: "starttls"; readonly protocol: string; readonly dialogue: Dialogue }
  /** `refusal`: it has a way to TLS, and does not go it. */
  | { readonly kind: "plain"; readonly speaks: string; readonly refusal?: string }
  | { readonly kind: "none" };

/** One protocol's dialogue for a target. */
export function dialogueOf(protocol: StarttlsProtocol, context: DialogueContext, silenceMs?: number): Dialogue {
  return async (wire) => {
    const stream = new PlainStream(wire, protocol.name, silenceMs);
    await protocol.talk(stream, context);
    stream.end();
    protocol.frame?.(wire);
  };
}

/** Looks for the way by what the port said to the hello. */
export async function findByWords(prober: Prober, bytes: Uint8Array, context: DialogueContext): Promise<Way> {
  const words = Buffer.from(bytes).toString("latin1");
  const plain = PLAIN_SIGNS.find(([, sign]) => sign.test(words))?.[0];
  if (plain !== undefined && !STARTTLS_PROTOCOLS.some(({ name }) => name === plain)) return { kind: "plain", speaks: plain };
  const signed = STARTTLS_PROTOCOLS.filter(({ name, sign }) => name === plain || sign?.test(words) === true);
  // SMTP and FTP greet alike, and a server of XMPP may want clients or servers: what is not the one may be the other.
  const kin = signed.some(({ name }) => name === "ftp") ? ["smtp"] : signed.some(({ name }) => name === "xmpp-client") ? ["xmpp-server"] : [];
  const candidates = [...signed, ...STARTTLS_PROTOCOLS.filter((one) => kin.includes(one.name) && !signed.includes(one))];
  let refused: Way | undefined;
  for (const protocol of candidates) {
    const way = await tryProtocol(prober, protocol, context);
    if (way.kind === "starttls") return way;
    if (way.kind === "plain") refused ??= way;
  }
  return refused ?? { kind: "none" };
}

/** How long one protocol is tried in a port that says nothing by itself. */
const TRY_MS = 1000;

/** Tries protocols in which the client speaks first, all at once; the first that fits ends it. */
export async function findByTrying(prober: Prober, context: DialogueContext): Promise<Way> {
  prober.widen(Number.POSITIVE_INFINITY);
  const tried = STARTTLS_PROTOCOLS.filter(({ isTried }) => isTried === true).map((protocol) => tryProtocol(prober, protocol, context));
  const asked = PLAIN_PROBES.map(([, request]) => askPlainly(prober, request));
  const ways = await Promise.all([...tried, ...asked]);
  const found = ways.find(({ kind }) => kind === "starttls") ?? ways.find(({ kind }) => kind === "plain");
  if (found?.kind !== "plain" || found.speaks !== "xmpp-client") return found ?? { kind: "none" };
  const server = STARTTLS_PROTOCOLS.find(({ name }) => name === "xmpp-server");
  const way = server === undefined ? found : await tryProtocol(prober, server, context);
  return way.kind === "starttls" ? way : found;
}

/** One dialogue on a connection of its own; with XMPP, for each name in turn until the server serves one. */
async function tryProtocol(prober: Prober, protocol: StarttlsProtocol, { names }: DialogueContext): Promise<Way> {
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
        return thrown.code === "PEER_STARTTLS" ? { kind: "plain", speaks: protocol.name, refusal: messageOf(thrown) } : { kind: "none" };
      }
    });
    if (way.kind === "starttls") return way;
    if (way.kind === "plain") refused = way;
    if (way.kind === "unreachable" || way.kind === "none") break;
  }
  return refused ?? { kind: "none" };
}

async function askPlainly(prober: Prober, request: Uint8Array): Promise<Way> {
  const words = await prober.session(async (wire) => {
    wire.write(request);
    const bytes = await wire.read(TRY_MS);
    return { words: typeof bytes === "string" ? "" : Buffer.from(bytes).toString("latin1") };
  });
  const speaks = "words" in words ? PLAIN_SIGNS.find(([, sign]) => sign.test(words.words))?.[0] : undefined;
  return speaks === undefined ? { kind: "none" } : { kind: "plain", speaks };
}

/** What an HTTP request is answered with. It names no host: Redis would take that for an attack, and HTTP 1.0 needs none. */
export function askHttp(prober: Prober): Promise<Answer> {
  return prober.session((wire): Promise<Answer> => converse(wire, new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"), new FlightReader()));
}

/** What words of a peer say of it. */
export function recognise(bytes: Uint8Array): string | undefined {
  const words = Buffer.from(bytes).toString("latin1");
  return PLAIN_SIGNS.find(([, sign]) => sign.test(words))?.[0] ?? STARTTLS_PROTOCOLS.find(({ sign }) => sign?.test(words))?.name;
}
