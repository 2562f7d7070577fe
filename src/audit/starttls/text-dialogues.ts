import { AppError } from "../../lib/errors.ts";
import type { PlainStream } from "./plain-stream.ts";

/** What a dialogue may need to know. */
export interface DialogueContext {
  /**
   * Names that the server may serve, the likeliest first: the one that was asked for, the
   * container's, `localhost`. XMPP wants one of them.
   */
  readonly names: readonly string[];
}

/**
 * Leads the stream to where TLS begins. Throws `PEER_PROTOCOL` for a peer of another protocol, and
 * `PEER_STARTTLS` for one that does not begin TLS, `PEER_TURNED_AWAY` for one that wants nobody; and
 * what `PlainStream` throws.
 */
export type Talk = (stream: PlainStream, context: DialogueContext) => Promise<void>;

/** SMTP and LMTP differ in one word (RFC 3207, RFC 2033). */
export function smtp(greeting: "EHLO" | "LHLO"): Talk {
  return async (stream) => {
    await greeted(stream);
    stream.send(`${greeting} localhost\r\n`);
    const offered = await reply(stream);
    if (!offered.startsWith("250"))
      throw /^5\d\d/.test(offered)
        ? stream.isOther(`it answers ${greeting} with "${offered.slice(0, 60)}"`)
        : stream.refuses(offered);
    await startSmtp(stream, offered);
  };
}

async function startSmtp(stream: PlainStream, offered: string): Promise<void> {
  if (!/^250[ -]STARTTLS/im.test(offered)) throw stream.refuses("STARTTLS is not offered");
  stream.send("STARTTLS\r\n");
  const answer = await reply(stream);
  if (!answer.startsWith("220")) throw stream.refuses(answer);
}

/**
 * The greeting of SMTP, LMTP or FTP: 220; FTP may ask for time before it by 120 (RFC 959 §5.4).
 * Throws for the 4xx or 5xx of a server that wants nobody.
 */
export async function greeted(stream: PlainStream): Promise<string> {
  let greeting = await reply(stream);
  while (greeting.startsWith("120")) greeting = await reply(stream);
  if (greeting.startsWith("220")) return greeting;
  throw /^[45]/.test(greeting)
    ? stream.turnsAway(greeting)
    : stream.isOther(`it says "${greeting.slice(0, 60)}"`);
}

/** All lines of a reply of SMTP and its kin: `250-…` goes on, `250 …` ends. */
export async function reply(stream: PlainStream): Promise<string> {
  const lines: string[] = [];
  for (;;) {
    const line = await stream.line();
    if (!/^\d{3}(?:[ -]|$)/.test(line)) {
      if (lines.length === 0) throw stream.isOther(`it says "${line.slice(0, 60)}"`);
      // FTP's replies may have lines without a number in between.
      continue;
    }
    lines.push(line);
    if (line[3] !== "-") return lines.join("\n");
  }
}

/** RFC 4217. */
export const ftp: Talk = async (stream) => {
  await greeted(stream);
  await startFtp(stream);
};

/**
 * Old servers know the mechanism by its first name alone (RFC 4217 §2); 334 is what some answer.
 * The refusal of the second counts only where it comes.
 */
async function startFtp(stream: PlainStream): Promise<void> {
  stream.send("AUTH TLS\r\n");
  const answer = await reply(stream);
  if (/^(?:234|334)/.test(answer)) return;
  stream.send("AUTH SSL\r\n");
  const second = await reply(stream).catch(() => answer);
  if (!/^(?:234|334)/.test(second)) throw stream.refuses(answer);
}

/** Protocols whose greeting is `220`. */
export type KinOf220 = "smtp" | "lmtp" | "ftp";

/** The one that a greeting names, if any: a name is a hint where to begin, and no more. */
export function kinByName(greeting: string): KinOf220 | undefined {
  const [, name] = /\b(LMTP|E?SMTP|FTP)/i.exec(greeting) ?? [];
  return name === undefined ? undefined : (name.toLowerCase().replace("esmtp", "smtp") as KinOf220);
}

/**
 * Which of them it is, by what the server takes, in one connection: EHLO is SMTP's, LHLO is LMTP's
 * (RFC 2033 §4.1: it must not take EHLO), AUTH with a mechanism's name alone is FTP's. Calls `onKin`
 * as soon as that is known, then leads to TLS as the protocol's own dialogue does.
 */
export function kinOf220(onKin: (kin: KinOf220) => void): Talk {
  return async (stream) => {
    const named = kinByName(await greeted(stream));
    const order = (["smtp", "lmtp", "ftp"] as const).toSorted((a, b) => rankOf(a) - rankOf(b));
    let refusal: AppError | undefined;
    for (const kin of order) {
      try {
        await KIN[kin](stream, () => onKin(kin));
        return onKin(kin);
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown;
        if (thrown.code !== "PEER_OTHER") throw refusal ?? thrown;
        refusal ??= stream.refuses(thrown.message);
      }
    }
    onKin(named ?? "ftp");
    throw refusal ?? stream.isOther("it takes no word");

    function rankOf(kin: KinOf220): number {
      return kin === named ? 0 : 1;
    }
  };
}

/** Each kin's first word, and the way from there; `PEER_OTHER` where the word is refused. */
const KIN: Readonly<Record<KinOf220, (stream: PlainStream, onKin: () => void) => Promise<void>>> = {
  smtp: (stream, onKin) => mailKin(stream, "EHLO", onKin),
  lmtp: (stream, onKin) => mailKin(stream, "LHLO", onKin),
  ftp: (stream) =>
    startFtp(stream).catch((thrown: unknown) => {
      throw thrown instanceof AppError && thrown.code === "PEER_STARTTLS"
        ? new AppError("PEER_OTHER", thrown.message.replace(/^[^:]*: /, ""))
        : thrown;
    }),
};

async function mailKin(
  stream: PlainStream,
  word: "EHLO" | "LHLO",
  onKin: () => void,
): Promise<void> {
  stream.send(`${word} localhost\r\n`);
  const answer = await reply(stream);
  if (!/^(?:250|4)/.test(answer)) throw new AppError("PEER_OTHER", answer);
  onKin();
  if (answer.startsWith("4")) throw stream.refuses(answer);
  await startSmtp(stream, answer);
}

/** RFC 4642. */
export const nntp: Talk = async (stream) => {
  const greeting = await reply(stream);
  if (!/^20[01]/.test(greeting)) throw stream.isOther(`it says "${greeting.slice(0, 60)}"`);
  stream.send("STARTTLS\r\n");
  const answer = await reply(stream);
  if (answer.startsWith("382")) return;
  throw /^[45]\d\d/.test(answer)
    ? stream.refuses(answer)
    : stream.isOther(`it answers STARTTLS with "${answer.slice(0, 60)}"`);
};

/** RFC 3501 §6.2.1. */
export const imap: Talk = async (stream) => {
  const greeting = await stream.line();
  if (!/^\* (?:OK|PREAUTH|BYE)/i.test(greeting))
    throw stream.isOther(`it says "${greeting.slice(0, 60)}"`);
  if (/^\* BYE/i.test(greeting)) throw stream.turnsAway(greeting);
  if (!/^\* OK/i.test(greeting)) throw stream.refuses(greeting);
  stream.send("a1 STARTTLS\r\n");
  for (;;) {
    const answer = await stream.line();
    if (/^a1 OK/i.test(answer)) return;
    if (!answer.startsWith("*")) throw stream.refuses(answer);
  }
};

/** RFC 2595 §4. */
export const pop3: Talk = async (stream) => {
  const greeting = await stream.line();
  if (!greeting.startsWith("+OK"))
    throw greeting.startsWith("-ERR")
      ? stream.turnsAway(greeting)
      : stream.isOther(`it says "${greeting.slice(0, 60)}"`);
  stream.send("STLS\r\n");
  const answer = await stream.line();
  if (!answer.startsWith("+OK")) throw stream.refuses(answer);
};

/** ManageSieve (RFC 5804 §2.2): capabilities come by themselves and end with OK. */
export const sieve: Talk = async (stream) => {
  const lines: string[] = [];
  do lines.push(await stream.line());
  while (lines.at(-1)?.startsWith('"') === true);
  const greeting = lines.join("\n");
  if (!/^"(?:IMPLEMENTATION|SIEVE|SASL|STARTTLS|VERSION)"/i.test(greeting))
    throw stream.isOther(`it says "${greeting.slice(0, 60)}"`);
  if (!/^"STARTTLS"/im.test(greeting)) throw stream.refuses("STARTTLS is not offered");
  stream.send("STARTTLS\r\n");
  const answer = await stream.line();
  if (!/^OK/i.test(answer)) throw stream.refuses(answer);
};

/**
 * IRC's STARTTLS (IRCv3 `tls`): numeric 670 means go on, 691 means no. Servers may chat before
 * that.
 */
export const irc: Talk = async (stream) => {
  stream.send("STARTTLS\r\n");
  for (;;) {
    const line = await stream.line();
    const [, numeric] = /^:\S+ (\d{3}) /.exec(line) ?? [];
    if (numeric === "670") return;
    if (numeric !== undefined && /^(?:421|451|462|691)$/.test(numeric)) throw stream.refuses(line);
    if (!/^(?::\S+ |NOTICE |PING |ERROR )/.test(line))
      throw stream.isOther(`it says "${line.slice(0, 60)}"`);
    if (line.startsWith("ERROR ")) throw stream.refuses(line);
  }
};

/** NATS says INFO first, and TLS begins behind it without another word. */
export const nats: Talk = async (stream) => {
  const line = await stream.line();
  if (!line.startsWith("INFO {")) throw stream.isOther(`it says "${line.slice(0, 60)}"`);
  if (!/"tls_(?:required|available|verify)":\s*true/.test(line))
    throw stream.refuses("INFO offers no TLS");
};

/**
 * XMPP of clients or servers (RFC 6120 §5): the server wants to be named as it names itself, and
 * what it does not serve it may not say.
 */
export function xmpp(namespace: "jabber:client" | "jabber:server"): Talk {
  return async (stream, { names }) => {
    const [name = "localhost"] = names;
    const to = name.replace(/[^\w.-]/g, "");
    stream.send(
      `<?xml version='1.0'?><stream:stream xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams' to='${to}' version='1.0'>`,
    );
    const answer = await stream.until(
      "</stream:features>",
      "<stream:features/>",
      "</stream:error>",
      "</stream:stream>",
    );
    if (!answer.includes("<stream:stream") && !answer.includes("<?xml"))
      throw stream.isOther(`it says "${answer.slice(0, 60)}"`);
    const [, condition] = /<stream:error>\s*<([\w-]{1,40})/.exec(answer) ?? [];
    const other = namespace === "jabber:client" ? "jabber:server" : "jabber:client";
    if (
      condition === "invalid-namespace" ||
      answer.includes(`xmlns='${other}'`) ||
      answer.includes(`xmlns="${other}"`)
    )
      throw stream.isOther(`it does not speak ${namespace}`);
    if (condition !== undefined || !answer.includes("urn:ietf:params:xml:ns:xmpp-tls"))
      throw stream.refuses(
        condition === undefined
          ? "STARTTLS is not offered"
          : `the server answers ${condition} to the name ${to}`,
      );
    stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    await stream.until("<");
    const outcome = await stream.until(">");
    if (!/^(?:[\w.-]+:)?proceed\b/.test(outcome)) throw stream.refuses(outcome);
    // An element of nothing may have an end of its own, which is no word of TLS.
    if (!outcome.endsWith("/>")) await stream.until(">");
  };
}
