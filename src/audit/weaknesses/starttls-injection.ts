import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { AppError } from "../../lib/errors.ts";
import { tlsClient } from "../handshake/tls-client.ts";
import type { Prober } from "../prober.ts";
import { CLEAR_TEXT, type ClearText, clearPatience } from "../starttls/clear-text.ts";
import { PlainStream } from "../starttls/plain-stream.ts";
import type { Wire } from "../wire.ts";
import { NOT_APPLICABLE, NOT_VULNERABLE, type Verdict, type Weakness } from "./weakness.ts";

/**
 * CVE-2011-0411 and its kin: what was sent in one piece with STARTTLS, before TLS, is taken for a
 * command inside it. Asked with a command that does nothing; then we take our leave inside TLS, and
 * what is answered before that tells.
 */
export const STARTTLS_INJECTION: Weakness = {
  id: "starttls-injection",
  severity: "high",
  title: "Commands from before STARTTLS are obeyed inside TLS (CVE-2011-0411)",
  explanation:
    "An attacker in the middle puts commands of his own in front of a client's session, which the server then takes for the client's.",
  examine: async ({ prober, starttls }) => {
    const clear = starttls === undefined ? undefined : CLEAR_TEXT[starttls];
    if (starttls === undefined || clear === undefined) return NOT_APPLICABLE;
    const asked = { prober, clear, protocol: starttls };
    // Of words where TLS should begin the client of TLS does not say what comes behind them.
    return (await ask(asked, throughTls)) ?? (await ask(asked, withoutTls)) ?? ANSWERED;
  },
};

interface Asked {
  readonly prober: Prober;
  readonly clear: ClearText;
  readonly protocol: string;
}

/** What comes behind the go-ahead tells; undefined where this way cannot. */
type Reading = (stream: PlainStream, wire: Wire, asked: Asked) => Promise<Verdict | undefined>;

async function ask(asked: Asked, reading: Reading): Promise<Verdict | undefined> {
  const verdict = await asked.prober.session(
    (wire) => inject(wire, asked, reading),
    clearPatience(asked.prober),
  );
  return verdict?.kind === "unreachable" ? { kind: "unknown", reason: verdict.reason } : verdict;
}

async function inject(wire: Wire, asked: Asked, reading: Reading): Promise<Verdict | undefined> {
  const { clear, protocol } = asked;
  const stream = new PlainStream(wire, protocol);
  await clear.offers(stream);
  stream.send(`${clear.starttls}${clear.command}`);
  let line = await stream.line();
  while (/^(?:\*|\d{3}-)/.test(line)) line = await stream.line();
  if (!clear.goesOn.test(line)) return NOT_VULNERABLE;
  return stream.hasMore ? withoutTls(stream) : reading(stream, wire, asked);
}

/** An answer to the command in plain words: whether it hangs up behind them. */
async function withoutTls(stream: PlainStream): Promise<Verdict> {
  return (await endsSoon(stream)) ? FAILS : ANSWERED;
}

async function throughTls(
  stream: PlainStream,
  wire: Wire,
  { prober, clear }: Asked,
): Promise<Verdict | undefined> {
  stream.end();
  const socket = wire.release();
  if (socket === undefined) return FAILS;
  const tls = tlsClient(socket, { host: prober.serverName ?? "localhost" });
  const { text, isWhole, isRefused, isPlain } = await lastWords(tls, socket, clear);
  tls.destroy();
  if (isPlain) return undefined;
  const answer = text?.split("\n").find((one) => clear.answered.test(one));
  if (answer !== undefined)
    return { kind: "vulnerable", evidence: `inside TLS the server says "${answer.trim()}"` };
  if (isRefused) return FAILS;
  if (isWhole && text !== undefined) return NOT_VULNERABLE;
  const state =
    text === undefined ? "no TLS came about behind it" : "the farewell was not answered";
  return { kind: "unknown", reason: state };
}

/**
 * Without the command TLS comes about: hanging up is the answer to it (Dovecot), and so are words of
 * an error (vsftpd takes the command for the client's hello).
 */
const FAILS = NOT_VULNERABLE;
const ANSWERED: Verdict = {
  kind: "unknown",
  reason: "the server answered the early command before TLS",
};

/** Whether the server hangs up behind what it has to say. */
async function endsSoon(stream: PlainStream): Promise<boolean> {
  try {
    for (;;) await stream.line();
  } catch (thrown) {
    const { code } = thrown as AppError;
    return code === "PEER_CLOSED" || code === "PEER_RESET";
  }
}

/** What Node's client says to words where TLS should begin. */
const PLAIN_WORDS = "ERR_SSL_WRONG_VERSION_NUMBER";

/** Characters of an answer that are read. */
const MAX_CHARACTERS = 4096;

interface LastWords {
  /** Undefined where no TLS came about. */
  readonly text: string | undefined;
  /** The farewell was answered, or the server has ended the connection behind it. */
  readonly isWhole: boolean;
  /** The server hung up before TLS. */
  readonly isRefused: boolean;
  /** It spoke in plain words instead of TLS. */
  readonly isPlain: boolean;
}

/** All that is said inside TLS until the farewell is answered; the wire ends what takes too long. */
function lastWords(
  tls: TLSSocket,
  socket: Socket,
  { farewell, ended }: ClearText,
): Promise<LastWords> {
  return new Promise((resolve) => {
    let text: string | undefined;
    const settle = (words: Partial<LastWords>): void =>
      resolve({ text, isWhole: false, isRefused: false, isPlain: false, ...words });
    const hangsUp = (): void => settle({ isWhole: true, isRefused: text === undefined });
    tls.once("secureConnect", () => {
      text = "";
      tls.write(farewell);
    });
    tls.on("data", (bytes: Buffer) => {
      text = `${text ?? ""}${bytes.toString("latin1")}`;
      if (ended?.test(text) === true || text.length > MAX_CHARACTERS) settle({ isWhole: true });
    });
    tls.on("end", hangsUp);
    tls.on("error", ({ code }: NodeJS.ErrnoException) => {
      const isBefore = text === undefined;
      settle({
        isRefused: isBefore && code === "ECONNRESET",
        isPlain: isBefore && code === PLAIN_WORDS,
      });
    });
    tls.on("close", () => settle({}));
    // Of a socket that ends before TLS has begun, the client of TLS may say nothing.
    socket.once("end", hangsUp);
  });
}
